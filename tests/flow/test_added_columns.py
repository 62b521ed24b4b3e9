"""Whole jobs with two columns added to the table of input columns, one of them required, and no other change."""

import csv
import io

import pytest

from shared.inputs.schema import template_csv
from shared.jobs.job import JobStatus, JobType
from shared.jobs.row_errors import Position
from shared.jobs.service import JobService
from tests.added_columns import add_columns, amount_column
from tests.flow.system import System
from tests.flow.test_jobs import MEMBER, jobs, ran, result, submitted

__all__ = ["jobs"]


@pytest.fixture(autouse=True)
def template_before(monkeypatch: pytest.MonkeyPatch) -> str:
    """Returns the template without the columns that this fixture adds."""
    before = template_csv(JobType.ANNUAL)
    add_columns(monkeypatch, amount_column("goodwill", required=True), amount_column("deposits", required=False))
    return before


def test_template_with_an_added_required_column_is_scored(system: System, jobs: JobService) -> None:
    template = template_csv(JobType.ANNUAL)
    job_id = ran(system, jobs, template.encode())
    scored = result(system, job_id, "successful")
    assert jobs.get(MEMBER, job_id).job.status is JobStatus.COMPLETED
    assert [row["goodwill"] for row in scored] == ["1", "2", "3"]
    assert len(scored) == len(template.splitlines()) - 1
    assert all(row["default_probability"] for row in scored)


def test_added_optional_column_is_validated_and_passed_through(system: System, jobs: JobService) -> None:
    rows = list(csv.DictReader(io.StringIO(template_csv(JobType.ANNUAL))))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0], "deposits"])
    writer.writeheader()
    writer.writerows({**row, "deposits": cell} for row, cell in zip(rows, ("", "-1", "5.5"), strict=True))
    job_id = ran(system, jobs, text.getvalue().encode())
    assert [row["deposits"] for row in result(system, job_id, "successful")] == ["", "5.5"]
    (row_error,) = jobs.row_errors(jobs.get(MEMBER, job_id), start=Position(), limit=10).errors
    assert (row_error["row"], row_error["column"], row_error["value"]) == (2, "deposits", "-1")


def test_file_without_an_added_required_column_fails_its_job(
    system: System, jobs: JobService, template_before: str
) -> None:
    job_id = submitted(jobs, template_before.encode())
    system.deliver()
    system.wait(job_id)
    job = jobs.get(MEMBER, job_id).job
    assert job.status is JobStatus.FAILED
    assert job.error_message is not None
    assert "goodwill" in job.error_message
