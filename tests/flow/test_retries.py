"""Retries of whole jobs: exactly the failed or unprocessed rows, none of them lost."""

from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from botocore.exceptions import ConnectionClosedError

from functions.api.handler import ApiSettings, services
from infra.local import panel
from shared.aws import clients
from shared.jobs.errors import NothingToRetryError
from shared.jobs.job import JobStatus, Outcome, Source
from shared.jobs.retries import RETRIED_OUTCOMES, RetryService
from shared.jobs.service import JobService
from shared.jobs.uploads import upload_key
from tests.flow.system import System
from tests.flow.test_jobs import MEMBER, annual_csv, cancel_after_first_chunks, jobs, ran, result, submitted

__all__ = ["jobs"]

BOTH = frozenset(RETRIED_OUTCOMES)


@pytest.fixture
def retries(system: System) -> RetryService:
    assert system.state_machine_arn
    return services(ApiSettings.from_environment()).retries


def cancelled(system: System, jobs: JobService, body: bytes) -> UUID:
    """Returns a job that was cancelled after its first two chunks."""
    job_id = submitted(jobs, body)
    system.before["score"] = [cancel_after_first_chunks(jobs, job_id)]
    system.deliver()
    system.wait(job_id)
    system.before.clear()
    return job_id


def retried(system: System, jobs: JobService, retries: RetryService, parent: UUID, *outcomes: Outcome) -> UUID:
    """Retries a job and waits for the retry to end."""
    child = retries.retry(MEMBER, jobs.get(MEMBER, parent), frozenset(outcomes) or BOTH)
    system.deliver()
    assert system.wait(child.id) == "SUCCEEDED"
    return child.id


def by_source_row(rows: list[dict[str, str]]) -> dict[int, dict[str, str]]:
    """Maps the source row to the cells of a retry's row, without its row numbers."""
    return {
        int(row["source_row"]): {name: cell for name, cell in row.items() if name not in {"row", "source_row"}}
        for row in rows
    }


def by_row(rows: list[dict[str, str]]) -> dict[int, dict[str, str]]:
    return {int(row["row"]): {name: cell for name, cell in row.items() if name != "row"} for row in rows}


