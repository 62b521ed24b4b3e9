"""What callers do with jobs."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.jobs.errors import (
    JobNotCancellableError,
    JobNotFoundError,
    JobProcessingError,
    ResultsAssemblingError,
    ResultsNotReadyError,
)
from shared.jobs.model import JobStatus, JobType, Outcome, Phase, Source, UploadOptions
from shared.jobs.ports import JobFilter
from shared.jobs.row_errors import Position
from shared.jobs.service import JobService
from shared.jobs.uploads import upload_key
from tests.builders import NOON, a_caller, a_completed_job, a_job, a_processing_job, a_shard, a_stored_input, a_view
from tests.fakes import FakeAssembler, FakeJobStore, FakeResultStore, FakeUploadStore, FakeWorkflow, SettableClock

STRANGER = a_caller(user_id="zoe", organization_id="globex")


@pytest.fixture
def service(  # noqa: PLR0917 -- fixtures are asked for by name
    store: FakeJobStore,
    uploads: FakeUploadStore,
    results: FakeResultStore,
    workflow: FakeWorkflow,
    assembler: FakeAssembler,
    clock: SettableClock,
) -> JobService:
    return JobService(
        store=store, uploads=uploads, results=results, workflow=workflow, assembler=assembler, clock=clock
    )


class TestUpload:
    def test_a_job_waits_for_the_event_of_its_own_file(
        self, service: JobService, store: FakeJobStore, uploads: FakeUploadStore, workflow: FakeWorkflow
    ) -> None:
        options = UploadOptions(validate_only=True)
        job = service.upload(a_caller(), job_type=JobType.QUARTERLY, filename="q.csv", body=b"a,b\n", options=options)
        view = store.get(job.id)
        assert view is not None
        assert view.job == job
        assert (job.status, job.phase, job.source) == (JobStatus.PENDING, Phase.AWAITING_UPLOAD, Source.API)
        assert (job.user_id, job.organization_id, job.created_by) == ("user-1", "acme", "jane.doe")
        assert (job.file_size, job.options, job.created_at) == (4, options, NOON)
        assert uploads.objects == {(upload_key(job.id), "v1"): b"a,b\n"}
        assert workflow.executions == {}

    def test_a_presigned_job_has_a_form_for_its_own_key(self, service: JobService, uploads: FakeUploadStore) -> None:
        presigned = service.presign(
            a_caller(),
            job_type=JobType.ANNUAL,
            filename="a.csv",
            file_size=None,
            max_bytes=100,
            options=UploadOptions(),
        )
        assert presigned.job.source is Source.PRESIGNED
        assert presigned.job.upload_expires_at == NOON + timedelta(hours=1)
        assert presigned.form.fields["key"] == upload_key(presigned.job.id)
        assert uploads.presigned == [(presigned.job.id, 100, 3600)]


class TestScope:
    def test_a_foreign_job_and_an_unknown_one_cannot_be_told_apart(
        self, service: JobService, store: FakeJobStore
    ) -> None:
        foreign = a_completed_job()
        store.add(foreign)
        calls: list[Callable[[UUID], object]] = [
            lambda job_id: service.get(STRANGER, job_id),
            lambda job_id: service.cancel(STRANGER, job_id),
            lambda job_id: service.delete(STRANGER, job_id),
            lambda job_id: service.download_link(STRANGER, job_id, Outcome.ALL),
        ]
        for call in calls:
            messages = []
            for job_id in (foreign.id, uuid4()):
                with pytest.raises(JobNotFoundError) as refused:
                    call(job_id)
                messages.append(str(refused.value))
            assert messages == ["Job not found or access denied"] * 2
        assert store.get(foreign.id) == a_view(foreign, store.get(foreign.id).progress)  # type: ignore[union-attr]

    def test_lists_and_counts_keep_to_the_callers_scope(self, service: JobService, store: FakeJobStore) -> None:
        store.add(a_job())
        for caller, seen in ((a_caller(), 1), (STRANGER, 0)):
            assert len(service.page(caller, JobFilter(), after=None, offset=0, limit=5).views) == seen
            assert service.count(caller, JobFilter()) == seen


class TestCancel:
    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.PROCESSING])
    def test_a_live_job_fails_as_cancelled(
        self, service: JobService, store: FakeJobStore, assembler: FakeAssembler, status: JobStatus
    ) -> None:
        job = a_job(status=status)
        store.add(job)
        cancellation = service.cancel(a_caller(), job.id)
        assert (cancellation.job.status, cancellation.job.error_message) == (
            JobStatus.FAILED,
            "Job cancelled by user",
        )
        assert cancellation.job.cancelled
        assert cancellation.job.completed_at == NOON
        assert not cancellation.execution_stopped
        assert assembler.requested == [job.id]

    def test_a_running_execution_is_stopped_after_the_record_says_so(
        self, service: JobService, store: FakeJobStore, workflow: FakeWorkflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = a_processing_job()
        store.add(job)
        workflow.start(job.id, {})
        seen: list[JobStatus] = []
        stop = workflow.stop

        def watched(job_id: UUID, *, reason: str) -> bool:
            view = store.get(job_id)
            assert view is not None
            seen.append(view.job.status)
            return stop(job_id, reason=reason)

        monkeypatch.setattr(workflow, "stop", watched)
        assert service.cancel(a_caller(), job.id).execution_stopped
        assert seen == [JobStatus.FAILED]

    def test_a_second_cancel_says_the_same(
        self, service: JobService, store: FakeJobStore, workflow: FakeWorkflow, clock: SettableClock
    ) -> None:
        job = a_processing_job()
        store.add(job)
        workflow.start(job.id, {})
        first = service.cancel(a_caller(), job.id)
        clock.advance(timedelta(hours=1))
        second = service.cancel(a_caller(), job.id)
        assert second.execution_stopped is first.execution_stopped is True
        assert second.job.cancelled_at == first.job.cancelled_at == NOON
        assert workflow.stopped == [job.id]

    def test_a_second_cancel_does_what_a_crash_left_undone(
        self, service: JobService, store: FakeJobStore, workflow: FakeWorkflow, assembler: FakeAssembler
    ) -> None:
        job = a_processing_job()
        store.add(job)
        workflow.start(job.id, {})
        store.fail(job, error_code=None, error_message="Job cancelled by user", cancelled=True, now=NOON)
        assert service.cancel(a_caller(), job.id).execution_stopped
        assert workflow.stopped == assembler.requested == [job.id]

    @pytest.mark.parametrize("status", ["completed", "failed"])
    def test_an_ended_job_cannot_be_cancelled(self, service: JobService, store: FakeJobStore, status: str) -> None:
        job = a_completed_job(status=JobStatus(status))
        store.add(job)
        with pytest.raises(JobNotCancellableError) as refused:
            service.cancel(a_caller(), job.id)
        assert str(refused.value) == (
            f"Cannot cancel job with status '{status}'. Only pending or processing jobs can be cancelled."
        )

    def test_a_job_that_is_deleted_while_its_execution_stops_was_cancelled_all_the_same(
        self, service: JobService, store: FakeJobStore, workflow: FakeWorkflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = a_processing_job()
        store.add(job)

        def stopped_and_deleted(job_id: UUID, *, reason: str) -> bool:
            del reason
            service.delete(a_caller(), job_id)
            return True

        monkeypatch.setattr(workflow, "stop", stopped_and_deleted)
        assert service.cancel(a_caller(), job.id).execution_stopped
        assert store.get(job.id) is None


class TestDelete:
    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.COMPLETED, JobStatus.FAILED])
    def test_everything_of_the_job_goes_and_nothing_else(
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

    def test_a_processing_job_stays(self, service: JobService, store: FakeJobStore, uploads: FakeUploadStore) -> None:
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

    def test_a_queued_job_is_not_left_running(
        self, service: JobService, store: FakeJobStore, workflow: FakeWorkflow
    ) -> None:
        job = a_job(status=JobStatus.QUEUED)
        store.add(job)
        workflow.start(job.id, {})
        service.delete(a_caller(), job.id)
        assert workflow.stopped == [job.id]

    def test_a_second_delete_finds_nothing(self, service: JobService, store: FakeJobStore) -> None:
        job = a_completed_job()
        store.add(job)
        service.delete(a_caller(), job.id)
        with pytest.raises(JobNotFoundError):
            service.delete(a_caller(), job.id)

    def test_a_job_that_starts_meanwhile_is_seen_to_process(
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


class TestDownload:
    def test_an_ended_job_is_downloaded_under_a_telling_name(
        self, service: JobService, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_completed_job(original_filename="figures.xlsx")
        store.add(job)
        results.files[job.id, Outcome.FAILED] = b"x"
        assert service.download_link(a_caller(), job.id, Outcome.FAILED).endswith("as=figures_failed.csv")

    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.PROCESSING])
    def test_a_live_job_has_nothing_to_download(
        self, service: JobService, store: FakeJobStore, status: JobStatus
    ) -> None:
        job = a_job(status=status)
        store.add(job)
        with pytest.raises(ResultsNotReadyError) as refused:
            service.download_link(a_caller(), job.id, Outcome.ALL)
        assert not isinstance(refused.value, ResultsAssemblingError)

    def test_an_ended_job_whose_files_are_not_there_yet_says_so(self, service: JobService, store: FakeJobStore) -> None:
        job = a_job(status=JobStatus.FAILED)
        store.add(job)
        with pytest.raises(ResultsAssemblingError):
            service.download_link(a_caller(), job.id, Outcome.ALL)

    def test_a_job_that_ended_before_its_rows_were_counted_gives_its_input_back_under_its_own_name(
        self, service: JobService, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_job(status=JobStatus.FAILED, results_ready=True, original_filename="figures.xlsx")
        store.add(job)
        results.files[job.id, Outcome.UNPROCESSED] = b"x"
        assert service.download_link(a_caller(), job.id, Outcome.UNPROCESSED).endswith("as=figures.xlsx")
        with pytest.raises(ResultsNotReadyError):
            service.download_link(a_caller(), job.id, Outcome.ALL)


def test_row_errors_are_read_from_the_chunks_that_have_any(
    service: JobService, store: FakeJobStore, results: FakeResultStore
) -> None:
    job = a_processing_job()
    store.add(job, a_shard(done=frozenset({0, 1}), with_failures=frozenset({1}), failed_rows=2))
    results.errors[job.id, 1] = b'{"row": 6}\n{"row": 9}\n'
    page = service.row_errors(service.get(a_caller(), job.id), start=Position(), limit=10)
    assert [error["row"] for error in page.errors] == [6, 9]


def test_the_files_of_a_deleted_job_do_not_come_back_through_a_view_read_before(
    service: JobService, store: FakeJobStore
) -> None:
    job = a_completed_job()
    store.add(job, a_shard(with_failures=frozenset({0})))
    view = service.get(a_caller(), job.id)
    service.delete(a_caller(), job.id)
    with pytest.raises(JobNotFoundError):
        service.row_errors(view, start=Position(), limit=1)


def test_a_job_has_stored_input_only_from_its_event(store: FakeJobStore) -> None:
    job = a_job()
    store.create(job)
    store.queue(job, stored_input=a_stored_input(job.id), execution_arn="arn", now=NOON)
    view = store.get(job.id)
    assert view is not None
    assert view.job.stored_input == a_stored_input(job.id)
