"""Memory of the local cloud's processes, sampled from /proc."""

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Every process that is not a function.
EMULATOR = "the local cloud itself"
_EVERY_SECONDS = 0.5
_PROC = Path("/proc")
_SERVICE = b"POWERTOOLS_SERVICE_NAME="


@dataclass
class Memory:
    """Memory in bytes by kind of process: the largest peak, the number at once, and the sum of the last sample.

    `together` is the peak of the sum of all processes.
    """

    largest: dict[str, int] = field(default_factory=dict)
    at_once: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    together: int = 0

    def add(self, processes: dict[str, list[tuple[int, int]]]) -> None:
        """Adds one sample: by kind, the current and the peak bytes of each process."""
        for kind, sizes in processes.items():
            self.largest[kind] = max(self.largest.get(kind, 0), *(peak for _, peak in sizes))
            self.at_once[kind] = max(self.at_once.get(kind, 0), len(sizes))
        self.last = {kind: sum(now for now, _ in sizes) for kind, sizes in processes.items()}
        self.together = max(self.together, sum(self.last.values()))


@contextmanager
def watched(session: int) -> Iterator[Memory]:
    """Samples every process of a session while the block runs. Without /proc there are no samples."""
    memory, ended = Memory(), threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY_SECONDS):
            memory.add(processes_of(session))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        ended.set()
        thread.join()


def processes_of(session: int) -> dict[str, list[tuple[int, int]]]:
    """Returns the current and the peak bytes of each process of a session, by kind."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for folder in _PROC.glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                kind, sizes = _kind(folder), _sizes(folder)
                found[kind].append(sizes)
        except OSError:
            continue  # it has ended meanwhile
    return found


def _kind(folder: Path) -> str:
    for variable in (folder / "environ").read_bytes().split(b"\0"):
        if variable.startswith(_SERVICE):
            return variable.removeprefix(_SERVICE).decode()
    return EMULATOR


def _sizes(folder: Path) -> tuple[int, int]:
    """Returns the current and the peak bytes of a process."""
    lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    if "VmRSS" not in lines:
        raise ProcessLookupError(folder.name)
    now, peak = (int(lines[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak
