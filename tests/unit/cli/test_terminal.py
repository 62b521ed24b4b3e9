"""Watching in a pseudo-terminal, including Ctrl-C."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx
import pexpect  # type: ignore[import-untyped]
import pytest
from rich.console import Console

from default_risk_jobs.cli.environment import Environment
from default_risk_jobs.cli.live_view import view_for
from default_risk_jobs.client import JobsClient
from default_risk_jobs.types import JobSummary
from infra.project import ROOT
from tests.terminals import heed_interrupts

_SECONDS = 60
_QUESTION = r"\[c\]ancel, \[d\]etach or \[k\]eep watching"


@contextmanager
def watching(*job_ids: str) -> Iterator[Any]:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "tests.unit.cli.scripted_service", "watch", *job_ids],
        cwd=str(ROOT),
        # The environment of the test run may set another width.
        env={**os.environ, "TERM": "xterm", "COLUMNS": "140"},
        encoding="utf-8",
        timeout=_SECONDS,
        dimensions=(30, 140),
        preexec_fn=heed_interrupts,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def exit_code(terminal: Any) -> int:
    terminal.expect(pexpect.EOF)
    terminal.wait()
    code: int = terminal.exitstatus
    return code


def test_progress_bar_shows_rows_and_rate_and_time_left() -> None:
    with watching("one") as terminal:
        terminal.expect(r"one\.csv.*?%.*?\d+ of 1,000 rows, 1 failed.*?200 rows/s, 1m 25s left")
        terminal.expect(r"100%.*?1,000 of 1,000 rows, 1 failed.*?200 rows/s, done")
        terminal.expect(r"one\.csv: completed, 999 rows successful, 1 failed\. default-risk errors one")
        assert exit_code(terminal) == 0


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (140, "97% 1,200,000 of 1,234,567 rows, 56 failed 28,214 rows/s, 1m 25s left"),
        (80, "97% 1,200,000 rows 28,214 rows/s, 1m 25s left"),
        (60, "97% 28,214 rows/s, 1m 25s left"),
    ],
)
def test_progress_bar_has_room_next_to_its_text_in_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, width: int, text: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    out = Console(file=Terminal(), force_terminal=True, color_system=None, width=width)
    client = JobsClient("https://api.example", token="token", transport=httpx.MockTransport(details_of_job))
    with client, view_for(Environment(out=out), client) as view:
        view.show(STATUS)
    last = cast("Terminal", out.file).getvalue().rpartition("market")[2].split("\n")[0]
    assert " ".join(last.split()).endswith(text)
    assert last.count("\N{BOX DRAWINGS HEAVY HORIZONTAL}") >= 8


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


STATUS = cast(
    "JobSummary",
    {
        "id": "one",
        "status": "processing",
        "phase": "scoring",
        "original_filename": "market-2026.csv",
        "total_rows": 1_234_567,
        "processed_rows": 1_200_000,
        "failed_rows": 56,
        "cancelled": False,
    },
)


def details_of_job(_request: httpx.Request) -> httpx.Response:
    speed = {"rows_per_second": 28_214.2, "estimated_completion_time": "1m 25s"}
    return httpx.Response(200, json={"success": True, "job": {**STATUS, "performance": speed}})


def test_each_of_several_jobs_has_a_progress_bar() -> None:
    with watching("one", "two") as terminal:
        terminal.expect(r"one\.csv.*?of 1,000 rows.*?two\.csv.*?of 1,000 rows")
        terminal.sendintr()
        terminal.expect(_QUESTION)
        terminal.sendline("c")
        terminal.expect(r"one\.csv: cancelled, \d+ rows scored, \d+ not processed")
        terminal.expect(r"two\.csv: cancelled, \d+ rows scored, \d+ not processed")
        assert exit_code(terminal) == 10


@pytest.mark.parametrize("answer", ["d", "", "second Ctrl-C"])
def test_job_that_is_left_running_ends_the_command_with_a_hint(answer: str) -> None:
    with watching("one") as terminal:
        terminal.expect("rows/s")
        terminal.sendintr()
        terminal.expect(_QUESTION)
        if answer == "second Ctrl-C":
            terminal.sendintr()
        else:
            terminal.sendline(answer)
        terminal.expect(r"Still running\. Watch again: default-risk watch one")
        assert exit_code(terminal) == 130


def test_watching_continues_after_an_accidental_interrupt() -> None:
    with watching("one") as terminal:
        terminal.expect("rows/s")
        terminal.sendintr()
        terminal.expect(_QUESTION)
        terminal.sendline("k")
        terminal.expect("rows/s")
        terminal.sendintr()
        terminal.expect(_QUESTION)
        terminal.sendline("k")
        terminal.expect(r"one\.csv: completed")
        assert exit_code(terminal) == 0
