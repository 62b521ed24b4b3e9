"""Locks on files: one local cloud at a time in a folder, and which process runs it.

The operating system releases a lock however its holder ends, so a file that a killed process left means nothing.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """Hold an exclusive lock on a file, which is created and stays, while the block runs.

    Yields False at once where another process holds it; with `waiting`, calls that and waits instead.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        is_ours = _try_lock(descriptor, fcntl.LOCK_EX)
        if not is_ours and waiting is not None:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            is_ours = True
        yield is_ours
    finally:
        os.close(descriptor)


@contextmanager
def published_pid(path: Path) -> Iterator[None]:
    """Name this process in a file that is locked while the block runs, for `running_pid`.

    The number is written to a new file that is locked before it gets its name: a locked file never has an old number.
    """
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, str(os.getpid()).encode())
        partial.replace(path)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def running_pid(path: Path) -> int | None:
    """Returns the process that is in a block of `published_pid` with this file, if there is one."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        # Shared, so that two who ask at once do not take each other for the holder.
        return None if _try_lock(descriptor, fcntl.LOCK_SH) else int(os.read(descriptor, 32))
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
