"""The failure budget: a job with too many failed rows ends early, and at its end by the same rule."""

import threading

import pytest

from shared.jobs.job import Job, JobStatus, UploadOptions
from shared.jobs.processing import BUDGET_FROM_ROWS, FailureBudget, is_over_budget
from shared.jobs.progress import JobView
from tests.builders import NOON, a_count, a_processing_job, a_progress
from tests.fakes import FakeAssembler, FakeJobStore, FakeWorkflow, SettableClock


@pytest.fixture
def budget(
    store: FakeJobStore, workflow: FakeWorkflow, assembler: FakeAssembler, clock: SettableClock
) -> FailureBudget:
    return FailureBudget(store=store, workflow=workflow, request_assembly=assembler, clock=clock)


def running(
    store: FakeJobStore, workflow: FakeWorkflow, *counts: tuple[int, int], max_failed_percent: float | None = 10
) -> Job:
    """Returns a processing job of ten chunks of which these (successful, failed) are committed."""
    job = a_processing_job(
        chunk_count=10, total_rows=100_000, options=UploadOptions(max_failed_percent=max_failed_percent)
    )
    store.add(job)
    workflow.start(job)
    for chunk, (successful, failed) in enumerate(counts):
        store.commit_chunk(job.id, a_count(chunk, successful, failed), shard=0, now=NOON)
    return job


def current(store: FakeJobStore, job: Job) -> JobView:
    view = store.get(job.id)
    assert view is not None
    return view


def test_job_over_its_budget_fails_and_stops_and_gets_its_files(
    budget: FailureBudget, store: FakeJobStore, workflow: FakeWorkflow, assembler: FakeAssembler
) -> None:
    job = running(store, workflow, (800, 50), (50, 100))
    budget.enforce(job.id)
    ended = current(store, job)
    assert (ended.job.status, ended.job.error_code) == (JobStatus.FAILED, "too_many_failed_rows")
    assert "150 of the first 1000 rows processed failed, more than 10 %" in str(ended.job.error_message)
    assert (ended.progress.successful_rows, ended.progress.failed_rows) == (850, 150)
    assert (workflow.stopped, assembler.requested) == ([job.id], [job.id])
    assert all(shard.closed for shard in ended.progress.shards)


@pytest.mark.parametrize(
    ("counts", "max_failed_percent"),
    [
        ([(0, BUDGET_FROM_ROWS - 1)], 10),  # too few rows to decide
        ([(900, 100)], 10),  # at the limit is not over it
        ([(0, 5_000)], 100),
        ([(0, 5_000)], None),
    ],
)
def test_job_within_its_budget_keeps_running(
    budget: FailureBudget,
    store: FakeJobStore,
    workflow: FakeWorkflow,
    assembler: FakeAssembler,
    counts: list[tuple[int, int]],
    max_failed_percent: float | None,
) -> None:
    job = running(store, workflow, *counts, max_failed_percent=max_failed_percent)
    budget.enforce(job.id)
    assert current(store, job).job.status is JobStatus.PROCESSING
    assert (workflow.stopped, assembler.requested) == ([], [])


def test_zero_budget_fails_the_job_on_one_failed_row_after_enough_rows(
    budget: FailureBudget, store: FakeJobStore, workflow: FakeWorkflow
) -> None:
    job = running(store, workflow, (BUDGET_FROM_ROWS - 1, 1), max_failed_percent=0)
    budget.enforce(job.id)
    assert current(store, job).job.status is JobStatus.FAILED


def test_budget_does_not_change_an_ended_or_deleted_job(
    budget: FailureBudget, store: FakeJobStore, workflow: FakeWorkflow, assembler: FakeAssembler
) -> None:
    job = running(store, workflow, (0, 2_000))
    store.fail(current(store, job).job, error_code=None, error_message="cancelled", cancelled=True, now=NOON)
    cancelled = current(store, job)
    budget.enforce(job.id)
    assert current(store, job) == cancelled
    store.delete(cancelled.job, now=NOON)
    budget.enforce(job.id)
    assert store.get(job.id) is None
    assert (workflow.stopped, assembler.requested) == ([], [])


def test_only_one_of_many_concurrent_workers_ends_the_job(
    budget: FailureBudget, store: FakeJobStore, workflow: FakeWorkflow, assembler: FakeAssembler
) -> None:
    job = running(store, workflow, (0, 2_000))
    workers = [threading.Thread(target=budget.enforce, args=(job.id,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (workflow.stopped, assembler.requested) == ([job.id], [job.id])


def test_job_without_processed_rows_is_within_any_budget() -> None:
    job = a_processing_job(options=UploadOptions(max_failed_percent=0))
    assert not is_over_budget(job, a_progress())
