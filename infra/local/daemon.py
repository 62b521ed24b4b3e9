"""Starts and stops the local cloud: `make local`, `make local-stop` and `make local-env`.

python -m infra.local.daemon            run until Ctrl-C
python -m infra.local.daemon --detach   start in the background and return when it is ready
python -m infra.local.daemon --stop     stop the local cloud in the background
python -m infra.local.daemon --env      print API and TOKEN as shell variables

A folder has at most one running local cloud, which holds the lock on `cloud.lock`; `cloud.pid` is its process id.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from infra.local.cloud import FACTS, SHOWN_USER, STATE_FOLDER, LocalCloud, local_cloud
from infra.local.emulator import LocalCloudError
from infra.local.locks import locked, published_pid, running_pid
from infra.project import ROOT

# The module that `detach` starts.
MODULE = "infra.local.daemon"

_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.1


def run(folder: Path) -> int:
    """Runs the local cloud until a signal arrives or the emulator exits. Returns the exit code."""
    signal.signal(signal.SIGTERM, _stop_on_signal)
    signal.signal(signal.SIGINT, _stop_on_signal)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder / "cloud.lock") as is_alone:
            if not is_alone:
                print(f"A local cloud is running already; stop it with `make local-stop`, or use {folder / FACTS}.")
                return 1
            # Left by a killed process. Other commands would read it as soon as this process publishes its id.
            (folder / FACTS).unlink(missing_ok=True)
            with published_pid(folder / "cloud.pid"):
                return _keep_up(folder)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    except LocalCloudError as error:
        print(error, file=sys.stderr)
        return 1


def _keep_up(folder: Path) -> int:
    print("Starting the local cloud ...", flush=True)
    with local_cloud(folder) as (cloud, emulator):
        _print_how_to_use(cloud, folder)
        while emulator.is_running:
            time.sleep(0.5)
        print(f"The local cloud ended unexpectedly. Its log is {emulator.log}.", file=sys.stderr)
        return 1


def _stop_on_signal(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def detach(folder: Path) -> int:
    """Starts the local cloud in the background, unless it is running, and waits until it is ready.

    Returns the exit code. Needs no timeout of its own: every step of the start has one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "cloud.log"
    process = None
    # A concurrent second command waits here and then finds the local cloud of the first.
    with locked(folder / "cloud.starting", waiting=lambda: None):
        while (cloud := _running_cloud(folder)) is None:
            if _running_pid(folder) is None:
                if process is None:
                    process = _start(folder, log)
                elif process.poll() is not None:
                    print(f"The local cloud did not start:\n{log.read_text().strip()}", file=sys.stderr)
                    return 1
            time.sleep(_POLL_SECONDS)
    _print_how_to_use(cloud, folder)
    return 0


def _start(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", MODULE, "--folder", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(folder: Path) -> int:
    """Stops the local cloud and waits until it has exited. Returns the exit code."""
    pid = _running_pid(folder)
    if pid is None:
        print("No local cloud is running.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        if _running_pid(folder) is None:
            print("Stopped.")
            return 0
        time.sleep(_POLL_SECONDS)
    print(f"Process {pid} did not stop within {_STOP_SECONDS:.0f} s.", file=sys.stderr)
    return 1


def print_environment(folder: Path) -> int:
    """Prints an `export` command with API and TOKEN for a shell to evaluate. Returns the exit code."""
    cloud = _running_cloud(folder)
    if cloud is None:
        print("No local cloud is running. Start one with `make local DETACH=1`.", file=sys.stderr)
        return 1
    print(f"export API='{cloud.api_url}/api/v1' TOKEN='{cloud.token(SHOWN_USER)}'")
    return 0


def _running_pid(folder: Path) -> int | None:
    return running_pid(folder / "cloud.pid")


def _running_cloud(folder: Path) -> LocalCloud | None:
    """Returns the local cloud that runs in a folder, or None if there is none or it is not ready."""
    if _running_pid(folder) is None:
        return None
    try:
        return LocalCloud(**json.loads((folder / FACTS).read_text()))
    except FileNotFoundError:
        return None


def _print_how_to_use(cloud: LocalCloud, folder: Path) -> None:
    print(
        f"""
The local cloud is up. Everything a client needs is in {folder / FACTS}.

  API='{cloud.api_url}/api/v1'
  TOKEN='{cloud.token(SHOWN_USER)}'

  curl -s "$API/predictions/annual/template" -H "Authorization: Bearer $TOKEN" -o annual.csv
  curl -s "$API/predictions/annual/bulk-upload-async" -H "Authorization: Bearer $TOKEN" -F file=@annual.csv
  curl -s "$API/predictions/jobs" -H "Authorization: Bearer $TOKEN"

The console is {cloud.api_url}/console
Sign in as {SHOWN_USER} with the password {cloud.users[SHOWN_USER]["password"]}
""",
        flush=True,
    )


def main() -> int:
    """Runs the command and returns its exit code."""
    parser = argparse.ArgumentParser(description="Run the whole system on this machine.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--detach", action="store_true", help="start in the background and return when it is ready")
    choice.add_argument("--stop", action="store_true", help="stop the local cloud in the background")
    choice.add_argument("--env", action="store_true", help="print API and TOKEN as shell variables")
    parser.add_argument("--folder", type=Path, default=STATE_FOLDER, help="folder for state and logs")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    if arguments.stop:
        return stop(folder)
    if arguments.env:
        return print_environment(folder)
    return detach(folder) if arguments.detach else run(folder)


if __name__ == "__main__":
    sys.exit(main())
