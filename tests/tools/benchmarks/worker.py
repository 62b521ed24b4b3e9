"""Runs one benchmark in this process and prints its measurements as JSON."""

import json
import os
import sys
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path


def main(name: str) -> None:
    """Runs the benchmark with this name."""
    # Functions log to standard output, which is only for the measurements.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        measurements = import_module(f"tests.tools.benchmarks.{name}").measure()
    json.dump([measurement.as_json() for measurement in measurements], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
