"""The commands of the local cloud, with an emulator and a deployment that take no time."""

import os
import sys
import time
from pathlib import Path

from infra.local import cloud, daemon
from infra.local import emulator as emulators
from infra.local.emulator import Emulator

USER = {"password": "a-password", "token": "a-token"}


def _set_up(emulator: Emulator, folder: Path) -> cloud.LocalCloud:
    with (folder / "starts").open("a") as starts:
        starts.write(f"{emulator.session}\n")
    time.sleep(float(os.environ.get("FAKE_SET_UP_SECONDS", "0")))
    if "FAKE_FAILURE" in os.environ:
        raise emulators.LocalCloudError(os.environ["FAKE_FAILURE"])
    return cloud.LocalCloud(
        api_url=emulator.endpoint_url,
        endpoint_url=emulator.endpoint_url,
        region="us-east-1",
        uploads_bucket="uploads",
        results_bucket="results",
        table="jobs",
        state_machine_arn="arn",
        user_pool_client_id="client",
        users={cloud.SHOWN_USER: USER},
    )


if __name__ == "__main__":
    emulators.MODULE = "tests.unit.local.fake_emulator"
    daemon.MODULE = "tests.unit.local.fake_daemon"
    cloud._set_up = _set_up
    sys.exit(daemon.main())
