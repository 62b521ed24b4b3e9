"""`JobService`: uploading, reading and cancelling jobs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.jobs.errors import JobNotCancellableError, JobNotFoundError, UnavailableError
from shared.jobs.job import JobStatus, JobType, Phase, Source, UploadOptions
from shared.jobs.listing import JobFilter
from shared.jobs.service import JobService
from shared.jobs.uploads import upload_key
from tests.builders import NOON, a_caller, a_completed_job, a_job, a_processing_job, a_view
from tests.fakes import FakeAssembler, FakeJobStore, FakeUploadStore, FakeWorkflow, SettableClock

STRANGER = a_caller(user_id="zoe", organization_id="globex")


class TestUpload:
    def test_uploaded_job_waits_for_the_event_of_its_file(
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

    def test_presigned_job_has_a_form_for_its_key(self, service: JobService, uploads: FakeUploadStore) -> None:
        presigned = service.presign(
            a_caller(),
            job_type=JobType.ANNUAL,
            filename="a.csv",
            file_size=None,
            content_sha256=None,
            max_bytes=100,
            options=UploadOptions(),
        )
        assert presigned.job.source is Source.PRESIGNED
        assert presigned.job.upload_expires_at == NOON + timedelta(hours=1)
        assert presigned.form.fields["key"] == upload_key(presigned.job.id)
        assert uploads.presigned == [(presigned.job.id, 100, 3600)]


class TestScope:
    def test_foreign_job_is_indistinguishable_from_an_unknown_one(
        self, service: JobService, store: FakeJobStore
    ) -> None:
        foreign = a_completed_job()
        store.add(foreign)
        calls: list[Callable[[UUID], object]] = [
            lambda job_id: service.get(STRANGER, job_id),
            lambda job_id: service.cancel(STRANGER, job_id),
            lambda job_id: service.delete(STRANGER, job_id),
        ]
        for call in calls:
            messages = []
            for job_id in (foreign.id, uuid4()):
                with pytest.raises(JobNotFoundError) as refused:
                    call(job_id)
                messages.append(str(refused.value))
            assert messages == ["Job not found or access denied"] * 2
        assert store.get(foreign.id) == a_view(foreign, store.get(foreign.id).progress)  # type: ignore[union-attr]

    def test_lists_and_counts_are_limited_to_the_scope_of_the_caller(
        self, service: JobService, store: FakeJobStore
    ) -> None:
        store.add(a_job())
        for caller, seen in ((a_caller(), 1), (STRANGER, 0)):
            assert len(service.page(caller, JobFilter(), after=None, offset=0, limit=5).views) == seen
            assert service.count(caller, JobFilter()).jobs == seen


class TestCancel:
    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.PROCESSING])
    def test_cancelled_live_job_fails_and_its_files_are_requested(
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

    def test_execution_is_stopped_after_the_job_is_recorded_as_failed(
        self, service: JobService, store: FakeJobStore, workflow: FakeWorkflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = a_processing_job()
        store.add(job)
        workflow.start(job)
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

    def test_cancel_succeeds_and_leaves_the_files_to_reconcile_on_an_outage(
        self, service: JobService, store: FakeJobStore
    ) -> None:
        job = a_processing_job()
        store.add(job)

        def unavailable(_job_id: UUID) -> None:
            raise UnavailableError

        service = replace(service, request_assembly=unavailable)
        assert service.cancel(a_caller(), job.id).job.cancelled
        assert store.unsettled() == [job.id]

    def test_second_cancel_returns_the_same(
        self, service: JobService, store: FakeJobStore, workflow: FakeWorkflow, clock: SettableClock
    ) -> None:
        job = a_processing_job()
        store.add(job)
        workflow.start(job)
        first = service.cancel(a_caller(), job.id)
        clock.advance(timedelta(hours=1))
        second = service.cancel(a_caller(), job.id)
        assert second.execution_stopped is first.execution_stopped is True
        assert second.job.cancelled_at == first.job.cancelled_at == NOON
        assert workflow.stopped == [job.id]

    def test_second_cancel_finishes_one_that_crashed(
        self, service: JobService, store: FakeJobStore, workflow: FakeWorkflow, assembler: FakeAssembler
    ) -> None:
        job = a_processing_job()
        store.add(job)
        workflow.start(job)
        store.fail(job, error_code=None, error_message="Job cancelled by user", cancelled=True, now=NOON)
        assert service.cancel(a_caller(), job.id).execution_stopped
        assert workflow.stopped == assembler.requested == [job.id]

    @pytest.mark.parametrize("status", ["completed", "failed"])
    def test_ended_job_cannot_be_cancelled(self, service: JobService, store: FakeJobStore, status: str) -> None:
        job = a_completed_job(status=JobStatus(status))
        store.add(job)
        with pytest.raises(JobNotCancellableError) as refused:
            service.cancel(a_caller(), job.id)
        assert str(refused.value) == (
            f"Cannot cancel job with status '{status}'. Only pending or processing jobs can be cancelled."
        )

    def test_job_deleted_while_its_execution_stops_counts_as_cancelled(
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
