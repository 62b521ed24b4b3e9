"""Lambda assets: one with the project's code, one for the console, and a layer for each dependency list.

uv installs the wheels of the Lambda platform into a folder, so Docker is not needed. Everything is compiled to bytecode
ahead of time, because Lambda would compile it at every cold start. https://peps.python.org/pep-0552/
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

# Lists under `infra/requirements/`: the API, functions that only call AWS, functions that use NumPy, and exports.
DependencyList = Literal["api", "worker", "numeric", "export"]

_SOURCE_FOLDERS = ("functions", "shared")
# Commands for people, whose dependencies are not deployed, and the console, which has an asset of its own.
_EXCLUDED = ("__pycache__", "training", "client", "console")

# The services of AWS that functions call: `shared/aws/clients.py`. Descriptions of all others are 25 MB.
SERVICES = ("dynamodb", "events", "lambda", "s3", "secretsmanager", "stepfunctions")

MIB = 1024 * 1024
# Lambda's limit for code and layers together, unzipped.
_UNPACKED_LIMIT = 250 * MIB
# Larger archives make cold starts slower, and callers wait for those of the api function.
_ZIPPED_LIMITS = {"api": 16 * MIB}


class BundleTooLargeError(Exception):
    """A dependency bundle exceeds its size limit."""


def source_code(model_folder: str | None) -> lambda_.Code:
    """Returns the asset with the code of the functions. Raises ValueError for models that cannot be loaded."""
    return lambda_.Code.from_asset(str(_staged_source(model_folder)))


def console_code() -> lambda_.Code:
    """Returns the asset of the console function: its code and its static files."""
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
    """Returns a temporary folder that is deleted when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="default-risk-jobs-source-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def dependency_code(dependencies: DependencyList) -> lambda_.Code:
    """Returns the asset of a layer with the packages of a dependency list."""
    return lambda_.Code.from_asset(
        str(REQUIREMENTS),
        asset_hash_type=AssetHashType.OUTPUT,
        bundling=BundlingOptions(
            image=DockerImage.from_registry("unused"),
            # Never executed, but part of the key under which CDK caches bundles.
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
    """Copies the code of the functions to `target` and compiles it. `models` is a folder of models to add or replace.

    Raises ValueError, with the reason, for invalid models.
    """
    for folder in _SOURCE_FOLDERS:
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns(*_EXCLUDED))
    if models is not None:
        _check_models(models)
        for file in models.glob("*.json"):
            shutil.copy(file, target / "shared" / "scoring" / "artifacts" / file.name)
    _compile(target)


def copy_console(target: Path) -> None:
    """Copies the code and the static files of the console function to `target` and compiles the code."""
    functions = target / "functions"
    functions.mkdir()
    shutil.copy(ROOT / "functions" / "__init__.py", functions)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "functions" / "console", functions / "console", ignore=ignored)
    _compile(target)


def _check_models(folder: Path) -> None:
    """Validates models with the code that will load them, in a subprocess because infra does not import that code."""
    command = [sys.executable, "-m", "shared.scoring.replacement", str(folder)]
    validation = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603
    if validation.returncode:
        raise ValueError(f"the models of the context model_folder cannot be deployed: {validation.stderr.strip()}")


def install_dependencies(dependencies: DependencyList, target: Path) -> None:
    """Installs the locked wheels of a list for Lambda into `target`, removes unneeded files, and compiles the rest.

    Raises `BundleTooLargeError`, and `subprocess.CalledProcessError` if a wheel is not available.
    """
    site_packages = target / "python"
    # S603: no argument comes from user input.
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
    """Deletes files that no function needs. Binaries are not stripped: that breaks OpenBLAS."""
    # bin/ and RECORD contain absolute paths, which would make the asset's hash depend on the machine.
    shutil.rmtree(site_packages / "bin", ignore_errors=True)
    for record in site_packages.glob("*.dist-info/RECORD"):
        record.unlink()
    (site_packages / ".lock").unlink(missing_ok=True)
    # boto3's own folders describe resources, which no function uses.
    for descriptions in (*site_packages.glob("botocore/data/*/"), *site_packages.glob("boto3/data/*/")):
        if descriptions.parts[-3] == "boto3" or descriptions.name not in SERVICES:
            shutil.rmtree(descriptions)
    for folder in _folders(site_packages, ("tests", "__pycache__")):
        # Only folders with exactly these names: packages import modules such as numpy.testing.
        shutil.rmtree(folder, ignore_errors=True)


def _folders(root: Path, names: Iterable[str]) -> list[Path]:
    return [folder for name in names for folder in root.rglob(name) if folder.is_dir()]


def _compile(folder: Path) -> None:
    """Compiles in place, with hash-based instead of timestamp-based bytecode, so that assets are reproducible.

    Does nothing if this interpreter is not the version that runs in Lambda.
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
