"""The local cloud: the stack on one machine, for `make local`, the demo and the end-to-end tests."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3

from infra.local.deployment import deploy
from infra.local.emulator import REGION, ROOT_CREDENTIALS, Emulator, LocalCloudError
from infra.local.users import sign_in_all
from infra.project import ROOT

STATE_FOLDER = ROOT / ".local"
# Addresses and credentials for clients, in the folder of a running local cloud.
FACTS = "cloud.json"
# The printed examples use the token of this user.
SHOWN_USER = "acme_member"

_READY_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCloud:
    """Addresses, resource names and users of a local cloud; the schema of `cloud.json`."""

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
        """Returns a session with the credentials of the account's root user."""
        return root_session()

    def token(self, user: str) -> str:
        """Returns the access token of a local user."""
        token: str = self.users[user]["token"]
        return token

    def drop(self, key: str, body: bytes) -> None:
        """Puts a file into the uploads bucket, as a partner with access to a drop folder would."""
        with closing(self.session().client("s3", endpoint_url=self.endpoint_url)) as s3:
            s3.put_object(Bucket=self.uploads_bucket, Key=key, Body=body)


@contextmanager
def local_cloud(folder: Path) -> Iterator[tuple[LocalCloud, Emulator]]:
    """Starts a local cloud and stops it at the end of the block. Raises `LocalCloudError`.

    `folder` gets the logs, the cloud assembly and `cloud.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    emulator = Emulator(folder=folder)
    facts = folder / FACTS
    try:
        emulator.start()
        cloud = _set_up_while_running(emulator, folder)
        # Written atomically: other commands wait for this file and read it as soon as it exists.
        partial = facts.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(asdict(cloud), indent=2))
        partial.replace(facts)
        yield cloud, emulator
    finally:
        facts.unlink(missing_ok=True)
        emulator.stop()


def _set_up_while_running(emulator: Emulator, folder: Path) -> LocalCloud:
    try:
        return _set_up(emulator, folder)
    except Exception as error:
        if emulator.is_running:
            raise
        # The error of a client that lost its connection would hide the cause.
        raise LocalCloudError(f"The local cloud ended while it started. Its log is {emulator.log}.") from error


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
    _wait_for_health(deployed.api_url, emulator)
    return cloud


def root_session() -> boto3.Session:
    """Returns a session with the credentials of the account's root user."""
    return boto3.Session(
        aws_access_key_id=ROOT_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ROOT_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def _wait_for_health(api_url: str, emulator: Emulator) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    reason: object = "no answer"
    while time.monotonic() < deadline:
        if not emulator.is_running:
            raise LocalCloudError(f"The local cloud ended while it started. Its log is {emulator.log}.")
        try:
            with urllib.request.urlopen(f"{api_url}/api/v1/health", timeout=10):  # noqa: S310  loopback
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            reason = error
            time.sleep(0.2)
    raise LocalCloudError(f"The API did not become healthy ({reason}). The log is {emulator.log}.")
