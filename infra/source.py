"""What is put into Lambda: one asset of our own code, and a layer of third-party code for each dependency list.

No Docker: uv installs the wheels of the Lambda platform into a folder. Both are compiled ahead, because a function that
has to compile its imports pays for it at every cold start. https://peps.python.org/pep-0552/
"""

import atexit
import compileall
import py_compile
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

from infra.project import REQUIREMENTS, ROOT

PYTHON = (3, 13)
RUNTIME = lambda_.Runtime.PYTHON_3_13
PLATFORM = "aarch64-manylinux_2_28"

# The lists under `infra/requirements/`: the API, functions that only call AWS, those that compute with NumPy, exports.
DependencyList = Literal["api", "worker", "numeric", "export"]

_SOURCE_FOLDERS = ("functions", "shared")
# Commands for people; what they are built on is in no function. The console's pages are in its own alone.
_LEFT_OUT = ("__pycache__", "training", "client", "console")

MIB = 1024 * 1024
# Lambda's limit on code and layers together, unpacked.
_UNPACKED_LIMIT = 250 * MIB
# The api function's callers wait for its cold start.
_ZIPPED_LIMITS = {"api": 15 * MIB}


class BundleTooLargeError(Exception):
    """A dependency bundle that has grown past its limit."""


def source_code(model_folder: str | None) -> lambda_.Code:
    """Our own code, as every function gets it. Raises ValueError for models that functions would refuse."""
    return lambda_.Code.from_asset(str(_staged_source(model_folder)))


def console_code() -> lambda_.Code:
    """What the console function runs and serves."""
    return lambda_.Code.from_asset(str(_staged_console()))


@cache
def _staged_source(model_folder: str | None) -> Path:
    folder = _staging_folder()
    copy_source(folder, models=ROOT / model_folder if model_folder else None)
    return folder


@cache
def _staged_console() -> Path:
    folder = _staging_folder()
    copy_console(folder)
    return folder


def _staging_folder() -> Path:
    """A folder for a copy, kept until this process ends; its content decides the asset's hash."""
    folder = Path(tempfile.mkdtemp(prefix="default-risk-jobs-source-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def dependency_code(dependencies: DependencyList) -> lambda_.Code:
    """Returns the packages of a dependency list, as a layer's content."""
    return lambda_.Code.from_asset(
        str(REQUIREMENTS),
        asset_hash_type=AssetHashType.OUTPUT,
        bundling=BundlingOptions(
            image=DockerImage.from_registry("unused"),
            # Never run; without it CDK takes the bundles of all lists for the same.
            command=[dependencies],
            local=_DependencyBundle(dependencies),
        ),
    )


@jsii.implements(ILocalBundling)
class _DependencyBundle:
    def __init__(self, dependencies: DependencyList) -> None:
        self._dependencies: DependencyList = dependencies

    def try_bundle(self, output_dir: str, *_args: Any, **_options: Any) -> bool:
        install_dependencies(self._dependencies, Path(output_dir))
        return True


def copy_source(target: Path, *, models: Path | None = None) -> None:
    """Copy what functions run into `target`, compiled, with the models of a folder if there is one.

    Raises ValueError with what is wrong with those models.
    """
    for folder in _SOURCE_FOLDERS:
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    if models is not None:
        _check_models(models)
        for file in models.glob("*.json"):
            shutil.copy(file, target / "shared" / "scoring" / "artifacts" / file.name)
    _compile(target)


def copy_console(target: Path) -> None:
    """Copy what the console function runs and serves into `target`, compiled."""
    functions = target / "functions"
    functions.mkdir()
    shutil.copy(ROOT / "functions" / "__init__.py", functions)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "functions" / "console", functions / "console", ignore=ignored)
    _compile(target)


def _check_models(folder: Path) -> None:
    """Have the code that is deployed judge the models, in a process of its own: nothing here imports it."""
    command = [sys.executable, "-m", "shared.scoring.replacement", str(folder)]
    judged = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603
    if judged.returncode:
        raise ValueError(f"the models of the context model_folder cannot be deployed: {judged.stderr.strip()}")


def install_dependencies(dependencies: DependencyList, target: Path) -> None:
    """Install the locked wheels of a list for Lambda into `target`, trimmed and compiled.

    Raises `BundleTooLargeError`, and `subprocess.CalledProcessError` when a wheel cannot be had.
    """
    site_packages = target / "python"
    # Fixed arguments, none from outside.
    subprocess.run(  # noqa: S603
        [
            str(Path(sys.executable).with_name("uv")),
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            f"--python-platform={PLATFORM}",
            f"--python-version={'.'.join(map(str, PYTHON))}",
            f"--target={site_packages}",
            f"--requirements={REQUIREMENTS / f'{dependencies}.txt'}",
        ],
        check=True,
    )
    _trim(site_packages)
    _compile(site_packages)
    _check_size(dependencies, target)


def _trim(site_packages: Path) -> None:
    """Remove what no function needs. Binaries stay as they are: stripped ones break OpenBLAS."""
    # bin/ and RECORD have the path of this machine in them, and would change the asset's hash with it.
    shutil.rmtree(site_packages / "bin", ignore_errors=True)
    for record in site_packages.glob("*.dist-info/RECORD"):
        record.unlink()
    (site_packages / ".lock").unlink(missing_ok=True)
    for folder in _folders(site_packages, ("tests", "__pycache__")):
        # numpy.testing and friends stay: only folders named exactly so are test suites.
        shutil.rmtree(folder, ignore_errors=True)


def _folders(root: Path, names: Iterable[str]) -> list[Path]:
    return [folder for name in names for folder in root.rglob(name) if folder.is_dir()]


def _compile(folder: Path) -> None:
    """Compile in place, by hash and not by time, so that the same code gives the same asset.

    Bytecode belongs to one version of Python: another one that synthesises leaves compiling to Lambda.
    """
    if sys.version_info[:2] == PYTHON:
        compileall.compile_dir(
            folder,
            quiet=2,
            stripdir=str(folder),
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


def _check_size(dependencies: DependencyList, bundle: Path) -> None:
    unpacked = sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file())
    if unpacked > _UNPACKED_LIMIT:
        raise BundleTooLargeError(
            f"the bundle of {dependencies} is {unpacked / MIB:.0f} MiB unpacked, over Lambda's limit"
        )
    limit = _ZIPPED_LIMITS.get(dependencies)
    if limit is not None:
        archive = Path(shutil.make_archive(str(bundle.with_name(f"{bundle.name}-size")), "zip", bundle))
        zipped = archive.stat().st_size
        archive.unlink()
        if zipped > limit:
            raise BundleTooLargeError(
                f"the bundle of {dependencies} is {zipped / MIB:.1f} MiB zipped, over {limit / MIB:.0f}"
            )
