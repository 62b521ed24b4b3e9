"""Child processes that stop together with their own children, and that exit when their parent does."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from infra.project import ROOT

_STOP_SECONDS = 10.0


def start(module: str, *, log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Runs a module in a new session with its output in `log`. The module has to call `end_with_parent`."""
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", module],
            cwd=ROOT,
            # Never written to: the pipe closes when this process ends, even by SIGKILL.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def end_with_parent() -> None:
    """Kills this process and its children when the process that called `start` ends.

    Raises `RuntimeError` if this process does not lead a session: its process group may then include others.
    """
    if os.getsid(0) != os.getpid():
        raise RuntimeError("This process does not lead a session.")
    threading.Thread(target=_wait_for_parent, daemon=True, name="end-with-parent").start()


def _wait_for_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.killpg(0, signal.SIGKILL)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stops a process that `start` returned, and its children."""
    for stop_signal in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, stop_signal)
        except ProcessLookupError:
            break
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
