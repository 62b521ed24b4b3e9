"""Whole jobs: the synthesized state machine in moto's interpreter, with the real handlers and adapters."""

import csv
import gzip
import io
import json
import time
from collections import Counter
from collections.abc import Callable
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.api.handler import ApiSettings, services
from infra.local import panel
from shared.aws import clients
from shared.aws.results_bucket import ResultsBucket
from shared.jobs.access import Caller, Role
from shared.jobs.errors import JobNotFoundError, ResultsNotReadyError
from shared.jobs.job import FileFormat, Job, JobStatus, JobType, Outcome, Phase, UploadOptions
from shared.jobs.listing import JobFilter
from shared.jobs.progress import Progress
from shared.jobs.representations import job_details, job_progress
from shared.jobs.row_errors import Position
from shared.jobs.service import JobService
from shared.jobs.uploads import upload_key
from shared.scoring.catalog import RISK_LEVELS, model_card
from tests.flow.system import System
from tests.synthesized import JsonObject

MEMBER = Caller(user_id="u1", username="jane", organization_id="acme", role=Role.ORG_MEMBER)


@pytest.fixture
def jobs(system: System) -> JobService:
    assert system.state_machine_arn
    return services(ApiSettings.from_environment()).jobs


def submitted(jobs: JobService, body: bytes, *, filename: str = "a.csv", **options: Any) -> UUID:
    job_type = JobType.QUARTERLY if filename.endswith(".xlsx") else JobType.ANNUAL
    return jobs.upload(MEMBER, job_type=job_type, filename=filename, body=body, options=UploadOptions(**options)).id


def annual_csv(count: int, *, invalid: int = 0) -> bytes:
    return panel.as_csv(panel.statement_rows(count, seed=count, invalid=invalid), panel.STATEMENT_COLUMNS)


def cancel_after_first_chunks(jobs: JobService, job_id: UUID) -> Callable[[JsonObject], None]:
    """Returns a hook that cancels the job after its first two chunks and delays the others until then."""
    cancelled = Event()

    def hook(event: JsonObject) -> None:
        if event["chunk"]["index"] == 2:
            while len(jobs.get(MEMBER, job_id).progress.done) < 2:
                time.sleep(0.01)
            jobs.cancel(MEMBER, job_id)
            cancelled.set()
        elif event["chunk"]["index"] > 2:
            assert cancelled.wait(30)

    return hook


def result(system: System, job_id: UUID, outcome: str) -> list[dict[str, str]]:
    response = clients.s3().get_object(Bucket=system.results_bucket, Key=f"results/{job_id}/{outcome}.csv")
    return list(csv.DictReader(io.StringIO(response["Body"].read().decode())))


def link(jobs: JobService, job_id: UUID, outcome: Outcome) -> str:
    downloads = services(ApiSettings.from_environment()).downloads
    return downloads.link(jobs.get(MEMBER, job_id).job, outcome, FileFormat.CSV)


def ran(system: System, jobs: JobService, body: bytes, **options: Any) -> UUID:
    job_id = submitted(jobs, body, **options)
    system.deliver()
    assert system.wait(job_id) == "SUCCEEDED"
    return job_id


def test_upload_is_scored_and_can_be_downloaded(system: System, jobs: JobService) -> None:
    job_id = ran(system, jobs, annual_csv(1_000, invalid=15))

    view = jobs.get(MEMBER, job_id)
    assert view.job.status is JobStatus.COMPLETED
    assert job_progress(view.job, view.progress) == {
        "total_rows": 1000,
        "processed_rows": 1000,
        "successful_rows": 985,
        "failed_rows": 15,
        "progress_percentage": 100.0,
        "remaining_rows": 0,
    }
    assert f"results/{job_id}/successful.csv" in link(jobs, job_id, Outcome.SUCCESSFUL)
    scored, failed = result(system, job_id, "successful"), result(system, job_id, "failed")
    assert (len(scored), len(failed), result(system, job_id, "unprocessed")) == (985, 15, [])
    rows = [int(row["row"]) for row in result(system, job_id, "all")]
    assert rows == list(range(1, 1_001))
    summary = ResultsBucket(client=clients.s3, bucket=system.results_bucket).get_summary(job_id)
    assert summary is not None
    assert (summary["rows"], summary["model_version"]) == (985, view.job.model_version)
    assert summary["by_risk_level"] == {
        level: Counter(row["risk_level"] for row in scored)[level] for level in RISK_LEVELS
    }
    assert summary["population_stability"]["training_grades"] == model_card("statements")["training_grades"]
    assert [int(row["row"]) for row in scored] == sorted(set(rows) - {int(row["row"]) for row in failed})


