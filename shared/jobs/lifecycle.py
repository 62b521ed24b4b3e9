"""Creation and failure of jobs, safe against concurrent changes of the record.

Single steps of several use cases, so functions with the store as an argument. The use cases themselves are objects.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from shared.jobs.access import Caller
from shared.jobs.errors import JobNotFoundError, TransitionRefusedError, UnavailableError
from shared.jobs.job import UPLOAD_DEADLINE, Job, JobStatus, JobType, Phase, Source, UploadOptions
from shared.jobs.ports import Clock, JobStore, RequestAssembly
from shared.jobs.progress import JobView

logger = logging.getLogger(__name__)

# Every refused attempt means that the job moved on, and there are only a few statuses to move through.
_ATTEMPTS = 10

CANCELLED_MESSAGE = "Job cancelled by user"


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
    """Returns a pending job of the caller."""
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
    """Adds the job, or returns the existing one with this id.

    Only one request uses an id twice: when it is repeated, or when the response to its write was lost.
    Raises `JobNotFoundError` if the job was deleted meanwhile.
    """
    try:
        store.create(job)
    except TransitionRefusedError:
        view = store.get(job.id)
        if view is None:
            raise JobNotFoundError from None
        return view.job
    return job


def fail_job(
    store: JobStore,
    job_id: UUID,
    *,
    error_code: str | None,
    error_message: str,
    clock: Clock,
    cancelled: bool = False,
) -> tuple[JobView | None, bool]:
    """Ends the job as failed unless it has ended already.

    Returns the job as it is now (None if deleted) and whether this call ended it.
    Raises `UnavailableError` if the record changed under every attempt.
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


def try_request_assembly(request_assembly: RequestAssembly, job_id: UUID) -> None:
    """Requests the result files of an ended job. A failure does not undo the end: reconcile repeats the request."""
    try:
        request_assembly(job_id)
    except UnavailableError:
        logger.warning("The files of an ended job could not be requested", extra={"job_id": str(job_id)})
