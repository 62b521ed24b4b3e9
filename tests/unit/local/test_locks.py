"""Locks on files, and the process that a locked file names."""

import fcntl
import os
import threading
from pathlib import Path

from infra.local.locks import locked, published_pid, running_pid


def test_lock_is_refused_while_it_is_held_and_free_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path) as is_ours:
        assert is_ours
        with locked(path) as is_second:
            assert not is_second
    with locked(path) as is_ours:
        assert is_ours


def test_waiting_block_reports_it_once_and_starts_when_the_lock_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    order: list[str] = []
    waits = threading.Event()

    def report() -> None:
        order.append("waits")
        waits.set()

    def second() -> None:
        with locked(path, waiting=report) as is_ours:
            order.append(f"second: {is_ours}")

    thread = threading.Thread(target=second)
    with locked(path, waiting=report):
        thread.start()
        assert waits.wait(10)
        order.append("first ends")
    thread.join(10)
    assert order == ["waits", "first ends", "second: True"]


def test_published_process_is_known_while_its_block_runs(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    assert running_pid(path) is None
    path.write_text("1")
    with published_pid(path):
        assert running_pid(path) == os.getpid()
    assert running_pid(path) is None


def test_stale_process_id_is_not_trusted_when_two_read_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text("1")
    with path.open() as other:
        # A concurrent `running_pid` holds this lock for a moment.
        fcntl.flock(other, fcntl.LOCK_SH)
        assert running_pid(path) is None
