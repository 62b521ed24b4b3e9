"""Watching in a pseudo-terminal, Ctrl-C included."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from infra.layout import ROOT
from tests.terminals import heed_interrupts

_SECONDS = 60
_QUESTION = r"Cancel \(c\), leave running \(l\) or go on watching \(w\)"


@contextmanager
def watching(*job_ids: str) -> Iterator[Any]:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "tests.unit.cli.scripted_service", "watch", *job_ids],
        cwd=str(ROOT),
        env={**os.environ, "TERM": "xterm"},
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


def test_a_bar_shows_rows_rate_and_time_left_to_the_end() -> None:
    with watching("one") as terminal:
        terminal.expect(r"one\.csv.*?%.*?\d+ of 1,000 rows, 1 failed.*?200 rows/s, 1m 25s left")
        terminal.expect(r"100%.*?1,000 of 1,000 rows, 1 failed.*?200 rows/s, done")
        terminal.expect(r"one\.csv: completed, 999 rows successful, 1 failed\. default-risk errors one")
        assert exit_code(terminal) == 0


def test_several_jobs_have_a_bar_each() -> None:
    with watching("one", "two") as terminal:
        terminal.expect(r"one\.csv.*?of 1,000 rows.*?two\.csv.*?of 1,000 rows")
        terminal.sendintr()
        terminal.expect(_QUESTION)
        terminal.sendline("c")
        terminal.expect(r"one\.csv: cancelled, \d+ rows scored, \d+ left undone")
        terminal.expect(r"two\.csv: cancelled, \d+ rows scored, \d+ left undone")
        assert exit_code(terminal) == 10


@pytest.mark.parametrize("answer", ["l", "", "second Ctrl-C"])
def test_a_job_that_is_left_goes_on_and_can_be_watched_again(answer: str) -> None:
    with watching("one") as terminal:
        terminal.expect("rows/s")
        terminal.sendintr()
        terminal.expect(_QUESTION)
        if answer == "second Ctrl-C":
            terminal.sendintr()
        else:
            terminal.sendline(answer)
        terminal.expect(r"Left running\. Watch on: default-risk watch one")
        assert exit_code(terminal) == 130


def test_watching_goes_on_where_it_was_interrupted_by_mistake() -> None:
    with watching("one") as terminal:
        terminal.expect("rows/s")
        terminal.sendintr()
        terminal.expect(_QUESTION)
        terminal.sendline("w")
        terminal.expect("rows/s")
        terminal.sendintr()
        terminal.expect(_QUESTION)
        terminal.sendline("w")
        terminal.expect(r"one\.csv: completed")
        assert exit_code(terminal) == 0
