"""Starting, stopping and querying the local cloud as processes, with an emulator that starts at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import daemon
from infra.local.locks import locked, running_pid
from infra.project import ROOT
from tests.unit.local.fake_emulator import FUNCTION_PID

_LIMIT_SECONDS = 60.0


def started(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "tests.unit.local.fake_daemon", "--folder", str(folder), *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=_LIMIT_SECONDS)
    return process.returncode, output, errors


def detached(folder: Path, **environment: str) -> tuple[int, str, str]:
    return ended(started(folder, "--detach", **environment))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    daemon.stop(tmp_path)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not belong to the local cloud."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def is_alive(pid: int) -> bool:
    try:
        # A process that has ended and was not waited for is a zombie that still has its number.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(*pids: int) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while alive := [pid for pid in pids if is_alive(pid)]:
        assert time.monotonic() < deadline, f"{alive} are still alive"
        time.sleep(0.05)


def wait_for_starts(folder: Path) -> list[int]:
    """Returns the process ids of the emulators started in a folder, once there is one."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    while not (starts := (folder / "starts")).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return [int(pid) for pid in starts.read_text().split()]


def function_pid(folder: Path) -> int:
    return int((folder / "tmp" / FUNCTION_PID).read_text())


def test_stale_pid_file_ends_no_process_and_prevents_no_start(
    folder: Path, bystander: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cloud.pid").write_text(str(bystander.pid))
    assert daemon.stop(folder) == 0
    assert capsys.readouterr().out == "No local cloud is running.\n"
    assert bystander.poll() is None
    assert detached(folder)[0] == 0
    assert daemon.stop(folder) == 0
    assert capsys.readouterr().out == "Stopped.\n"
    assert bystander.poll() is None


def test_emulator_and_functions_end_when_the_cloud_is_killed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert detached(folder)[0] == 0
    assert daemon.print_environment(folder) == 0
    assert "TOKEN='a-token'" in capsys.readouterr().out
    pid = running_pid(folder / "cloud.pid")
    assert pid is not None
    (emulator,), function = wait_for_starts(folder), function_pid(folder)
    assert is_alive(emulator)
    assert is_alive(function)

    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid, emulator, function)
    assert daemon.stop(folder) == 0
    assert capsys.readouterr().out == "No local cloud is running.\n"
    assert daemon.print_environment(folder) == 1
    printed = capsys.readouterr()
    assert not printed.out
    assert "No local cloud is running." in printed.err


def test_stopped_cloud_leaves_no_process_and_no_temporary_files(folder: Path) -> None:
    assert detached(folder)[0] == 0
    (emulator,), function = wait_for_starts(folder), function_pid(folder)
    assert daemon.stop(folder) == 0
    wait_until_gone(emulator, function)
    assert not (folder / "tmp").exists()
    assert not (folder / "cloud.json").exists()


def test_second_detached_start_waits_for_the_first_and_prints_the_same(folder: Path) -> None:
    both = [started(folder, "--detach", FAKE_SET_UP_SECONDS="1") for _ in range(2)]
    first, second = map(ended, both)
    assert first == second
    assert (first[0], first[2]) == (0, "")
    assert "with the password a-password" in first[1]
    assert len(wait_for_starts(folder)) == 1


def test_detached_start_waits_for_one_in_the_foreground(folder: Path) -> None:
    foreground = started(folder, FAKE_SET_UP_SECONDS="1")
    wait_for_starts(folder)
    assert detached(folder)[0] == 0
    assert len(wait_for_starts(folder)) == 1
    daemon.stop(folder)
    assert ended(foreground)[0] == 0


def test_second_start_in_the_foreground_is_refused(folder: Path) -> None:
    with locked(folder / "cloud.lock"):
        code, output, _ = ended(started(folder))
    assert code == 1
    assert "A local cloud is running already" in output


def test_failed_detached_start_says_why(folder: Path) -> None:
    code, _, errors = detached(folder, FAKE_FAILURE="The stack is broken.")
    assert code == 1
    assert errors == "The local cloud did not start:\nStarting the local cloud ...\nThe stack is broken.\n"


def test_emulator_that_ends_while_the_cloud_starts_is_reported(folder: Path) -> None:
    foreground = started(folder, FAKE_SET_UP_SECONDS="1", FAKE_FAILURE="The API did not answer.")
    (emulator,) = wait_for_starts(folder)
    os.kill(emulator, signal.SIGKILL)
    code, _, errors = ended(foreground)
    assert code == 1
    assert errors == f"The local cloud ended while it started. Its log is {folder / 'ministack.log'}.\n"
