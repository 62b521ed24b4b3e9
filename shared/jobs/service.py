"""Operations of callers on jobs: create, read, list, cancel, delete. All follow one access rule."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from shared.jobs.access import Caller, may_manage, scope_of
from shared.jobs.errors import (
    JobNotCancellableError,
    JobNotFoundError,
    JobProcessingError,
    ResultsNotReadyError,
    TransitionRefusedError,
    UnavailableError,
)
from shared.jobs.job import Job, JobStatus, JobType, Source, UploadOptions, utc_now
from shared.jobs.lifecycle import CANCELLED_MESSAGE, create_once, fail_job, new_job, try_request_assembly
from shared.jobs.listing import JobCount, JobFilter, JobPage
from shared.jobs.ports import Clock, JobStore, RequestAssembly, ResultStore, UploadForm, UploadStore, Workflow
from shared.jobs.progress import JobView
from shared.jobs.row_errors import EVERY_ERROR, Position, RowErrorFilter, RowErrorPage, read_page
from shared.jobs.statistics import SUMMED_AT_MOST, Statistics, statistics_of

logger = logging.getLogger(__name__)

PRESIGNED_LIFETIME = timedelta(hours=1)
COUNTED_AT_MOST = 1_000
_DELETE_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """A cancelled job, and whether a running execution was stopped for it."""

    job: Job
    execution_stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedUpload:
    """A job that waits for its file, and the form to upload the file with."""

    job: Job
    form: UploadForm


@dataclass(frozen=True, kw_only=True)
class JobService:
    """The jobs of one deployment, as callers may use them."""

    store: JobStore
    uploads: UploadStore
    results: ResultStore
    workflow: Workflow
    request_assembly: RequestAssembly
    clock: Clock = utc_now
    new_id: Callable[[], UUID] = uuid4

    def upload(
        self,
        caller: Caller,
        *,
        job_type: JobType,
        filename: str,
        body: bytes,
        options: UploadOptions,
        job_id: UUID | None = None,
    ) -> Job:
        """Creates a job and stores its file; the event of that object starts the work.

        With the `job_id` of an earlier attempt, continues with the job that attempt created.
        """
        job = new_job(
            caller,
            job_id=job_id or self.new_id(),
            now=self.clock(),
            job_type=job_type,
            filename=filename,
            source=Source.API,
            options=options,
            file_size=len(body),
            content_sha256=sha256(body).hexdigest(),
        )
        job = create_once(self.store, job)
        if job.status is JobStatus.PENDING:
            # Also if an earlier attempt stored it: the event of the first object starts the job.
            self.uploads.put(job.id, body)
        return job

    def presign(
        self,
        caller: Caller,
        *,
        job_type: JobType,
        filename: str,
        file_size: int | None,
        content_sha256: str | None,
        max_bytes: int,
        options: UploadOptions,
        job_id: UUID | None = None,
    ) -> PresignedUpload:
        """Creates a job that waits for its file, and a form that uploads the file straight to S3.

        With the `job_id` of an earlier attempt, makes the form for the job that attempt created.
        """
        job = new_job(
            caller,
            job_id=job_id or self.new_id(),
            now=self.clock(),
            job_type=job_type,
            filename=filename,
            source=Source.PRESIGNED,
            options=options,
            file_size=file_size,
            content_sha256=content_sha256,
            upload_lifetime=PRESIGNED_LIFETIME,
        )
        job = create_once(self.store, job)
        form = self.uploads.presign(
            job.id,
            max_bytes=max_bytes,
            expires_in_seconds=int(PRESIGNED_LIFETIME.total_seconds()),
            content_sha256=content_sha256,
        )
        return PresignedUpload(job=job, form=form)

    def duplicate_of(self, job: Job) -> UUID | None:
        """Returns the first job to which its owner uploaded the very same file before, if that is known."""
        return self.store.earlier_with_content(job)

    def execution_arn(self, job: Job) -> str:
        """Returns the address of the execution that runs the job, which is known before it starts."""
        return job.execution_arn or self.workflow.execution_arn(job.id)

    def get(self, caller: Caller, job_id: UUID) -> JobView:
        """Returns the job if the caller may read it. Raises `JobNotFoundError`."""
        view = self.store.get(job_id)
        if view is None or not may_manage(caller, view.job):
            raise JobNotFoundError
        return view

    def page(self, caller: Caller, job_filter: JobFilter, *, after: str | None, offset: int, limit: int) -> JobPage:
        """Returns a page of the jobs that the caller may read."""
        return self.store.page(scope_of(caller), job_filter, after=after, offset=offset, limit=limit)

    def count(self, caller: Caller, job_filter: JobFilter) -> JobCount:
        """Counts the jobs that the caller may read, no further than one past `COUNTED_AT_MOST`."""
        return self.store.count(scope_of(caller), job_filter, at_most=COUNTED_AT_MOST)

    def statistics(self, caller: Caller) -> Statistics:
        """Returns sums over the newest of the jobs that the caller may read."""
        page = self.store.page(scope_of(caller), JobFilter(), after=None, offset=0, limit=SUMMED_AT_MOST)
        return statistics_of(page.views, is_complete=page.following is None, now=self.clock())

    def cancel(self, caller: Caller, job_id: UUID) -> Cancellation:
        """Ends a live job as cancelled, then stops its execution. A second cancel changes nothing.

        Raises `JobNotFoundError`, and `JobNotCancellableError` for a job that ended by itself.
        """
        self.get(caller, job_id)
        view, _ = fail_job(
            self.store,
            job_id,
            error_code=None,
            error_message=CANCELLED_MESSAGE,
            clock=self.clock,
            cancelled=True,
        )
        if view is None:
            raise JobNotFoundError
        job = view.job
        require_cancellable(job)
        # The record has decided; the rest only tidies up, and a second cancel repeats what a crash left undone.
        stopped = job.execution_stopped
        if not stopped and job.execution_arn is not None:
            stopped = self.workflow.stop(job_id, reason=CANCELLED_MESSAGE)
            if stopped:
                self._note_stopped(job)
        if not job.results_ready:
            try_request_assembly(self.request_assembly, job_id)
        return Cancellation(job=job, execution_stopped=stopped)

    def _note_stopped(self, job: Job) -> None:
        try:
            self.store.note_stopped(job, now=self.clock())
        except TransitionRefusedError:
            logger.info("The job was deleted while its execution was stopped", extra={"job_id": str(job.id)})

    def delete(self, caller: Caller, job_id: UUID) -> Job:
        """Deletes a job that is not processing, with everything stored for it.

        Raises `JobNotFoundError` and `JobProcessingError`.
        """
        for _ in range(_DELETE_ATTEMPTS):
            job = self.get(caller, job_id).job
            if job.status is JobStatus.PROCESSING:
                raise JobProcessingError
            try:
                self.store.delete(job, now=self.clock())
            except TransitionRefusedError:
                continue  # its status changed: read it again
            self._remove_traces(job)
            return job
        raise UnavailableError

    def _remove_traces(self, job: Job) -> None:
        """Stops the execution and removes what is stored; reconcile does so once more for objects written later."""
        if job.status is JobStatus.QUEUED:
            self.workflow.stop(job.id, reason="Job deleted")
        if job.stored_input is not None:
            self.uploads.delete(job.stored_input)
        self.results.delete_all(job.id)

    def row_errors(
        self, view: JobView, *, start: Position, limit: int, error_filter: RowErrorFilter = EVERY_ERROR
    ) -> RowErrorPage:
        """Returns a page of the row errors of a job that the caller may read."""
        job_id = view.job.id
        return read_page(
            view.progress.with_failures,
            lambda chunk, offset, length: self.results.read_errors(job_id, chunk, offset, length),
            start=start,
            limit=limit,
            error_filter=error_filter,
        )


def require_ended(job: Job) -> None:
    """Raises `ResultsNotReadyError` for a live job."""
    if not job.status.is_terminal:
        raise ResultsNotReadyError(
            f"The job is {job.status}. Its results can be downloaded when it has ended; follow its status."
        )


def require_cancellable(job: Job) -> None:
    """Raises `JobNotCancellableError` for a job that ended by itself."""
    if job.status.is_terminal and not job.cancelled:
        raise JobNotCancellableError(job.status)
