"""JSON representations of jobs, as API responses and events show them. Imported by functions only."""

from collections.abc import Mapping
from datetime import datetime
from math import floor
from typing import cast

from shared.api_types import (
    JobDetails,
    JobErrors,
    JobLinks,
    JobPerformance,
    JobProgress,
    JobStatistics,
    JobStatusChanged,
    JobSummary,
    NamedJob,
    RowError,
    RowErrorSample,
    RowErrorTotals,
    TaskInfo,
    TaskMeta,
    TaskStatus,
    WorkflowInfo,
)
from shared.jobs.events import StatusChange
from shared.jobs.job import Job, JobStatus, Outcome, Phase, timestamp
from shared.jobs.progress import Progress, has_errors, performance, row_counts
from shared.jobs.row_errors import RowErrorCounts, RowErrorPage
from shared.jobs.statistics import Statistics

API_ROOT = "/api/v1/predictions"

_BYTES_PER_MIB = 1024 * 1024

# The names that old clients know from the task queue that used to run jobs.
_TASK_STATUS: Mapping[JobStatus, TaskStatus] = {
    JobStatus.PENDING: "PENDING",
    JobStatus.QUEUED: "PENDING",
    JobStatus.COMPLETED: "SUCCESS",
    JobStatus.FAILED: "FAILURE",
}


def job_links(job: Job) -> JobLinks:
    """Returns the paths of the job on the same host."""
    base = f"{API_ROOT}/jobs/{job.id}"
    links: JobLinks = {
        "self": base,
        "status": f"{base}/status",
        "cancel": f"{base}/cancel",
        "results": f"{base}/results",
        "errors": f"{base}/errors",
        "download": f"{base}/download",
        "retry": f"{base}/retry",
    }
    if job.parent_job_id:
        links["parent"] = f"{API_ROOT}/jobs/{job.parent_job_id}"
    return links


def download_path(job: Job, outcome: Outcome) -> str:
    """Returns the path that downloads the rows of an outcome."""
    return f"{job_links(job)['download']}?outcome={outcome}"


def named_job(job: Job) -> NamedJob:
    """Returns the job as responses to changes of it show it."""
    return {
        "id": str(job.id),
        "status": job.status.value,
        "job_type": job.job_type.value,
        "original_filename": job.original_filename,
    }


def job_progress(job: Job, progress: Progress) -> JobProgress:
    """Returns the `progress` object of the details."""
    successful, failed = row_counts(job, progress)
    total = job.total_rows or 0
    processed = successful + failed
    return {
        "total_rows": total,
        "processed_rows": processed,
        "successful_rows": successful,
        "failed_rows": failed,
        "progress_percentage": progress_percentage(processed=processed, total=total, downloadable=job.results_ready),
        "remaining_rows": total - processed,
    }


def progress_percentage(*, processed: int, total: int, downloadable: bool) -> float:
    """Returns processed over total, floored to one decimal; at most 99.9 until the results can be downloaded."""
    if total == 0:
        return 0.0
    percentage = floor(processed * 1000 / total) / 10
    return percentage if downloadable else min(percentage, 99.9)


def _workflow(job: Job, progress: Progress) -> WorkflowInfo:
    """Returns the execution that runs the job, under current names."""
    return {
        "execution_arn": job.execution_arn,
        "status": _task_status(job),
        "phase": job.phase.value,
        "chunks": job.chunk_count,
        "chunks_done": job.chunk_count if job.status is JobStatus.COMPLETED else len(progress.done),
    }


def _task_status(job: Job) -> TaskStatus:
    if job.cancelled:
        return "REVOKED"
    if job.status is JobStatus.PROCESSING:
        return "STARTED" if job.phase is Phase.PLANNING else "PROGRESS"
    return _TASK_STATUS[job.status]


def _task_info(job: Job, progress: Progress) -> TaskInfo:
    return {
        "task_id": job.execution_arn,
        "celery_status": _task_status(job),
        "celery_meta": _task_meta(job, progress),
    }


def _task_meta(job: Job, progress: Progress) -> TaskMeta | None:
    if job.status is not JobStatus.PROCESSING:
        return None
    successful, failed = row_counts(job, progress)
    return {
        "current": successful + failed,
        "total": job.total_rows or 0,
        "status": job.phase.value,
        "successful": successful,
        "failed": failed,
        "job_id": str(job.id),
    }


def job_summary(job: Job, progress: Progress) -> JobSummary:
    """Returns the quick status, which is also an entry of the list."""
    numbers = job_progress(job, progress)
    return {
        "id": str(job.id),
        "status": job.status.value,
        "phase": job.phase.value,
        "job_type": job.job_type.value,
        "original_filename": job.original_filename,
        "total_rows": numbers["total_rows"],
        "processed_rows": numbers["processed_rows"],
        "successful_rows": numbers["successful_rows"],
        "failed_rows": numbers["failed_rows"],
        "progress_percentage": numbers["progress_percentage"],
        "created_at": timestamp(job.created_at),
        "started_at": timestamp(job.started_at),
        "completed_at": timestamp(job.completed_at),
        "error_message": job.error_message,
        "error_details": {"error_code": job.error_code} if job.error_code else None,
        "celery_task_id": job.execution_arn,
        "celery_status": _task_status(job),
        "celery_meta": _task_meta(job, progress),
        "cancelled": job.cancelled,
        "notes_count": len(job.notes),
    }


