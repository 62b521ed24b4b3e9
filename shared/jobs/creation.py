"""Making a job's record, once for every request that asks for it."""

from datetime import datetime, timedelta
from uuid import UUID

from shared.jobs.access import Caller
from shared.jobs.errors import JobNotFoundError, TransitionRefusedError
from shared.jobs.model import UPLOAD_DEADLINE, Job, JobStatus, JobType, Phase, Source, UploadOptions
from shared.jobs.ports import JobStore


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
