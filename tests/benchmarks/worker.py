"""One benchmark in a process of its own, its measurements as JSON on standard output."""

import json
import sys
from importlib import import_module


def main(name: str) -> None:
    """Run the benchmark of that name."""
    measurements = import_module(f"tests.benchmarks.{name}").measure()
    json.dump([measurement.as_json() for measurement in measurements], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
