"""Installs npm packages from lists that are pinned with hashes, each a folder with a `package-lock.json`."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from infra.node import npm_command, npm_environment

FOLDER = Path(__file__).parent


class NpmError(Exception):
    """An npm command failed: no connection to the registry, a hash mismatch, or an invalid lock file."""


def install(name: str, target: Path) -> Path:
    """Installs a list to `target` without running install scripts. Returns `node_modules`. Raises `NpmError`."""
    target.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name / file, target)
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    _npm("ci", *options, folder=target, failure=f"npm could not install the packages of {name}")
    return target / "node_modules"


def bill_of_materials(name: str) -> dict[str, Any]:
    """Returns the CycloneDX document of a list, created offline from its lock file. Raises `NpmError`."""
    options = ("--package-lock-only", "--sbom-format=cyclonedx", "--offline", "--loglevel=error")
    failure = f"npm could not list the packages of {name}"
    document: dict[str, Any] = json.loads(_npm("sbom", *options, folder=FOLDER / name, failure=failure))
    return document


def _npm(command: str, *options: str, folder: Path, failure: str) -> str:
    # S603: no argument comes from user input.
    finished = subprocess.run(  # noqa: S603
        [*npm_command(), command, *options],
        cwd=folder,
        env=npm_environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    if finished.returncode:
        raise NpmError(f"{failure}: {finished.stderr.strip()}")
    return finished.stdout
