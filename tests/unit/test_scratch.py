"""Temporary folders of attempts that were killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from shared.scratch import scratch_folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def ended_process() -> int:
    """Returns the number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def left(temporary: Path, process: int) -> Path:
    """Creates the folder of another process, with a file."""
    folder = temporary / f"scratch-{process}-{'0' * 32}-abc"
    folder.mkdir()
    (folder / "input.csv").write_bytes(b"large")
    return folder


def test_folder_of_a_killed_attempt_is_removed_before_the_next_one(temporary: Path) -> None:
    killed = left(temporary, ended_process())
    # After a reset, the new process may have the number of the old one.
    same_number = left(temporary, os.getpid())
    with scratch_folder() as folder:
        assert not killed.exists()
        assert not same_number.exists()
        assert list(folder.iterdir()) == []
    assert list(temporary.iterdir()) == []


def test_folders_of_running_attempts_and_other_files_are_kept(temporary: Path) -> None:
    running = left(temporary, os.getppid())
    other = temporary / "default-risk-jobs"
    other.mkdir()
    with scratch_folder() as outer:
        (outer / "a").touch()
        with scratch_folder() as inner:
            assert inner != outer
            assert (outer / "a").exists()
    assert sorted(temporary.iterdir()) == sorted([other, running])
