"""The answer that a job was made: the same for uploads and retries."""

from datetime import timedelta

from starlette.responses import Response

from functions.api.answers import Json
from functions.api.dependencies import Services
from shared.jobs.job import Job
from shared.jobs.representations import API_ROOT, JsonObject, job_links

RETRY_AFTER_SECONDS = 2

# What a job takes before its first row is scored, and how fast bytes go from then on: an order of magnitude for people.
_START = timedelta(seconds=15)
_BYTES_PER_SECOND = 4 * 1024 * 1024


def accepted(services: Services, job: Job, *, message: str, upload: JsonObject | None = None) -> Response:
    """202 with where to follow the job; `upload` is the form of a file that is yet to be sent."""
    body: JsonObject = {
        "success": True,
        "message": message,
        "job_id": str(job.id),
        "task_id": services.jobs.execution_arn(job),
        "total_rows": job.total_rows,
        "estimated_time_minutes": _estimated_minutes(job.file_size),
        "status": job.status,
        "links": job_links(job),
    }
    if upload is not None:
        body["upload"] = upload
    if (earlier := services.jobs.duplicate_of(job)) is not None:
        body["duplicate_of"] = str(earlier)
    location = f"{services.root_url}{API_ROOT}/jobs/{job.id}"
    return Json(body, status_code=202, headers={"Location": location, "Retry-After": str(RETRY_AFTER_SECONDS)})


def _estimated_minutes(file_size: int | None) -> float | None:
    if file_size is None:
        return None
    return round((_START.total_seconds() + file_size / _BYTES_PER_SECOND) / 60, 1)
