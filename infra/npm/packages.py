"""Packages of npm's registry, pinned with their hashes by the `package-lock.json` beside each list."""

import shutil
import subprocess
from pathlib import Path

from infra.node import npm_command, npm_environment

FOLDER = Path(__file__).parent


class NpmError(Exception):
    """npm could not install a list: its registry cannot be reached, or a package has another hash."""


def install(name: str, target: Path) -> Path:
    """Install a list into `target`, running no script of it; the folder of its packages. Raises `NpmError`."""
    target.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name / file, target)
    # Fixed arguments, none from outside.
    installed = subprocess.run(  # noqa: S603
        [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=target,
        env=npm_environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    if installed.returncode:
        raise NpmError(f"npm could not install the packages of {name}: {installed.stderr.strip()}")
    return target / "node_modules"
