"""Copies the console's JavaScript and CSS libraries from npm packages into its site: `make vendor`.

The files and their licenses are committed, so a deployment needs no registry. A test compares them with `SHA256SUMS`.
To change a version, edit `console/package.json`, run `npm install --package-lock-only` there, and then `make vendor`.
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

# The files to copy, by package; the license is the first.
FILES: Mapping[str, tuple[str, ...]] = {
    "charts.css": ("LICENSE", "dist/charts.min.css"),
    "fflate": ("LICENSE", "esm/browser.js"),
    "htm": ("LICENSE", "dist/htm.mjs"),
    # Bundled with oidc-client-ts.
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
    """Replaces the content of `target` with the files, in one folder per package."""
    shutil.rmtree(target, ignore_errors=True)
    for package, files in FILES.items():
        folder = target / package
        folder.mkdir(parents=True)
        for file in files:
            shutil.copyfile(packages / package / file, folder / Path(file).name)


def sums(folder: Path) -> str:
    """Returns the SHA-256 of each file in a folder, in the format of `sha256sum --check`."""
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n"
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != SUMS.name
    ]
    return "".join(lines)


def main() -> int:
    """Installs and copies the libraries and writes `SHA256SUMS`. Returns the exit code."""
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
