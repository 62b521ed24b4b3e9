"""The memory that the local cloud's processes have, sampled from /proc while it works."""

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Everything that is no function.
EMULATOR = "the local cloud itself"
_EVERY_SECONDS = 0.5
_PROC = Path("/proc")
_SERVICE = b"POWERTOOLS_SERVICE_NAME="


@dataclass
class Memory:
    """By the kind of process: the peak of the largest, how many there were at once, and what all have at the last look.

    And the most that all processes together had. In bytes.
    """

    largest: dict[str, int] = field(default_factory=dict)
    at_once: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    together: int = 0

    def add(self, processes: dict[str, list[tuple[int, int]]]) -> None:
        """Take in one look at the processes: by kind, what each has and the most it has had, in bytes."""
        for kind, sizes in processes.items():
            self.largest[kind] = max(self.largest.get(kind, 0), *(peak for _, peak in sizes))
            self.at_once[kind] = max(self.at_once.get(kind, 0), len(sizes))
        self.last = {kind: sum(now for now, _ in sizes) for kind, sizes in processes.items()}
        self.together = max(self.together, sum(self.last.values()))


@contextmanager
def watched(session: int) -> Iterator[Memory]:
    """Watch every process of a session for as long as the block runs. Nothing is seen where there is no /proc."""
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
    """The processes of a session by kind: what each has and the most it has had, in bytes."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for folder in _PROC.glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                kind, sizes = _kind(folder), _sizes(folder)
                found[kind].append(sizes)
        except OSError:
            continue  # it ended while it was looked at
    return found


def _kind(folder: Path) -> str:
    for variable in (folder / "environ").read_bytes().split(b"\0"):
        if variable.startswith(_SERVICE):
            return variable.removeprefix(_SERVICE).decode()
    return EMULATOR


def _sizes(folder: Path) -> tuple[int, int]:
    """What a process has now and the most it has had, in bytes."""
    lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    if "VmRSS" not in lines:
        raise ProcessLookupError(folder.name)
    now, peak = (int(lines[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak
