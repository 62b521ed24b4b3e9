"""The command `default-risk` as a process and in a terminal, with the local cloud."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from default_risk_jobs import JobsClient
from infra.local import panel
from infra.local.cloud import LocalCloud
from tests.e2e.paused_scoring import scoring_paused
from tests.terminals import heed_interrupts

pytestmark = pytest.mark.e2e

_COMMAND = str(Path(sys.executable).with_name("default-risk"))
_SECONDS = 120
_IDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A shell with its own settings folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DEFAULT_RISK_")}
        return {
            **kept,
            "DEFAULT_RISK_HOME": str(self.folder / "home"),
            "TERM": "xterm",
            "COLUMNS": "160",
            "LINES": "40",
        }

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [_COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            input=given,
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )

    def json(self, *arguments: str) -> Any:
        ran = self.run(*arguments, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    @contextmanager
    def terminal(self, *arguments: str) -> Iterator[Any]:
        child = pexpect.spawn(
            _COMMAND,
            list(arguments),
            cwd=self.folder,
            env=self.environment,
            encoding="utf-8",
            timeout=_SECONDS,
            dimensions=(40, 160),
            preexec_fn=heed_interrupts,
        )
        try:
            yield child
        finally:
            child.close(force=True)


@pytest.fixture(scope="module")
def shell(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell signed in by name and password."""
    made = Shell(folder=tmp_path_factory.mktemp("shell"))
    password = str(cloud.users["acme_member"]["password"])
    where = ("--api", cloud.api_url, "--client-id", cloud.user_pool_client_id, "--sign-in-url", cloud.endpoint_url)
    ran = made.run("login", *where, "--user", "acme_member", "--password-stdin", given=f"{password}\n")
    assert ran.returncode == 0, ran.stderr
    assert "Signed in to default as acme_member until" in ran.stdout
    assert password not in ran.stdout + ran.stderr
    return made


def test_command_line_uploads_lists_downloads_retries_and_deletes(shell: Shell) -> None:
    given = panel.statement_rows(1_000, seed=12, invalid=15)
    (shell.folder / "figures.csv").write_bytes(panel.as_csv(given, panel.STATEMENT_COLUMNS))
    ran = shell.run("upload", "figures.csv", "--watch", "-l", "run=session")
    assert ran.returncode == 0, ran.stderr
    assert "985 rows successful, 15 failed" in ran.stdout
    job_id = _IDS.findall(ran.stdout)[0]

    groups = shell.json("errors", job_id)["groups"]
    assert {group["code"] for group in groups} == {
        "invalid_market_cap",
        "invalid_number",
        "invalid_year",
        "missing_field",
        "too_long",
    }
    assert all(group["examples"] for group in groups)
    assert "15 rows failed" in shell.run("errors", job_id).stdout
    assert job_id in [job["id"] for job in shell.json("jobs", "-l", "run=session")["jobs"]]

    written = shell.json("download", job_id, "--outcome", "failed")["file"]
    with (shell.folder / written).open() as file:
        assert len(list(csv.DictReader(file))) == 15
    assert shell.run("download", job_id, "--outcome", "failed").returncode == 2

    retried = shell.run("retry", job_id, "--outcome", "failed", "--watch")
    # Unchanged rows fail again.
    assert retried.returncode == 0, retried.stderr
    child = re.match(rf"Created job ({_IDS.pattern})\n", retried.stdout)
    assert child is not None
    assert "0 rows successful, 15 failed" in retried.stdout
    assert shell.json("show", child[1])["parent_job_id"] == job_id
    average = r"default risk\s+[\d.]+% mean, [\d.]+% median"
    assert re.search(average, shell.run("show", job_id).stdout)

    deleted = shell.run("delete", "--yes", job_id)
    assert deleted.stdout == f"Job {job_id} deleted successfully\n"
    gone = shell.run("show", job_id, "--json")
    assert gone.returncode == 5
    assert json.loads(gone.stderr)["error"]["code"] == "job_not_found"


def test_terminal_shows_rows_rate_and_time_left_and_ctrl_c_can_cancel(cloud: LocalCloud, shell: Shell) -> None:
    # Enough rows that the job still runs on a fast machine when the time left is known.
    large_file = shell.folder / "large.csv"
    header, _, rows = panel.as_csv(panel.statement_rows(20_000, seed=11), panel.STATEMENT_COLUMNS).partition(b"\n")
    large_file.write_bytes(header + b"\n" + rows * 10)
    with shell.terminal("upload", large_file.name, "--watch") as terminal:
        terminal.expect(r"Uploaded large\.csv \(annual by its header\): job ([0-9a-f-]{36})")
        job_id = terminal.match[1]
        # Some rows are done, not all.
        terminal.expect(r"[1-9][\d,]* of 200,000 rows")
        terminal.expect(r"rows/s, [\dhms ]+ left")
        with scoring_paused(cloud):
            terminal.sendintr()
            terminal.expect(r"\[c\]ancel, \[d\]etach or \[k\]eep watching")
            terminal.sendline("c")
            terminal.expect(r"large\.csv: cancelled, [\d,]+ rows scored, [\d,]+ not processed")
        terminal.expect(pexpect.EOF)
        terminal.wait()
        assert terminal.exitstatus == 10
    job = shell.json("show", job_id)
    assert job["cancelled"] is True


def test_wrong_password_and_foreign_job_have_their_exit_codes(
    cloud: LocalCloud, shell: Shell, member: JobsClient, tmp_path: Path
) -> None:
    stranger = Shell(folder=tmp_path)
    where = ("--api", cloud.api_url, "--client-id", cloud.user_pool_client_id, "--sign-in-url", cloud.endpoint_url)
    refused = stranger.run("login", *where, "-u", "globex_member", "--password-stdin", given="wrong\n")
    assert (refused.returncode, refused.stderr) == (3, "Wrong user name or password.\n")
    token = cloud.token("globex_member")
    assert stranger.run("login", *where, "--token", "-", given=token).returncode == 0
    job_id = member.upload("annual", "mine.csv", member.template("annual").encode())["job_id"]
    assert stranger.run("cancel", job_id).returncode == 5
    member.wait(job_id)
    assert shell.run("show", job_id).returncode == 0
