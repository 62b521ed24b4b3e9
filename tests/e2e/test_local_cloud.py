"""Starting and stopping the local cloud by its commands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from default_risk_jobs import JobsClient
from infra.local.cloud import LocalCloud
from infra.project import ROOT

pytestmark = pytest.mark.e2e


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Captured output makes this call wait for background processes that keep it open, until the timeout.
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "infra.local.daemon", "--folder", str(folder), *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )


def default_risk(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [str(Path(sys.executable).with_name("default-risk")), *arguments],
        env={**os.environ, "DEFAULT_RISK_HOME": str(folder / "home")},
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_detached_cloud_is_ready_after_its_start_and_can_be_stopped(tmp_path: Path) -> None:
    started = command(tmp_path, "--detach")
    assert started.returncode == 0, started.stderr
    try:
        cloud = LocalCloud(**json.loads((tmp_path / "cloud.json").read_text()))
        assert httpx.get(f"{cloud.api_url}/api/v1/health", timeout=10).status_code == 200
        assert set(cloud.users) == {
            "acme_member",
            "acme_colleague",
            "globex_member",
            "solo_user",
            "super_admin",
            "no_role",
        }
        with JobsClient(cloud.api_url, token=cloud.token("solo_user")) as client:
            assert client.jobs()["jobs"] == []
        assert command(tmp_path, "--detach").stdout == started.stdout
        signed_in = default_risk(tmp_path, "local", "--folder", str(tmp_path), "--user", "solo_user")
        assert "Signed in as solo_user." in signed_in.stdout, signed_in.stderr
        assert cloud.token("solo_user") not in signed_in.stdout + signed_in.stderr
        assert json.loads(default_risk(tmp_path, "jobs", "--json").stdout) == {"jobs": []}
    finally:
        stopped = command(tmp_path, "--stop")
    assert stopped.stdout == "Stopped.\n"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{cloud.endpoint_url}/_ministack/health", timeout=10)
    assert not (tmp_path / "cloud.json").exists()
    assert command(tmp_path, "--stop").stdout == "No local cloud is running.\n"
