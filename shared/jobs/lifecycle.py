"""Creation and failure of jobs, safe against concurrent changes of the record."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from shared.jobs.access import Caller
from shared.jobs.errors import JobNotFoundError, TransitionRefusedError, UnavailableError
from shared.jobs.job import UPLOAD_DEADLINE, Job, JobStatus, JobType, Phase, Source, UploadOptions
from shared.jobs.ports import Assembler, Clock, JobStore
from shared.jobs.progress import JobView


def new_job(
    caller: Caller,
    *,
    job_id: UUID,
    now: datetime,
    job_type: JobType,
    filename: str,
    source: Source,
    options: UploadOptions,
    file_size: int | None,
    content_sha256: str | None,
    upload_lifetime: timedelta = UPLOAD_DEADLINE,
) -> Job:
    """A job that waits for its file."""
    return Job(
        id=job_id,
        status=JobStatus.PENDING,
        phase=Phase.AWAITING_UPLOAD,
        job_type=job_type,
        source=source,
        user_id=caller.user_id,
        organization_id=caller.organization_id,
        created_by=caller.username,
        original_filename=filename,
        file_size=file_size,
        content_sha256=content_sha256,
        options=options,
        created_at=now,
        updated_at=now,
        upload_expires_at=now + upload_lifetime,
    )


def create_once(store: JobStore, job: Job) -> Job:
    """Add the job, or give the one of this id that is there already.

    An id is given twice to one request only: by a second attempt at it, or a write whose answer was lost.
    Raises `JobNotFoundError` when the job was deleted since.
    """
    try:
        store.create(job)
    except TransitionRefusedError:
        view = store.get(job.id)
        if view is None:
            raise JobNotFoundError from None
        return view.job
    return job


logger = logging.getLogger(__name__)

# Each lost race means that someone else moved the job on; it has only a handful of states to move through.
_ATTEMPTS = 10

CANCELLED_MESSAGE = "Job cancelled by user"


def fail_job(
    store: JobStore,
    job_id: UUID,
    *,
    error_code: str | None,
    error_message: str,
    clock: Clock,
    cancelled: bool = False,
) -> tuple[JobView | None, bool]:
    """End the job as failed unless it has ended already.

    Returns the job as it now is (None when deleted) and whether it was this call that ended it.
    Raises `UnavailableError` when the record kept changing under every attempt.
    """
    for _ in range(_ATTEMPTS):
        view = store.get(job_id)
        if view is None or view.job.status.is_terminal:
            return view, False
        try:
            store.fail(view.job, error_code=error_code, error_message=error_message, cancelled=cancelled, now=clock())
        except TransitionRefusedError:
            continue
        return store.get(job_id), True
    raise UnavailableError


def request_files(assembler: Assembler, job_id: UUID) -> None:
    """Ask for the files of an ended job. The end holds if that fails, and the sweep asks again."""
    try:
        assembler.request(job_id)
    except UnavailableError:
        logger.warning("The files of an ended job could not be asked for", extra={"job_id": str(job_id)})
