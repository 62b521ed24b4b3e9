"""The README's curl session, as it is written, against the local cloud."""

import os
import subprocess
from pathlib import Path

import pytest

from infra.local.cloud import SHOWN_USER, LocalCloud
from tests.e2e.readme_commands import curl_session

pytestmark = pytest.mark.e2e


def session() -> str:
    """Returns the commands without the start and stop of the local cloud, which the fixture does."""
    first, *commands, last = curl_session()
    assert (first, last) == ('make local DETACH=1 && eval "$(make -s local-env)"', "make local-stop")
    return "\n".join(commands)


def test_curl_session_of_the_readme_works(cloud: LocalCloud, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "API": f"{cloud.api_url}/api/v1",
        "TOKEN": cloud.token(SHOWN_USER),
    }
    ran = subprocess.run(  # noqa: S603  the README's own commands
        ["bash", "-euo", "pipefail", "-c", session()],  # noqa: S607
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert '"status":"completed"' in ran.stdout.replace(": ", ":")
    header, first_row = (tmp_path / "scored.csv").read_text().splitlines()[:2]
    assert "default_probability" in header
    assert ran.stdout.endswith(f"{header}\n{first_row}\n")
