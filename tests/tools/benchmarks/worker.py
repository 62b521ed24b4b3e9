"""One benchmark in a process of its own, its measurements as JSON on standard output."""

import json
import os
import sys
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path


def main(name: str) -> None:
    """Run the benchmark of that name."""
    # Functions log to their standard output, where the measurements are to stand alone.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        measurements = import_module(f"tests.tools.benchmarks.{name}").measure()
    json.dump([measurement.as_json() for measurement in measurements], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
