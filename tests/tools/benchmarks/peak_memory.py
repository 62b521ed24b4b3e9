"""Peak memory of a process. Each measurement needs its own process.

tracemalloc would slow the code down several times, and does not see the allocations of parsers in C.
"""

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_ROOT: Final = Path(__file__).resolve().parents[3]


def peak_bytes() -> int:
    """Returns the peak resident size of this process in bytes."""
    if _STATUS.exists():
        # On Linux, ru_maxrss survives exec: the child of a large process would report that of its parent.
        high_water = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(high_water.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_of(module: str, arguments: Sequence[str]) -> int:
    """Returns the peak of a process that runs the module and prints `peak_bytes()` at its end.

    Raises CalledProcessError when it fails.
    """
    command = [sys.executable, "-m", module, *arguments]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=_ROOT)  # noqa: S603 - our own
    return int(printed.stdout)