def test_every_chunk_is_scored_by_its_own_invocation(system: System, jobs: JobService) -> None:
    job_id = ran(system, jobs, annual_csv(3_000))

    scored = [event["chunk"]["index"] for name, event in system.invocations if name == "score"]
    assert jobs.get(MEMBER, job_id).job.chunk_count > 3
    assert sorted(scored) == list(range(jobs.get(MEMBER, job_id).job.chunk_count))


def test_dropped_workbook_becomes_a_job_of_its_organization(system: System, jobs: JobService) -> None:
    body = panel.as_xlsx(panel.quarterly_ratio_rows(50, seed=1), panel.QUARTERLY_RATIO_COLUMNS)
    system.put("drop/acme/quarterly/2026/q1/figures.xlsx", body)
    system.deliver()
    (view,) = jobs.page(MEMBER, _everything(), after=None, offset=0, limit=10).views
    system.wait(view.job.id)

    job = jobs.get(MEMBER, view.job.id).job
    assert (job.status, job.source, job.created_by) == (JobStatus.COMPLETED, "s3-drop", "s3-drop")
    assert (job.original_filename, job.total_rows) == ("figures.xlsx", 50)
    stranger = Caller(user_id="s3-drop", username="x", organization_id=None, role=Role.USER)
    with pytest.raises(JobNotFoundError):
        jobs.get(stranger, job.id)


def test_dropped_gzip_file_has_the_results_of_the_unpacked_one(system: System, jobs: JobService) -> None:
    body = b"sep=,\n" + annual_csv(200, invalid=9)
    system.put("drop/acme/annual/plain.csv", body)
    system.put("drop/acme/annual/packed.CSV.gz", gzip.compress(body))
    system.deliver()
    results = {}
    for view in jobs.page(MEMBER, _everything(), after=None, offset=0, limit=10).views:
        assert system.wait(view.job.id) == "SUCCEEDED"
        job = jobs.get(MEMBER, view.job.id).job
        results[job.original_filename] = (job.total_rows, job.notes, result(system, job.id, "all"))

    assert results["packed.CSV.gz"] == results["plain.csv"]
    assert [note.code for note in results["plain.csv"][1]] == ["delimiters_tolerated"]


def test_every_invalid_row_is_listed_with_its_row_error(system: System, jobs: JobService) -> None:
    job_id = ran(system, jobs, annual_csv(300, invalid=60))

    view = jobs.get(MEMBER, job_id)
    page = jobs.row_errors(view, start=Position(), limit=1_000)
    assert len(page.errors) == view.progress.failed_rows == 60
    assert [error["row"] for error in page.errors] == [int(row["row"]) for row in result(system, job_id, "failed")]


def test_chunk_that_fails_twice_is_retried_and_counted_once(system: System, jobs: JobService) -> None:
    attempts: list[int] = []

    def fail_twice(event: dict[str, Any]) -> None:
        if event["chunk"]["index"] == 1:
            attempts.append(1)
            if len(attempts) < 3:
                raise ConnectionError("lost")

    system.before["score"] = [fail_twice]
    job_id = ran(system, jobs, annual_csv(3_000))

    view = jobs.get(MEMBER, job_id)
    assert len(attempts) == 3
    assert (view.job.status, view.job.final_successful_rows) == (JobStatus.COMPLETED, 3_000)


@pytest.mark.hazard("A chunk run twice, concurrently, or again after its part was written but not committed")
def test_chunk_whose_first_response_was_lost_is_counted_once(system: System, jobs: JobService) -> None:
    def score_before_the_loss(event: dict[str, Any]) -> None:
        if event["chunk"]["index"] == 0 and not lost:
            lost.append(True)
            system.invoke("score", event)
            raise ConnectionError("the response was lost")

    lost: list[bool] = []
    system.before["score"] = [score_before_the_loss]
    job_id = ran(system, jobs, annual_csv(3_000))

    assert jobs.get(MEMBER, job_id).job.final_successful_rows == 3_000
    assert len(result(system, job_id, "successful")) == 3_000


