"""Temporary folders, of which a killed attempt leaves nothing to the next one.

When an attempt times out or runs out of memory, Lambda starts a new process in the same environment, whose temporary
folder still has the files of the last. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_PREFIX = "scratch-"
# A new process may have the number of the killed one.
_PROCESS = uuid4().hex


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yields an empty folder and removes it at the end, and before that those of processes that have ended."""
    _remove_leftovers()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-{_PROCESS}-") as folder:
        yield Path(folder)


def _remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*-*"):
        number, process, _ = folder.name.removeprefix(_PREFIX).split("-", 2)
        if process != _PROCESS and (int(number) == os.getpid() or not _is_alive(int(number))):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
