"""The whole system on this machine: `make local`, and what the demo and the end-to-end tests run on.

python -m infra.local.cloud            keep it up until Ctrl-C
python -m infra.local.cloud --detach   return when it is ready
python -m infra.local.cloud --stop     end a detached one
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import boto3

from infra.layout import ROOT
from infra.local.deployment import deploy
from infra.local.emulator import REGION, ROOT_CREDENTIALS, Emulator, LocalCloudError
from infra.local.users import sign_in_all

STATE_FOLDER = ROOT / ".local"
# Whose token the printed examples use.
SHOWN_USER = "acme_member"

_READY_SECONDS = 120.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCloud:
    """Where everything is. The form of `.local/cloud.json`."""

    api_url: str
    endpoint_url: str
    region: str
    uploads_bucket: str
    results_bucket: str
    table: str
    state_machine_arn: str
    user_pool_client_id: str
    users: dict[str, dict[str, Any]]

    def session(self) -> boto3.Session:
        """A session of the account's root, for what a deployer may do."""
        return root_session()


@contextmanager
def local_cloud(folder: Path) -> Iterator[tuple[LocalCloud, Emulator]]:
    """Start the system, and stop it however the block ends. `folder` keeps logs, assembly and `cloud.json`.

    Raises `LocalCloudError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    emulator = Emulator(folder=folder)
    facts = folder / "cloud.json"
    try:
        emulator.start()
        cloud = _set_up(emulator, folder)
        # Whole or not at all: whoever waits for the file reads it at once.
        partial = facts.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(asdict(cloud), indent=2))
        partial.replace(facts)
        yield cloud, emulator
    finally:
        facts.unlink(missing_ok=True)
        emulator.stop()


def _set_up(emulator: Emulator, folder: Path) -> LocalCloud:
    session = root_session()
    deployed = deploy(session, endpoint_url=emulator.endpoint_url, folder=folder)
    cloud = LocalCloud(
        api_url=deployed.api_url,
        endpoint_url=emulator.endpoint_url,
        region=REGION,
        uploads_bucket=deployed.uploads_bucket,
        results_bucket=deployed.results_bucket,
        table=deployed.table,
        state_machine_arn=deployed.state_machine_arn,
        user_pool_client_id=deployed.user_pool_client_id,
        users=sign_in_all(session, endpoint_url=emulator.endpoint_url, deployed=deployed),
    )
    _wait_for_health(deployed.api_url, emulator.log)
    return cloud


def root_session() -> boto3.Session:
    """A session of the account's root."""
    return boto3.Session(
        aws_access_key_id=ROOT_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ROOT_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def _wait_for_health(api_url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    reason: object = "no answer"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{api_url}/api/v1/health", timeout=10):  # noqa: S310  loopback
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            reason = error
            time.sleep(0.2)
    raise LocalCloudError(f"The API did not become healthy ({reason}). The log is {log}.")


def _stop_on_signal(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run(folder: Path) -> int:
    """Keep the local cloud up until a signal comes or it ends by itself."""
    signal.signal(signal.SIGTERM, _stop_on_signal)
    signal.signal(signal.SIGINT, _stop_on_signal)
    pid_file = folder / "cloud.pid"
    folder.mkdir(parents=True, exist_ok=True)
    if _running_pid(folder) is not None:
        print(f"A local cloud is running already; stop it with `make local-stop`, or use {folder}/cloud.json.")
        return 1
    pid_file.write_text(str(os.getpid()))
    try:
        print("Starting the local cloud ...", flush=True)
        with local_cloud(folder) as (cloud, emulator):
            _print_how_to_use(cloud, folder)
            while emulator.is_running:
                time.sleep(0.5)
            print(f"The local cloud ended unexpectedly. Its log is {emulator.log}.", file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    except LocalCloudError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        pid_file.unlink(missing_ok=True)


def detach(folder: Path) -> int:
    """Start the local cloud in the background and return when it answers."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = folder / "cloud.json"
    log_file = folder / "cloud.log"
    if _running_pid(folder) is not None and facts.exists():
        print(f"A local cloud is running already: see {facts}.")
        return 0
    facts.unlink(missing_ok=True)
    with log_file.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "infra.local.cloud", "--folder", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            print(f"The local cloud did not start:\n{log_file.read_text().strip()}", file=sys.stderr)
            return 1
        if facts.exists():
            _print_how_to_use(LocalCloud(**json.loads(facts.read_text())), folder)
            return 0
        time.sleep(0.1)
    process.terminate()
    print(f"The local cloud was not ready within {_READY_SECONDS:.0f} s. Its log is {log_file}.", file=sys.stderr)
    return 1


def stop(folder: Path) -> int:
    """End the detached local cloud and wait until it is gone."""
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
        time.sleep(0.1)
    print(f"Process {pid} did not stop within {_STOP_SECONDS:.0f} s.", file=sys.stderr)
    return 1


def print_environment(folder: Path) -> int:
    """Print what a shell needs for curl, to be evaluated there."""
    try:
        cloud = LocalCloud(**json.loads((folder / "cloud.json").read_text()))
    except FileNotFoundError:
        print("No local cloud is running. Start one with `make local DETACH=1`.", file=sys.stderr)
        return 1
    print(f"export API='{cloud.api_url}/api/v1' TOKEN='{cloud.users[SHOWN_USER]['token']}'")
    return 0


def _running_pid(folder: Path) -> int | None:
    """The process that keeps the local cloud up, if one does."""
    pid_file = folder / "cloud.pid"
    try:
        pid = int(pid_file.read_text())
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    except PermissionError:
        return None  # the number now belongs to somebody else's process
    return pid


def _print_how_to_use(cloud: LocalCloud, folder: Path) -> None:
    print(
        f"""
The local cloud is up. Everything a client needs is in {folder / "cloud.json"}.

  API='{cloud.api_url}/api/v1'
  TOKEN='{cloud.users[SHOWN_USER]["token"]}'

  curl -s "$API/predictions/annual/template" -H "Authorization: Bearer $TOKEN" -o annual.csv
  curl -s "$API/predictions/annual/bulk-upload-async" -H "Authorization: Bearer $TOKEN" -F file=@annual.csv
  curl -s "$API/predictions/jobs" -H "Authorization: Bearer $TOKEN"

The console is {cloud.api_url}/console
Sign in as {SHOWN_USER} with the password {cloud.users[SHOWN_USER]["password"]}
""",
        flush=True,
    )


def main() -> int:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description="The whole system on this machine.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--detach", action="store_true", help="return when it is ready")
    choice.add_argument("--stop", action="store_true", help="end a detached one")
    choice.add_argument("--env", action="store_true", help="print API and TOKEN for a shell to evaluate")
    parser.add_argument("--folder", type=Path, default=STATE_FOLDER, help="where its state and logs are kept")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    if arguments.stop:
        return stop(folder)
    if arguments.env:
        return print_environment(folder)
    return detach(folder) if arguments.detach else run(folder)


if __name__ == "__main__":
    sys.exit(main())