@pytest.mark.hazard("A chunk that kills its worker")
def test_chunk_that_always_fails_makes_its_job_fail_and_name_the_rows(system: System, jobs: JobService) -> None:
    def poison(event: dict[str, Any]) -> None:
        if event["chunk"]["index"] == 1:
            raise MemoryError

    system.before["score"] = [poison]
    job_id = ran(system, jobs, annual_csv(3_000))

    job = jobs.get(MEMBER, job_id).job
    (manifest,) = [key for key in system.objects(system.results_bucket) if key.endswith("manifest.json")]
    body = clients.s3().get_object(Bucket=system.results_bucket, Key=manifest)["Body"].read()
    chunk = json.loads(body)[1]
    first, last = chunk["first_row"], chunk["first_row"] + chunk["row_count"] - 1
    assert (job.status, job.error_code) == (JobStatus.FAILED, "chunks_failed")
    assert f"Rows {first}-{last} could not be scored" in str(job.error_message)
    assert [int(row["row"]) for row in result(system, job_id, "unprocessed")] == list(range(first, last + 1))
    assert len(result(system, job_id, "successful")) == 3_000 - chunk["row_count"]
    assert [int(row["row"]) for row in result(system, job_id, "all")] == list(range(1, 3_001))


@pytest.mark.hazard("The same event up to five times, shuffled or concurrent: one job, one execution")
def test_event_delivered_five_times_creates_one_job_and_one_execution(system: System, jobs: JobService) -> None:
    job_id = submitted(jobs, annual_csv(100))
    system.deliver(times=5)
    system.wait(job_id)

    executions = clients.step_functions().list_executions(stateMachineArn=system.state_machine_arn)["executions"]
    assert [execution["name"] for execution in executions] == [str(job_id)]
    assert jobs.get(MEMBER, job_id).job.final_successful_rows == 100


@pytest.mark.hazard("An object overwritten while its job runs")
def test_object_overwritten_while_its_job_runs_does_not_change_results(system: System, jobs: JobService) -> None:
    job_id = submitted(jobs, annual_csv(100))

    def overwrite(_event: dict[str, Any]) -> None:
        system.put(upload_key(job_id), annual_csv(7))

    system.before["plan"] = [overwrite]
    system.deliver()
    system.wait(job_id)
    system.before.clear()
    system.deliver()

    assert jobs.get(MEMBER, job_id).job.total_rows == 100
    assert system.objects(system.uploads_bucket) == [upload_key(job_id)]


def test_cancelled_job_keeps_scored_rows_and_returns_the_others(system: System, jobs: JobService) -> None:
    job_id = submitted(jobs, annual_csv(3_000, invalid=30))

    system.before["score"] = [cancel_after_first_chunks(jobs, job_id)]
    system.deliver()
    assert system.wait(job_id) == "ABORTED"

    view = jobs.get(MEMBER, job_id)
    progress = job_progress(view.job, view.progress)
    unprocessed = result(system, job_id, "unprocessed")
    assert (view.job.status, view.job.cancelled, view.job.phase) == (JobStatus.FAILED, True, Phase.DONE)
    assert view.job.error_message == "Job cancelled by user"
    assert 0 < progress["processed_rows"] < 3_000
    assert progress["successful_rows"] + progress["failed_rows"] + len(unprocessed) == progress["total_rows"] == 3_000
    assert len(result(system, job_id, "successful")) == progress["successful_rows"]
    assert len(result(system, job_id, "failed")) == progress["failed_rows"]
    rest = sorted(int(row["row"]) for row in result(system, job_id, "all"))
    assert rest == list(range(1, 3_001))


@pytest.mark.hazard("A cancel that races with the last chunk and with finalize")
def test_late_chunks_of_cancelled_job_change_nothing(system: System, jobs: JobService) -> None:
    job_id = submitted(jobs, annual_csv(3_000))
    system.before["score"] = [cancel_after_first_chunks(jobs, job_id)]
    system.deliver()
    system.wait(job_id)
    system.before.clear()
    before = job_progress(*_both(jobs, job_id))
    stored = system.objects(system.results_bucket)
    manifest = json.loads(
        clients.s3().get_object(Bucket=system.results_bucket, Key=f"work/{job_id}/manifest.json")["Body"].read()
    )
    for chunk in manifest:
        system.invoke("score", {"job_id": str(job_id), "chunk": chunk})

    assert job_progress(*_both(jobs, job_id)) == before
    assert system.objects(system.results_bucket) == stored


