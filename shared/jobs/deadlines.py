"""When reconcile has to look at a job: after the time within which the job moves on by itself."""

from datetime import datetime, timedelta

from shared.jobs.job import UPLOAD_DEADLINE, Job, JobStatus, Source
from shared.jobs.ports import LONGEST_WORKER

# DescribeExecution finds an execution within seconds of its start; before that it may be unknown.
START_GRACE = timedelta(minutes=5)
# A job that reconcile looked at and that still has to move on is looked at again after this.
CHECK_INTERVAL = timedelta(minutes=5)


def due_at(job: Job, *, now: datetime) -> datetime:
    """Returns when reconcile has to look at a job whose status changed at `now`."""
    match job.status:
        case JobStatus.PENDING if job.source is Source.RETRY:
            return job.created_at + LONGEST_WORKER
        case JobStatus.PENDING:
            return job.created_at + UPLOAD_DEADLINE
        case JobStatus.QUEUED | JobStatus.PROCESSING:
            return now + START_GRACE
        case _:
            return now


def deleted_due_at(now: datetime) -> datetime:
    """Returns when the traces of a job that was deleted at `now` can be removed: no worker of it writes after this."""
    return now + LONGEST_WORKER
