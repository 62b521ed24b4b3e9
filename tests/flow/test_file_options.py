"""Whole jobs with the options that say how a file is to be read, and the notes on how it was."""

import csv
import io

import openpyxl

from infra.local import panel
from shared.jobs.job import JobStatus, JobType, UploadOptions, dropped_job_id
from shared.jobs.service import JobService
from tests.flow.system import System
from tests.flow.test_jobs import MEMBER, jobs, result

__all__ = ["jobs"]


def two_sheets() -> bytes:
    """Returns a workbook of the sheets `2017` and `2018`, with one annual row of another symbol each."""
    text = panel.as_csv(panel.statement_rows(1, seed=1), panel.STATEMENT_COLUMNS).decode()
    header, row = csv.reader(io.StringIO(text))
    book = openpyxl.Workbook(write_only=True)
    for title in ("2017", "2018"):
        sheet = book.create_sheet(title)
        sheet.append(header)
        sheet.append([f"S{title}", *row[1:]])
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def symbols(system: System, jobs: JobService, options: UploadOptions) -> tuple[list[str], list[str]]:
    """Returns the symbols that are scored with these options, and the codes of the notes."""
    job = jobs.upload(MEMBER, job_type=JobType.ANNUAL, filename="a.xlsx", body=two_sheets(), options=options)
    system.deliver()
    assert system.wait(job.id) == "SUCCEEDED"
    codes = [note.code for note in jobs.get(MEMBER, job.id).job.notes]
    return [row["company_symbol"] for row in result(system, job.id, "successful")], codes


def test_first_sheet_is_scored_and_a_note_names_the_other(system: System, jobs: JobService) -> None:
    assert symbols(system, jobs, UploadOptions()) == (["S2017"], ["sheets_skipped"])


def test_named_sheet_is_scored(system: System, jobs: JobService) -> None:
    found, _ = symbols(system, jobs, UploadOptions(sheet="2018"))
    assert found == ["S2018"]


def test_metadata_of_a_dropped_file_names_the_sheet(system: System) -> None:
    key = "drop/acme/annual/two sheets.xlsx"
    version = system.put(key, two_sheets(), sheet="2018")
    system.deliver()
    job_id = dropped_job_id(bucket=system.uploads_bucket, key=key, version_id=version)
    assert system.wait(job_id) == "SUCCEEDED"
    assert [row["company_symbol"] for row in result(system, job_id, "successful")] == ["S2018"]


def test_unknown_sheet_fails_the_job_naming_those_there_are(system: System, jobs: JobService) -> None:
    job = jobs.upload(
        MEMBER, job_type=JobType.ANNUAL, filename="a.xlsx", body=two_sheets(), options=UploadOptions(sheet="2019")
    )
    system.deliver()
    system.wait(job.id)
    failed = jobs.get(MEMBER, job.id).job
    assert failed.status is JobStatus.FAILED
    assert failed.error_message is not None
    assert "2017" in failed.error_message
    assert "2018" in failed.error_message