def status_change(change: StatusChange, progress: Progress) -> JobStatusChanged:
    """Returns the body of the event: the status with the previous one and whose job it is."""
    return {
        **job_summary(change.job, progress),
        "previous_status": change.previous.value if change.previous else None,
        "organization_id": change.job.organization_id,
        "labels": dict(change.job.options.labels),
    }


def job_details(job: Job, progress: Progress, *, now: datetime, row_errors: RowErrorPage | None) -> JobDetails:
    """Returns the details; `row_errors` is the first page of row errors if the request includes them."""
    numbers = job_progress(job, progress)
    return {
        "id": str(job.id),
        "status": job.status.value,
        "phase": job.phase.value,
        "job_type": job.job_type.value,
        "source": job.source.value,
        "parent_job_id": str(job.parent_job_id) if job.parent_job_id else None,
        "file_info": {
            "original_filename": job.original_filename,
            "file_size": job.file_size,
            "file_size_mb": round(job.file_size / _BYTES_PER_MIB, 2) if job.file_size is not None else None,
        },
        "options": {
            "validate_only": job.options.validate_only,
            "max_failed_percent": job.options.max_failed_percent,
            "encoding": job.options.encoding,
            "sheet": job.options.sheet,
            "decimal": job.options.decimal,
            "labels": dict(job.options.labels),
        },
        "profile": job.profile,
        "model_version": job.model_version,
        "notes": [note.as_json() for note in job.notes],
        "notes_count": len(job.notes),
        "progress": numbers,
        "performance": _performance(job, progress, processed_rows=numbers["processed_rows"], now=now),
        "timestamps": {
            "created_at": timestamp(job.created_at),
            "started_at": timestamp(job.started_at),
            "completed_at": timestamp(job.completed_at),
            "updated_at": timestamp(max([job.updated_at, *_commit_times(progress)])),
        },
        "cancelled": job.cancelled,
        "cancelled_at": timestamp(job.cancelled_at),
        "expires_at": timestamp(job.expires_at),
        "results_ready": job.results_ready,
        "context": {
            "user_id": job.user_id,
            "organization_id": job.organization_id,
            "created_by": job.created_by,
        },
        "errors": _errors(job, progress, failed_rows=numbers["failed_rows"], row_errors=row_errors),
        "celery_info": _task_info(job, progress),
        "workflow": _workflow(job, progress),
        "links": job_links(job),
    }


def row_error_list(page: RowErrorPage) -> list[RowError]:
    """Returns the errors of the page, which are stored as they are shown."""
    return cast("list[RowError]", list(page.errors))


def row_error_counts(counts: RowErrorCounts) -> RowErrorTotals:
    """Returns failed rows by error code, and by code and column; the most frequent first."""
    groups = sorted(counts.by_group.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ""))
    return {
        "counts_by_code": dict(sorted(counts.by_code.items(), key=lambda item: (-item[1], item[0]))),
        "groups": [{"code": code, "column": column, "rows": rows} for (code, column), rows in groups],
    }


def job_statistics(statistics: Statistics) -> JobStatistics:
    """Returns the statistics of the caller's jobs."""
    return {
        "jobs": {
            "total": sum(statistics.by_status.values()),
            "by_status": {status.value: statistics.by_status.get(status, 0) for status in JobStatus},
            "cancelled": statistics.cancelled,
        },
        "rows": {
            "total": statistics.total_rows,
            "processed": statistics.processed_rows,
            "successful": statistics.successful_rows,
            "failed": statistics.failed_rows,
        },
        "success_rate": statistics.success_rate,
        "rows_per_second": statistics.rows_per_second,
        "is_complete": statistics.since is None,
        "since": timestamp(statistics.since),
    }


def duration_text(seconds: int) -> str:
    """Returns a duration for people: `45s`, `1m 25s`, `2h 5m 10s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours}h {minutes}m {rest}s"
    return f"{minutes}m {rest}s" if minutes else f"{rest}s"


def _commit_times(progress: Progress) -> list[datetime]:
    last = progress.last_commit_at
    return [last] if last else []


def _performance(job: Job, progress: Progress, *, processed_rows: int, now: datetime) -> JobPerformance:
    speed = performance(job, progress, processed_rows=processed_rows, now=now)
    left = speed.estimated_completion_seconds
    shown: JobPerformance = {
        "processing_time_seconds": speed.processing_time_seconds,
        "rows_per_second": speed.rows_per_second,
        "estimated_completion_time": None if left is None else duration_text(left),
    }
    if job.status is JobStatus.PROCESSING:
        shown["estimated_completion_seconds"] = left
    return shown


def _errors(job: Job, progress: Progress, *, failed_rows: int, row_errors: RowErrorPage | None) -> JobErrors:
    errors: JobErrors = {
        "has_errors": has_errors(job, progress),
        "error_message": job.error_message,
        "error_count": failed_rows,
    }
    if job.error_code:
        errors["error_code"] = job.error_code
    if row_errors is not None:
        truncated = failed_rows > len(row_errors.errors)
        sample: RowErrorSample = {"errors": row_error_list(row_errors), "truncated": truncated}
        if truncated:
            sample["more"] = f"{API_ROOT}/jobs/{job.id}/errors"
        errors["error_details"] = sample
    return errors
