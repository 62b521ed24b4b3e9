"""Copies what the console's pages are built on from npm's registry into its site: `make vendor`.

Its files and licences are committed, so a deployment needs no registry; `SHA256SUMS` beside them is checked by a test.
To take another version, change it in `console/package.json`, run `npm install --package-lock-only` there, then this.
"""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.npm.packages import NpmError, install
from infra.project import ROOT

VENDOR: Final = ROOT / "functions" / "console" / "site" / "vendor"
SUMS: Final = VENDOR / "SHA256SUMS"

# By package, what is copied of it, the licence first.
FILES: Mapping[str, tuple[str, ...]] = {
    "charts.css": ("LICENSE", "dist/charts.min.css"),
    "fflate": ("LICENSE", "esm/browser.js"),
    "htm": ("LICENSE", "dist/htm.mjs"),
    # Part of the file of the next one.
    "jwt-decode": ("LICENSE",),
    "oidc-client-ts": ("LICENSE", "dist/browser/oidc-client-ts.min.js"),
    "papaparse": ("LICENSE", "papaparse.min.js"),
    "preact": ("LICENSE", "dist/preact.mjs", "hooks/dist/hooks.mjs"),
    "swagger-ui-dist": (
        "LICENSE",
        "NOTICE",
        "swagger-ui-bundle.js.LICENSE.txt",
        "swagger-ui-bundle.js",
        "swagger-ui.css",
    ),
}


def copy_libraries(packages: Path, target: Path) -> None:
    """Put the files into `target`, a folder a package, in the place of what is there."""
    shutil.rmtree(target, ignore_errors=True)
    for package, files in FILES.items():
        folder = target / package
        folder.mkdir(parents=True)
        for file in files:
            shutil.copyfile(packages / package / file, folder / Path(file).name)


def sums(folder: Path) -> str:
    """The files of a folder with their SHA-256, as `sha256sum --check` reads it there."""
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n"
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != SUMS.name
    ]
    return "".join(lines)


def main() -> int:
    """Fetch, copy and record; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            packages = install("console", Path(folder))
        except NpmError as error:
            print(error, file=sys.stderr)
            return 1
        copy_libraries(packages, VENDOR)
    SUMS.write_text(sums(VENDOR))
    return 0


if __name__ == "__main__":
    sys.exit(main())
