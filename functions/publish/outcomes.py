"""What a change of a job's status says in the log and in the metrics: outcomes, speed, and how many rows failed.

The stream has every end of a job, whoever ended it. A change that is published twice is counted twice, which is rare.
"""

from aws_lambda_powertools.metrics import MetricUnit

from shared.jobs.events import StatusChange
from shared.jobs.job import Job, JobStatus
from shared.observability import count, logger, metrics

# What the sweep ends jobs with that did not come to an end by themselves.
_STUCK = frozenset({"execution_ended", "stalled"})


def report(change: StatusChange) -> None:
    """Log the change; of a job that has ended, also count it."""
    job = change.job
    logger.info(
        "The status of a job has changed",
        extra={
            "job_id": str(job.id),
            "execution_id": str(job.id),
            "organization_id": job.organization_id,
            "status": job.status,
            "previous_status": change.previous,
            "error_code": job.error_code,
        },
    )
    if not job.status.is_terminal:
        return
    count(_outcome(job))
    if job.error_code in _STUCK:
        count("JobsStuck")
    if job.status is JobStatus.COMPLETED:
        _report_rows(job)


def _outcome(job: Job) -> str:
    if job.cancelled:
        return "JobsCancelled"
    return "JobsCompleted" if job.status is JobStatus.COMPLETED else "JobsFailed"


def _report_rows(job: Job) -> None:
    failed = job.final_failed_rows or 0
    rows = failed + (job.final_successful_rows or 0)
    if not rows:
        return
    metrics.add_metric("RowErrorRate", unit=MetricUnit.Percent, value=100 * failed / rows)
    if job.started_at and job.completed_at and job.completed_at > job.started_at:
        seconds = (job.completed_at - job.started_at).total_seconds()
        metrics.add_metric("RowsPerSecond", unit=MetricUnit.CountPerSecond, value=rows / seconds)
