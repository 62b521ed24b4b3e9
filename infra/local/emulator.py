"""Runs MiniStack as a child process on a free port of the loopback interface."""

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
# MiniStack's credentials of the account's root user. They are not valid on AWS.
ROOT_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

# Limit for the concurrent tasks of all executions; each runs in a process.
TASKS_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))

MODULE = "infra.local.bounded_ministack"
_START_SECONDS = 60.0


class LocalCloudError(Exception):
    """The local cloud cannot run. The message is a sentence for the user at the terminal."""


class Emulator:
    """A MiniStack process and its children. `folder` gets its log and its temporary files.

    Set `enforces_roles` to false for the cdk command: MiniStack cannot evaluate the conditions in the roles of the CDK
    bootstrap.
    """

    def __init__(self, *, folder: Path, enforces_roles: bool = True) -> None:
        self._folder = folder
        self._enforces_roles = enforces_roles
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    @property
    def endpoint_url(self) -> str:
        """Returns the endpoint URL for AWS clients."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Returns the path of the log of MiniStack and of the functions."""
        return self._folder / "ministack.log"

    def start(self) -> None:
        """Starts MiniStack and waits until it is healthy. Raises `LocalCloudError`."""
        # A killed predecessor leaves objects, code and temporary files.
        self._remove_scratch()
        self._scratch.mkdir(parents=True)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **ROOT_CREDENTIALS,
            "AWS_DEFAULT_REGION": REGION,
            "MINISTACK_REGION": REGION,
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            # Enforce the role of each function, so that a missing permission fails here and not in production.
            "AUTH": str(self._enforces_roles).lower(),
            "TMPDIR": str(self._scratch),
            # Keep objects on disk, and stop idle functions after one minute instead of five.
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
        """Returns whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def session(self) -> int:
        """Returns the session id of MiniStack and its children. Raises `LocalCloudError` if it is not started."""
        if self._process is None:
            raise LocalCloudError("The local cloud is not running.")
        return self._process.pid

    def stop(self) -> None:
        """Stops MiniStack and its children and deletes their temporary files."""
        if self._process is not None:
            process_group.stop(self._process)
            self._remove_scratch()

    @property
    def _scratch(self) -> Path:
        return self._folder / "tmp"

    def _remove_scratch(self) -> None:
        # A killed process may still be writing.
        shutil.rmtree(self._scratch, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
