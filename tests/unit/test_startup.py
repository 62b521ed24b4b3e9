"""Functions that callers wait for load their modules without garbage collection."""

import subprocess
import sys

import pytest

_PROGRAM = """
import gc

collections = []
gc.callbacks.append(lambda phase, _: collections.append(phase))
import functions.{folder}.handler
gc.callbacks.clear()
assert not collections, len(collections)
assert gc.get_freeze_count() > 10_000, gc.get_freeze_count()
assert gc.isenabled()
"""


@pytest.mark.parametrize("folder", ["api", "score"])
def test_handler_loads_its_modules_without_garbage_collection(folder: str) -> None:
    program = _PROGRAM.format(folder=folder)
    ran = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)  # noqa: S603 - our own code
    assert ran.returncode == 0, ran.stderr