def awkward_csv(rows: int) -> bytes:
    """Returns a CSV with invalid and malformed rows, and cells with quotes, line breaks and formulas."""
    lines = annual_csv(rows, invalid=rows // 20).decode().splitlines()
    name = lines[0].split(",").index("company_name")
    for at, text in ((5, '"=cmd(1,2)"'), (rows - 50, '"\'=x"'), (rows - 40, '"two\nlines, ""quoted"""')):
        cells = lines[at].split(",")
        lines[at] = ",".join([*cells[:name], text, *cells[name + 1 :]])
    lines[7] = 'ACME,"Acme, Inc",2015'
    lines[rows - 30] = 'ZETA,"Zeta, ""Inc""",2015'
    lines[rows - 20] = lines[rows - 20].replace(",", "\0,", 1)
    return "\n".join(lines).encode() + b"\n"


def test_cancelled_job_and_its_retry_have_the_results_of_one_whole_run(
    system: System, jobs: JobService, retries: RetryService
) -> None:
    body = awkward_csv(3_000)
    parent = cancelled(system, jobs, body)
    before = jobs.get(MEMBER, parent)
    child = retried(system, jobs, retries, parent, Outcome.UNPROCESSED)
    whole = ran(system, jobs, body)

    for outcome in ("successful", "failed", "all"):
        first, rest = by_row(result(system, parent, outcome)), by_source_row(result(system, child, outcome))
        if outcome == "all":
            first = {row: cells for row, cells in first.items() if cells["outcome"] != "unprocessed"}
        assert first
        assert rest
        assert not first.keys() & rest.keys()
        expected = by_row(result(system, whole, outcome))
        together = {**first, **rest}
        # The message of a malformed row counts the added column too; all else is equal.
        for rows in (expected, together):
            for cells in rows.values():
                if cells.get("code") == "malformed_row":
                    del cells["error"], cells["errors"]
        assert together == expected
    assert jobs.get(MEMBER, parent) == before
    job = jobs.get(MEMBER, child).job
    assert (job.source, job.parent_job_id, job.options) == (Source.RETRY, parent, before.job.options)
    assert [int(row["row"]) for row in result(system, child, "all")] == list(range(1, (job.total_rows or 0) + 1))


def test_chain_of_retries_keeps_codes_and_source_rows_of_failed_rows(
    system: System, jobs: JobService, retries: RetryService
) -> None:
    parent = ran(system, jobs, awkward_csv(400))
    first = retried(system, jobs, retries, parent)
    second = retried(system, jobs, retries, first)

    expected = {int(row["row"]): row["code"] for row in result(system, parent, "failed")}
    assert len(set(expected.values())) > 1
    for child in (first, second):
        assert {int(row["source_row"]): row["code"] for row in result(system, child, "failed")} == expected
        assert result(system, child, "successful") == []
    inputs = ("company_symbol", "company_name", "market_cap", "source_row")
    assert [[row[name] for name in inputs] for row in result(system, second, "failed")] == [
        [row[name] for name in inputs] for row in result(system, first, "failed")
    ]
    assert "input_source_row" not in result(system, second, "failed")[0]
    with pytest.raises(NothingToRetryError):
        retries.retry(MEMBER, jobs.get(MEMBER, first), frozenset({Outcome.UNPROCESSED}))


def test_workbook_cancelled_before_its_plan_is_retried_as_a_whole(
    system: System, jobs: JobService, retries: RetryService
) -> None:
    body = panel.as_xlsx(panel.quarterly_ratio_rows(50, seed=1), panel.QUARTERLY_RATIO_COLUMNS)
    parent = submitted(jobs, body, filename="figures.xlsx")

    def cancel(_event: dict[str, Any]) -> None:
        jobs.cancel(MEMBER, parent)

    system.before["plan"] = [cancel]
    system.deliver()
    system.wait(parent)
    system.before.clear()
    child = retried(system, jobs, retries, parent)

    job = jobs.get(MEMBER, child).job
    assert (job.status, job.original_filename, job.total_rows) == (JobStatus.COMPLETED, "figures.xlsx", 50)
    assert job.retry is not None
    assert job.retry.is_whole_input
    with pytest.raises(NothingToRetryError):
        retries.retry(MEMBER, jobs.get(MEMBER, child), BOTH)


def test_lost_retry_file_request_is_repeated_and_creates_one_job(
    system: System, jobs: JobService, retries: RetryService
) -> None:
    parent = ran(system, jobs, annual_csv(100, invalid=10))
    view = jobs.get(MEMBER, parent)

    def lose(**_sent: Any) -> None:
        raise ConnectionClosedError(endpoint_url="https://lambda")

    with patch.object(clients.lambda_(), "invoke", lose):
        lost = retries.retry(MEMBER, view, BOTH)
    assert jobs.get(MEMBER, lost.id).job.status is JobStatus.PENDING
    # Reconcile repeats the request after a while.
    for _ in range(2):
        system.invoke("retry", {"job_id": str(lost.id)})
    system.deliver(times=2)
    system.wait(lost.id)
    system.invoke("retry", {"job_id": str(lost.id)})
    system.deliver()

    job = jobs.get(MEMBER, lost.id).job
    assert (job.status, job.final_failed_rows, job.total_rows) == (JobStatus.COMPLETED, 10, 10)
    assert system.objects(system.uploads_bucket).count(upload_key(lost.id)) == 1
    executions = clients.step_functions().list_executions(stateMachineArn=system.state_machine_arn)["executions"]
    assert len(executions) == 2


def test_retry_cancelled_or_deleted_before_its_file_is_not_started(
    system: System, jobs: JobService, retries: RetryService
) -> None:
    parent = ran(system, jobs, annual_csv(100, invalid=10))
    view = jobs.get(MEMBER, parent)
    first, second = (retries.retry(MEMBER, view, BOTH) for _ in range(2))
    # Their files are stored, but the events are not delivered yet.
    jobs.cancel(MEMBER, first.id)
    jobs.delete(MEMBER, second.id)
    for child in (first, second):
        system.invoke("retry", {"job_id": str(child.id)})
    system.deliver()

    assert [key for key in system.objects(system.uploads_bucket) if key != upload_key(parent)] == []
    assert jobs.get(MEMBER, first.id).job.cancelled
    assert clients.step_functions().list_executions(stateMachineArn=system.state_machine_arn)["executions"][1:] == []


def test_retry_of_a_deleted_job_fails_with_a_sentence(system: System, jobs: JobService, retries: RetryService) -> None:
    parent = ran(system, jobs, annual_csv(100, invalid=10))
    view = jobs.get(MEMBER, parent)

    def delete(_event: dict[str, Any]) -> None:
        jobs.delete(MEMBER, parent)

    system.before["retry"] = [delete]
    child = retries.retry(MEMBER, view, BOTH)

    job = jobs.get(MEMBER, child.id).job
    assert (job.status, job.error_code) == (JobStatus.FAILED, "retry_not_prepared")
    assert "deleted" in str(job.error_message)
    assert system.objects(system.uploads_bucket) == []
