"""MiniStack on loopback as a child process: started on a free port, stopped with everything it started."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from infra.local import process_group

REGION = "us-east-1"
# MiniStack takes these as the account's root; they open nothing anywhere else.
ROOT_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

# Tasks of executions: each is a process.
TASKS_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))

MODULE = "infra.local.bounded_ministack"
_START_SECONDS = 60.0


class LocalCloudError(Exception):
    """Something that keeps the local cloud from running, said in a sentence for the person at the terminal."""


class Emulator:
    """One MiniStack process and its children. `folder` gets its log and its temporary files.

    `enforces_roles` is for everything but the cdk command, whose own roles have conditions that MiniStack cannot judge.
    """

    def __init__(self, *, folder: Path, enforces_roles: bool = True) -> None:
        self._folder = folder
        self._enforces_roles = enforces_roles
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    @property
    def endpoint_url(self) -> str:
        """Where AWS clients find it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it and the functions wrote."""
        return self._folder / "ministack.log"

    def start(self) -> None:
        """Start it and wait until it answers. Raises `LocalCloudError`."""
        # Here are the objects, the code and the temporary files of what ran here last and could not tidy up.
        self._remove_scratch()
        self._scratch.mkdir(parents=True)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **ROOT_CREDENTIALS,
            "AWS_DEFAULT_REGION": REGION,
            "MINISTACK_REGION": REGION,
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            # Every function acts under its own role: a missing permission fails here, not in production.
            "AUTH": str(self._enforces_roles).lower(),
            "TMPDIR": str(self._scratch),
            # Objects on disk, and functions that a burst leaves idle ended after a minute instead of five.
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._scratch / "s3"),
            "LAMBDA_WARM_TTL_SECONDS": "60",
        }
        self._process = process_group.start(MODULE, log=self.log, environment=environment)
        self._wait_until_healthy()

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if not self.is_running:
                raise LocalCloudError(f"The local cloud ended while it started. Its log is {self.log}.")
            try:
                with urllib.request.urlopen(f"{self.endpoint_url}/_ministack/health", timeout=2):  # noqa: S310
                    return
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(0.1)
        raise LocalCloudError(f"The local cloud did not answer within {_START_SECONDS:.0f} s. Its log is {self.log}.")

    @property
    def is_running(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def session(self) -> int:
        """The session of processes that it and all it starts are in. Raises `LocalCloudError` before it is started."""
        if self._process is None:
            raise LocalCloudError("The local cloud is not running.")
        return self._process.pid

    def stop(self) -> None:
        """End it and every process it started, and remove what they kept on disk."""
        if self._process is not None:
            process_group.stop(self._process)
            self._remove_scratch()

    @property
    def _scratch(self) -> Path:
        return self._folder / "tmp"

    def _remove_scratch(self) -> None:
        # A killed process may still be on its way out and write.
        shutil.rmtree(self._scratch, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