def test_second_cancel_returns_the_same_result(system: System, jobs: JobService) -> None:
    job_id = submitted(jobs, annual_csv(3_000))
    stopped = []

    def cancel(event: dict[str, Any]) -> None:
        if event["chunk"]["index"] == 0:
            stopped.append(jobs.cancel(MEMBER, job_id).execution_stopped)

    system.before["score"] = [cancel]
    system.deliver()
    system.wait(job_id)
    stopped.append(jobs.cancel(MEMBER, job_id).execution_stopped)

    assert stopped == [True, True]


@pytest.mark.hazard("A cancel that races with the last chunk and with finalize")
def test_job_cancelled_before_its_upload_has_no_result_files(system: System, jobs: JobService) -> None:
    upload = jobs.presign(
        MEMBER,
        job_type=JobType.ANNUAL,
        filename="never.csv",
        file_size=None,
        content_sha256=None,
        max_bytes=1_000,
        options=UploadOptions(),
    )
    assert jobs.cancel(MEMBER, upload.job.id).execution_stopped is False

    view = jobs.get(MEMBER, upload.job.id)
    assert (view.job.status, view.job.results_ready) == (JobStatus.FAILED, True)
    assert job_progress(view.job, view.progress)["total_rows"] == 0
    with pytest.raises(ResultsNotReadyError, match="nothing to download"):
        link(jobs, upload.job.id, Outcome.SUCCESSFUL)
    # A file that arrives later belongs to no job and is deleted.
    system.put(upload_key(upload.job.id), annual_csv(5))
    system.deliver()
    assert system.objects(system.uploads_bucket) == []


@pytest.mark.hazard("A cancel that races with the last chunk and with finalize")
def test_job_cancelled_before_its_plan_returns_its_whole_input(system: System, jobs: JobService) -> None:
    body = annual_csv(100)
    job_id = submitted(jobs, body)

    def cancel(_event: dict[str, Any]) -> None:
        jobs.cancel(MEMBER, job_id)

    system.before["plan"] = [cancel]
    system.deliver()
    system.wait(job_id)

    response = clients.s3().get_object(Bucket=system.results_bucket, Key=f"results/{job_id}/unprocessed.csv")
    assert response["Body"].read() == body
    assert result(system, job_id, "successful") == []
    assert "a.csv" in link(jobs, job_id, Outcome.UNPROCESSED)


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        (b"company_symbol,company_name\nA,B\n", "missing_columns", "sector, reporting_year, market_cap"),
        (b"", "empty_file", "The file is empty"),
        (annual_csv(0), "empty_file", "The file has no data rows"),
        (b"%PDF-1.7 renamed", "unsupported_format", "a PDF"),
        (annual_csv(3) + b'X,"open quote,1\n', "unbalanced_quote", "line 5"),
        (annual_csv(3) + "é".encode("latin-1") + b"\n", "undecodable", "encoding"),
    ],
)
def test_unreadable_file_makes_its_job_fail_with_a_sentence(
    system: System, jobs: JobService, body: bytes, code: str, sentence: str
) -> None:
    key = "drop/acme/annual/file.csv"
    system.put(key, body)
    system.deliver()
    (found,) = jobs.page(MEMBER, _everything(), after=None, offset=0, limit=10).views
    system.wait(found.job.id)

    job = jobs.get(MEMBER, found.job.id).job
    assert (job.status, job.error_code, job.results_ready) == (JobStatus.FAILED, code, True)
    assert sentence in str(job.error_message)
    if body:
        response = clients.s3().get_object(Bucket=system.results_bucket, Key=f"results/{job.id}/unprocessed.csv")
        assert response["Body"].read() == body


