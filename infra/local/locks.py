"""File locks, for one local cloud per folder and for finding its process.

The operating system releases a lock when its holder ends for any reason, so files of a killed process are harmless.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """Holds an exclusive lock on a file during the block. The file is created if necessary and not deleted.

    If another process holds the lock, yields False, or with `waiting` calls it and blocks until the lock is free.
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
    """Publishes the id of this process in a locked file during the block, for `running_pid`.

    The id is written to a temporary file, which is locked before it is renamed, so a locked file never has an old id.
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
    """Returns the id of the process that is inside `published_pid` with this file, or None."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        # A shared lock, so that two concurrent readers do not mistake each other for the holder.
        return None if _try_lock(descriptor, fcntl.LOCK_SH) else int(os.read(descriptor, 32))
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
