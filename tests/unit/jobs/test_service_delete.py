"""`JobService`: deleting jobs, and reading their row errors."""

from uuid import uuid4

import pytest

from shared.jobs.errors import (
    JobNotFoundError,
    JobProcessingError,
    ResultsGoneError,
)
from shared.jobs.job import JobStatus, Outcome
from shared.jobs.row_errors import Position
from shared.jobs.service import JobService
from shared.jobs.uploads import upload_key
from tests.builders import NOON, a_caller, a_completed_job, a_job, a_processing_job, a_shard, a_stored_input
from tests.fakes import FakeJobStore, FakeResultStore, FakeUploadStore, FakeWorkflow

STRANGER = a_caller(user_id="zoe", organization_id="globex")


class TestDelete:
    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.COMPLETED, JobStatus.FAILED])
    def test_delete_removes_everything_of_the_job_and_nothing_else(
        self,
        service: JobService,
        store: FakeJobStore,
        uploads: FakeUploadStore,
        results: FakeResultStore,
        status: JobStatus,
    ) -> None:
        job_id, other = uuid4(), uuid4()
        stored = [uploads.arrive(upload_key(job_id), body) for body in (b"mine", b"later")]
        job = a_job(id=job_id, status=status, stored_input=stored[0])
        store.add(job)
        for owner in (job_id, other):
            results.files[owner, Outcome.ALL] = b"x"
            results.errors[owner, 0] = b"x"
        assert service.delete(a_caller(), job_id) == job
        assert store.get(job_id) is None
        assert store.tombstone(job_id) is not None
        assert list(uploads.objects) == [(upload_key(job_id), "v2")]
        assert {owner for owner, _ in (*results.files, *results.errors)} == {other}

    def test_processing_job_cannot_be_deleted(
        self, service: JobService, store: FakeJobStore, uploads: FakeUploadStore
    ) -> None:
        job = a_processing_job()
        store.add(job)
        uploads.objects[upload_key(job.id), "v1"] = b"x"
        with pytest.raises(JobProcessingError) as refused:
            service.delete(a_caller(), job.id)
        assert str(refused.value) == (
            "Cannot delete job that is currently processing. Please cancel the job first or wait for it to complete."
        )
        assert store.get(job.id) is not None
        assert uploads.objects

    def test_deleted_queued_job_is_stopped(
        self, service: JobService, store: FakeJobStore, workflow: FakeWorkflow
    ) -> None:
        job = a_job(status=JobStatus.QUEUED)
        store.add(job)
        workflow.start(job)
        service.delete(a_caller(), job.id)
        assert workflow.stopped == [job.id]

    def test_second_delete_finds_no_job(self, service: JobService, store: FakeJobStore) -> None:
        job = a_completed_job()
        store.add(job)
        service.delete(a_caller(), job.id)
        with pytest.raises(JobNotFoundError):
            service.delete(a_caller(), job.id)

    def test_job_that_starts_during_the_delete_cannot_be_deleted(
        self, service: JobService, store: FakeJobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = a_job(status=JobStatus.QUEUED)
        store.add(job)
        delete = store.delete

        def overtaken(read: object, *, now: object) -> None:
            del read, now
            monkeypatch.setattr(store, "delete", delete)
            store.start(job, now=NOON)
            delete(job, now=NOON)

        monkeypatch.setattr(store, "delete", overtaken)
        with pytest.raises(JobProcessingError):
            service.delete(a_caller(), job.id)
        assert store.get(job.id) is not None


def test_row_errors_are_read_from_the_chunks_that_have_any(
    service: JobService, store: FakeJobStore, results: FakeResultStore
) -> None:
    job = a_processing_job()
    store.add(job, a_shard(done=frozenset({0, 1}), with_failures=frozenset({1}), failed_rows=2))
    results.errors[job.id, 1] = b'{"row": 6}\n{"row": 9}\n'
    page = service.row_errors(service.get(a_caller(), job.id), start=Position(), limit=10)
    assert [error["row"] for error in page.errors] == [6, 9]


def test_row_errors_of_a_job_deleted_after_it_was_read_are_gone(service: JobService, store: FakeJobStore) -> None:
    job = a_completed_job()
    store.add(job, a_shard(with_failures=frozenset({0})))
    view = service.get(a_caller(), job.id)
    service.delete(a_caller(), job.id)
    with pytest.raises(ResultsGoneError):
        service.row_errors(view, start=Position(), limit=1)


def test_job_gets_its_stored_input_from_its_event(store: FakeJobStore) -> None:
    job = a_job()
    store.create(job)
    store.queue(job, stored_input=a_stored_input(job.id), execution_arn="arn", now=NOON)
    view = store.get(job.id)
    assert view is not None
    assert view.job.stored_input == a_stored_input(job.id)