@pytest.mark.hazard("A delete while a late chunk writes")
def test_deleted_job_has_a_tombstone_and_no_objects(system: System, jobs: JobService) -> None:
    job_id = ran(system, jobs, annual_csv(3_000, invalid=3))
    jobs.delete(MEMBER, job_id)

    items = clients.dynamodb().scan(TableName=system.table)["Items"]
    assert [item["sk"]["S"] for item in items] == ["JOB"]
    assert set(items[0]) == {"pk", "sk", "deleted_at", "stored_input", "unsettled", "due_at", "listed_at", "ttl"}
    assert system.objects(system.uploads_bucket) == []
    assert system.objects(system.results_bucket) == []
    with pytest.raises(JobNotFoundError):
        jobs.get(MEMBER, job_id)


@pytest.mark.hazard("A delete while a late chunk writes")
def test_late_event_or_chunk_of_deleted_job_stores_nothing(system: System, jobs: JobService) -> None:
    job_id = ran(system, jobs, annual_csv(200))
    (chunk,) = [event for name, event in system.invocations if name == "score"]
    (arrival,) = [event for name, event in system.invocations if name == "intake"]
    jobs.delete(MEMBER, job_id)

    system.invoke("score", chunk)
    system.invoke("intake", arrival)
    system.invoke("finalize", {"job_id": str(job_id)})
    system.invoke("plan", {"job_id": str(job_id)})

    assert len(clients.dynamodb().scan(TableName=system.table)["Items"]) == 1
    assert system.objects(system.results_bucket) == system.objects(system.uploads_bucket) == []


def test_validate_only_job_has_no_scores(system: System, jobs: JobService) -> None:
    job_id = ran(system, jobs, annual_csv(100, invalid=5), validate_only=True)

    view = jobs.get(MEMBER, job_id)
    assert (view.job.status, view.job.final_failed_rows) == (JobStatus.COMPLETED, 5)
    assert "default_probability" not in result(system, job_id, "successful")[0]


def test_job_with_too_many_failed_rows_fails_and_keeps_scored_rows(system: System, jobs: JobService) -> None:
    job_id = ran(system, jobs, annual_csv(300, invalid=30), max_failed_percent=5.0)

    job = jobs.get(MEMBER, job_id).job
    assert (job.status, job.error_code) == (JobStatus.FAILED, "too_many_failed_rows")
    assert len(result(system, job_id, "successful")) == 270


def test_job_with_too_many_failed_rows_ends_early_and_keeps_results(system: System, jobs: JobService) -> None:
    job_id = submitted(jobs, annual_csv(8_000, invalid=8_000), max_failed_percent=20.0)
    system.deliver()
    system.wait(job_id)

    view = jobs.get(MEMBER, job_id)
    job = view.job
    failed, unprocessed = result(system, job_id, "failed"), result(system, job_id, "unprocessed")
    assert (job.status, job.error_code, job.results_ready) == (JobStatus.FAILED, "too_many_failed_rows", True)
    assert 1_000 <= len(failed) < 2_000
    assert sorted(int(row["row"]) for row in failed + unprocessed) == list(range(1, 8_001))
    assert job_progress(job, view.progress)["failed_rows"] == len(failed)
    assert len(jobs.row_errors(view, start=Position(), limit=8_000).errors) == len(failed)


def test_failed_execution_makes_its_job_fail_without_internal_details(system: System, jobs: JobService) -> None:
    def fail(_event: dict[str, Any]) -> None:
        raise RuntimeError("table arn:aws:secret is on fire")

    system.before["plan"] = [fail]
    job_id = submitted(jobs, annual_csv(10))
    system.deliver()
    assert system.wait(job_id) == "FAILED"

    view = jobs.get(MEMBER, job_id)
    assert (view.job.status, view.job.error_code) == (JobStatus.FAILED, "execution_ended")
    assert "arn" not in json.dumps(
        job_details(view.job, view.progress, now=view.job.updated_at, row_errors=None)["errors"]
    )


def test_object_outside_of_the_drop_folder_pattern_creates_no_job(system: System, jobs: JobService) -> None:
    for key in ("drop/acme/monthly/a.csv", "drop/ac me/annual/a.csv", "drop/acme/annual/a.pdf", f"api/{uuid4()}x"):
        system.put(key, b"x")
    system.deliver()

    assert jobs.page(MEMBER, _everything(), after=None, offset=0, limit=10).views == []


def _everything() -> JobFilter:
    return JobFilter()


def _both(jobs: JobService, job_id: UUID) -> tuple[Job, Progress]:
    view = jobs.get(MEMBER, job_id)
    return view.job, view.progress
