"""Exit codes: each one provoked by a command."""

from pathlib import Path

import httpx
import pytest

from default_risk_jobs.cli.exit_codes import ExitCode
from default_risk_jobs.cli.main import app
from shared.jobs.job import JobStatus
from tests.builders import NOON, a_completed_job, a_job, a_processing_job
from tests.fakes import FakeJobStore
from tests.in_process import InProcess, problem
from tests.unit.cli.conftest import CommandLine

COMPLETED, PROCESSING = a_completed_job(), a_processing_job()
UNKNOWN = "0b1b9b8e-6b0e-4a54-9d0e-5f0f3c3f9b1a"


@pytest.fixture
def run_with_jobs(run: CommandLine, store: FakeJobStore, tmp_path: Path) -> CommandLine:
    store.add(COMPLETED)
    store.add(PROCESSING)
    (tmp_path / "bad.csv").write_text("company_symbol,market_cap\nA,1\n")
    return run


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["jobs"], ExitCode.OK, ""),
        (["jobs", "--limit", "none"], ExitCode.USAGE, "Invalid value"),
        (["upload", "{folder}/bad.csv", "--label", "x"], ExitCode.USAGE, "expected KEY=VALUE"),
        (["show", UNKNOWN], ExitCode.NOT_FOUND, "Job not found or access denied"),
        (["cancel", str(COMPLETED.id)], ExitCode.WRONG_STATE, "Cannot cancel job with status 'completed'"),
        (["delete", "--yes", str(PROCESSING.id)], ExitCode.WRONG_STATE, "default-risk cancel"),
        (["delete", str(COMPLETED.id)], ExitCode.USAGE, "--yes"),
        (["download", str(PROCESSING.id)], ExitCode.WRONG_STATE, "default-risk show"),
        (["upload", "{folder}/bad.csv"], ExitCode.BAD_FILE, "default-risk schema"),
        (["upload", "{folder}/gone.csv"], ExitCode.BAD_FILE, "cannot be read"),
        (["upload", "{folder}/notes.pdf"], ExitCode.BAD_FILE, "no CSV file or Excel workbook"),
        (["errors", str(COMPLETED.id), "--code", "nonsense"], ExitCode.REJECTED, "query.code"),
        (["watch", str(COMPLETED.id)], ExitCode.OK, ""),
    ],
    ids=lambda value: value.name if isinstance(value, ExitCode) else None,
)
def test_command_exits_with_the_code_of_its_error(
    run_with_jobs: CommandLine, tmp_path: Path, arguments: list[str], code: ExitCode, sentence: str
) -> None:
    ran = run_with_jobs(*(argument.replace("{folder}", str(tmp_path)) for argument in arguments))
    assert ran.code == code, ran.err
    assert sentence in ran.err


@pytest.mark.parametrize(
    ("response", "code", "sentence"),
    [
        (httpx.Response(401, json={"message": "Unauthorized"}), ExitCode.NOT_SIGNED_IN, "default-risk login"),
        (problem(403, "forbidden"), ExitCode.FORBIDDEN, "`user` role"),
        (problem(429, "rate_limited"), ExitCode.UNAVAILABLE, "again in a minute"),
        (problem(503, "unavailable"), ExitCode.UNAVAILABLE, "Request id: r-1"),
        (problem(500, "internal_error"), ExitCode.UNAVAILABLE, "Request id: r-1"),
        (httpx.ConnectError("refused"), ExitCode.UNAVAILABLE, "No response from api.example"),
        (problem(422, "validation_error"), ExitCode.REJECTED, "validation_error."),
        (problem(409, "results_not_ready"), ExitCode.WRONG_STATE, "results_not_ready."),
        (problem(400, "nothing_to_retry"), ExitCode.WRONG_STATE, "default-risk show"),
    ],
    ids=lambda value: value.name if isinstance(value, ExitCode) else None,
)
def test_exit_code_follows_the_response_of_the_service(
    run: CommandLine, service: InProcess, response: httpx.Response | httpx.TransportError, code: ExitCode, sentence: str
) -> None:
    service.instead = [response] * 5
    ran = run("jobs")
    assert ran.code == code
    assert sentence in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ({"status": JobStatus.COMPLETED}, ExitCode.OK),
        ({"status": JobStatus.FAILED, "error_message": "Too many rows failed"}, ExitCode.JOB_FAILED),
        (
            {"status": JobStatus.FAILED, "cancelled_at": NOON, "error_message": "Job cancelled by user"},
            ExitCode.JOB_CANCELLED,
        ),
    ],
    ids=["completed", "failed", "cancelled"],
)
def test_exit_code_of_watch_follows_the_end_of_the_job(
    run: CommandLine, store: FakeJobStore, ended: dict[str, object], code: ExitCode
) -> None:
    job = a_job(**ended)
    store.add(job)
    assert run("watch", str(job.id)).code == code
    # Of several jobs, the worst end counts.
    other = a_completed_job()
    store.add(other)
    assert run("watch", str(other.id), str(job.id)).code == code


def test_error_of_several_lines_is_printed_in_several_lines(run: CommandLine, service: InProcess) -> None:
    service.instead = [httpx.Response(422, json={"detail": "first\n\x1b[31msecond", "code": "validation_error"})]
    assert run("jobs").err == "first\n\N{REPLACEMENT CHARACTER}[31msecond\n"


def test_interrupted_command_says_that_it_was_interrupted(run: CommandLine, service: InProcess) -> None:
    def interrupt(_request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    service.instead = [interrupt]
    ran = run("jobs")
    assert (ran.code, ran.err) == (ExitCode.INTERRUPTED, "Interrupted.\n")


def test_every_exit_code_is_in_the_help() -> None:
    epilog = app.info.epilog
    assert isinstance(epilog, str)
    for code in ExitCode:
        assert f" {int(code)} " in epilog
