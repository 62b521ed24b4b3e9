"""Runs the README's commands in a fresh clone, each in its cheapest form."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.project import ROOT
from tests.e2e.readme_commands import IN_A_CLONE, curl_session
from tests.own_data import write_own_data
from tests.tools.benchmarks.inputs import company_csv, company_rows

_LIMIT_SECONDS = 1800


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clone of the committed files."""
    folder = tmp_path_factory.mktemp("clone") / "default-risk-jobs"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)  # noqa: S603, S607
    yield folder
    run("make local-stop", folder)


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a shell line in the clone."""
    # The clone creates its own virtual environment.
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    return subprocess.run(  # noqa: S603  the README's own commands
        ["bash", "-euo", "pipefail", "-c", command],  # noqa: S607
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
    )


@pytest.mark.xdist_group("clone")
@pytest.mark.parametrize("command", IN_A_CLONE)
def test_readme_command_works_in_a_fresh_clone(command: str, clone: Path) -> None:
    given = clone.parent
    write_own_data(given / "own.csv", firms=1200)
    (given / "companies.csv").write_bytes(company_csv(company_rows(100)))
    ran = run(command, clone)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(IN_A_CLONE[command], ran.stdout + ran.stderr), ran.stdout + ran.stderr


@pytest.mark.xdist_group("clone")
def test_curl_session_of_the_readme_works_in_a_fresh_clone(clone: Path) -> None:
    ran = run("\n".join(curl_session()), clone)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "default_probability" in (clone / "scored.csv").read_text()
