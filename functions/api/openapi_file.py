"""The published OpenAPI document: `python -m functions.api.openapi_file PATH` writes it, `--check PATH` compares."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from functions.api.app import described_app


def document_text() -> str:
    """Returns the text of the file."""
    return json.dumps(described_app().openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes or checks the file. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m functions.api.openapi_file", description=__doc__)
    parser.add_argument("path", type=Path, help="the file, openapi.json at the root of the repository")
    parser.add_argument("--check", action="store_true", help="compare only; exit with 1 when the file differs")
    options = parser.parse_args(arguments)
    path: Path = options.path
    if not options.check:
        path.write_text(document_text(), encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == document_text():
        return 0
    sys.stderr.write(f"{path} differs from the code: run `make openapi` and commit it with the change.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
