"""Ten million rows through the real handlers, one chunk after another, with S3 in a folder: minutes and 11 GB of disk.

It runs only when named.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.tools.benchmarks.measurements import Measurement, Series

ROWS: Final = 10_000_000
SMALL_ROWS: Final = 1_000_000
_ROOT: Final = Path(__file__).resolve().parents[3]


def measure() -> tuple[Measurement, ...]:
    """Returns seconds per row, and the peak of the process compared with the file's size and a tenth of the rows."""
    small, large = (_job(rows) for rows in (SMALL_ROWS, ROWS))
    phases = ", ".join(f"{name} {large[name]:,.0f} s" for name in ("plan", "score", "finalize"))
    size = f"{large['rows']:,} rows, {large['bytes'] / 1e9:.1f} GB, {large['chunks']} chunks"
    return (
        Measurement(
            title="A large file, all handlers, one worker",
            quantity="seconds",
            unit="row",
            subject=_seconds(large),
            baselines=(_seconds(small),),
            notes=(f"{size}; {phases}; moto's DynamoDB, S3 in a folder",),
        ),
        Measurement(
            title="Peak memory of all handlers in one process",
            quantity="bytes",
            unit="process",
            subject=Series(name=f"{large['rows']:,} rows", values=(large["peak"],)),
            baselines=(
                Series(name=f"{small['rows']:,} rows", values=(small["peak"],)),
                Series(name="the large file itself", values=(large["bytes"],)),
            ),
        ),
    )


def _job(rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.tools.benchmarks.large_process", str(rows)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=_ROOT)  # noqa: S603 - our own
    found: dict[str, Any] = json.loads(printed.stdout)
    return found


def _seconds(job: dict[str, Any]) -> Series:
    return Series(
        name=f"{job['rows']:,} rows", values=(job["plan"] + job["score"] + job["finalize"],), units=job["rows"]
    )
