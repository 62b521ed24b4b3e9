"""Speed and memory against baselines measured in the same run.

`python -m tests.tools.benchmarks [NAME ...] [--json PATH]` prints a table in Markdown and writes all rounds as JSON.
Each benchmark runs in its own process with one thread, so that none starts with another's memory.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from infra.project import KEEP_FREED_MEMORY
from tests.tools.benchmarks.measurements import Measurement
from tests.tools.benchmarks.table import markdown

BENCHMARKS: Final = (
    "scoring",
    "workers",
    "planning",
    "finalizing",
    "workbooks",
    "starting",
    "status",
    "listing",
    "costing",
    "local_job",
)
# These take minutes each and run only when named.
ON_REQUEST: Final = ("large",)
_ROOT: Final = Path(__file__).resolve().parents[3]
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_AS_DEPLOYED: Final = dict.fromkeys(("scoring", "workers", "costing", "large"), KEEP_FREED_MEMORY)
# No benchmark reaches an AWS account.
_NO_ACCOUNT: Final = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
_PACKAGES: Final = ("numpy", "pandas", "scikit-learn", "pydantic", "openpyxl", "fastapi", "boto3")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the named benchmarks, by default all of them. Raises CalledProcessError when one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"which of {', '.join(BENCHMARKS)}, which all run by default; or {', '.join(ON_REQUEST)}",
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write every round as JSON")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - {*BENCHMARKS, *ON_REQUEST}):
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    measurements: list[Measurement] = []
    for name in given.names or BENCHMARKS:
        start = perf_counter()
        sys.stderr.write(f"{name} … ")
        sys.stderr.flush()
        measurements += run(name)
        sys.stderr.write(f"{perf_counter() - start:.0f} s\n")
    conditions = measuring_conditions()
    if given.json:
        found = {"conditions": conditions, "measurements": [measurement.as_json() for measurement in measurements]}
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{markdown(measurements)}\n{', '.join(f'{key} {value}' for key, value in conditions.items())}\n")
    return 0


def run(name: str) -> list[Measurement]:
    """Returns the measurements of one benchmark, taken in its own process."""
    ran = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.tools.benchmarks.worker", name],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        env={**os.environ, **environment_of(name)},
    )
    return [Measurement.from_json(found) for found in json.loads(ran.stdout)]


def environment_of(name: str) -> dict[str, str]:
    """Returns the variables of a benchmark's process: one thread, no account, the allocator as deployed."""
    return {**_ONE_THREAD, **_NO_ACCOUNT, **_AS_DEPLOYED.get(name, {})}


def measuring_conditions() -> dict[str, Any]:
    """Returns the commit, versions and machine type of this run, without anything that identifies the machine."""
    return {
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        **{package: version(package) for package in _PACKAGES},
    }


def _commit() -> str:
    git = shutil.which("git")
    if git is None or not (_ROOT / ".git").exists():
        return "unknown"
    described = subprocess.run(  # noqa: S603
        [git, "describe", "--always", "--dirty"], check=True, capture_output=True, text=True, cwd=_ROOT
    )
    return described.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
