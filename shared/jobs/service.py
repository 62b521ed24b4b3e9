"""What callers do with jobs: create, look, list, cancel, delete. One access rule for all of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
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
from shared.jobs.job import Job, JobStatus, JobType, Source, UploadOptions
from shared.jobs.lifecycle import CANCELLED_MESSAGE, create_once, fail_job, new_job, request_files
from shared.jobs.listing import JobCount, JobFilter, JobPage
from shared.jobs.ports import Assembler, Clock, JobStore, ResultStore, UploadForm, UploadStore, Workflow
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
    """A job waiting for its file, and the form to send the file with."""

    job: Job
    form: UploadForm


class JobService:
    """The jobs of one deployment, as callers may use them."""

    def __init__(
        self,
        *,
        store: JobStore,
        uploads: UploadStore,
        results: ResultStore,
        workflow: Workflow,
        assembler: Assembler,
        clock: Clock,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._store = store
        self._uploads = uploads
        self._results = results
        self._workflow = workflow
        self._assembler = assembler
        self._clock = clock
        self._new_id = new_id

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
        """Make a job and store its file; the object's own event starts the work.

        Given the `job_id` of an earlier attempt, go on with the job it made.
        """
        job = new_job(
            caller,
            job_id=job_id or self._new_id(),
            now=self._clock(),
            job_type=job_type,
            filename=filename,
            source=Source.API,
            options=options,
            file_size=len(body),
            content_sha256=sha256(body).hexdigest(),
        )
        job = create_once(self._store, job)
        if job.status is JobStatus.PENDING:
            # Also when an earlier attempt has done so: it is the event of the first that starts the job.
            self._uploads.put(job.id, body)
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
        """Make a job that waits for its file, and a form that uploads it straight to S3.

        Given the `job_id` of an earlier attempt, make the form for the job it made.
        """
        job = new_job(
            caller,
            job_id=job_id or self._new_id(),
            now=self._clock(),
            job_type=job_type,
            filename=filename,
            source=Source.PRESIGNED,
            options=options,
            file_size=file_size,
            content_sha256=content_sha256,
            upload_lifetime=PRESIGNED_LIFETIME,
        )
        job = create_once(self._store, job)
        form = self._uploads.presign(
            job.id,
            max_bytes=max_bytes,
            expires_in_seconds=int(PRESIGNED_LIFETIME.total_seconds()),
            content_sha256=content_sha256,
        )
        return PresignedUpload(job=job, form=form)

    def duplicate_of(self, job: Job) -> UUID | None:
        """The first job to which its owner uploaded the very same file before, if that is known."""
        return self._store.earlier_with_content(job)

    def execution_arn(self, job: Job) -> str:
        """The address of the execution that runs the job, known before it starts."""
        return job.execution_arn or self._workflow.execution_arn(job.id)

    def get(self, caller: Caller, job_id: UUID) -> JobView:
        """The job, if the caller may see it. Raises `JobNotFoundError`."""
        view = self._store.get(job_id)
        if view is None or not may_manage(caller, view.job):
            raise JobNotFoundError
        return view

    def page(self, caller: Caller, job_filter: JobFilter, *, after: str | None, offset: int, limit: int) -> JobPage:
        """A page of the jobs the caller may see."""
        return self._store.page(scope_of(caller), job_filter, after=after, offset=offset, limit=limit)

    def count(self, caller: Caller, job_filter: JobFilter) -> JobCount:
        """How many such jobs there are, counted no further than one past `COUNTED_AT_MOST`."""
        return self._store.count(scope_of(caller), job_filter, at_most=COUNTED_AT_MOST)

    def statistics(self, caller: Caller) -> Statistics:
        """Sums over the newest of the jobs the caller may see."""
        page = self._store.page(scope_of(caller), JobFilter(), after=None, offset=0, limit=SUMMED_AT_MOST)
        return statistics_of(page.views, is_complete=page.following is None, now=self._clock())

    def cancel(self, caller: Caller, job_id: UUID) -> Cancellation:
        """End a live job as cancelled, then stop its execution. A second cancel changes nothing.

        Raises `JobNotFoundError`, and `JobNotCancellableError` for a job that ended by itself.
        """
        self.get(caller, job_id)
        view, _ = fail_job(
            self._store,
            job_id,
            error_code=None,
            error_message=CANCELLED_MESSAGE,
            clock=self._clock,
            cancelled=True,
        )
        if view is None:
            raise JobNotFoundError
        job = view.job
        require_cancellable(job)
        # The record decided; what follows only tidies up, and a second cancel does again what a crash left undone.
        stopped = job.execution_stopped
        if not stopped and job.execution_arn is not None:
            stopped = self._workflow.stop(job_id, reason=CANCELLED_MESSAGE)
            if stopped:
                self._note_stopped(job)
        if not job.results_ready:
            request_files(self._assembler, job_id)
        return Cancellation(job=job, execution_stopped=stopped)

    def _note_stopped(self, job: Job) -> None:
        try:
            self._store.note_stopped(job, now=self._clock())
        except TransitionRefusedError:
            logger.info("The job was deleted while its execution was stopped", extra={"job_id": str(job.id)})

    def delete(self, caller: Caller, job_id: UUID) -> Job:
        """Delete a job that is not processing, with everything stored for it.

        Raises `JobNotFoundError` and `JobProcessingError`.
        """
        for _ in range(_DELETE_ATTEMPTS):
            job = self.get(caller, job_id).job
            if job.status is JobStatus.PROCESSING:
                raise JobProcessingError
            try:
                self._store.delete(job, now=self._clock())
            except TransitionRefusedError:
                continue  # it moved on: look again
            self._remove_traces(job)
            return job
        raise UnavailableError

    def _remove_traces(self, job: Job) -> None:
        """Stop what may run and remove what is stored; the sweep does it once more for anything that comes late."""
        if job.status is JobStatus.QUEUED:
            self._workflow.stop(job.id, reason="Job deleted")
        if job.stored_input is not None:
            self._uploads.delete(job.stored_input)
        self._results.delete_all(job.id)

    def row_errors(
        self, view: JobView, *, start: Position, limit: int, error_filter: RowErrorFilter = EVERY_ERROR
    ) -> RowErrorPage:
        """A page of the row errors of a job the caller was shown before."""
        job_id = view.job.id
        return read_page(
            view.progress.with_failures,
            lambda chunk, offset, length: self._results.read_errors(job_id, chunk, offset, length),
            start=start,
            limit=limit,
            error_filter=error_filter,
        )


def require_ended(job: Job) -> None:
    """Raise `ResultsNotReadyError` while the job lives."""
    if not job.status.is_terminal:
        raise ResultsNotReadyError(
            f"The job is {job.status}. Its results can be downloaded when it has ended; follow its status."
        )


def require_cancellable(job: Job) -> None:
    """Raise `JobNotCancellableError` for a job that ended by itself."""
    if job.status.is_terminal and not job.cancelled:
        raise JobNotCancellableError(job.status)


def workflow_input(job: Job) -> dict[str, Any]:
    """What an execution is started with."""
    return {"job_id": str(job.id), "organization_id": job.organization_id}
