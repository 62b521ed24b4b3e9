"""Polling: `Retry-After` for the next request, and status responses that are held until the job changes."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from functions.api.dependencies import Services
from functions.api.responses import is_known, tagged
from shared.api_types import JobStatusResponse
from shared.jobs.access import Caller
from shared.jobs.job import Phase
from shared.jobs.progress import JobView, row_counts, seconds_left
from shared.jobs.representations import job_summary

# With the reads of the job this stays below the 29 seconds that API Gateway waits.
MAX_WAIT_SECONDS = 20
_READ_INTERVAL_SECONDS = 1.0

# A chunk takes about a second; an upload takes longer.
_SOON = 2
_AWAITING_UPLOAD = 5
_AT_LEAST, _AT_MOST = 1, 30
# Enough to show progress, few enough that most polls find a change.
_POLLS_UNTIL_THE_END = 10


def retry_after_seconds(view: JobView, *, now: datetime) -> int | None:
    """Returns the seconds until the next poll: a tenth of the time left, 1 to 30; None for a job that has ended."""
    job = view.job
    if job.status.is_terminal:
        return None
    if job.phase is Phase.AWAITING_UPLOAD:
        return _AWAITING_UPLOAD
    remaining = (job.total_rows or 0) - sum(row_counts(job, view.progress))
    left = seconds_left(job, view.progress, remaining_rows=remaining, now=now)
    if job.phase is not Phase.SCORING or left is None:
        return _SOON
    return max(_AT_LEAST, min(_AT_MOST, left // _POLLS_UNTIL_THE_END))


def retry_after(view: JobView, *, now: datetime) -> dict[str, str]:
    """Returns the `Retry-After` header of a job that has not ended."""
    seconds = retry_after_seconds(view, now=now)
    return {} if seconds is None else {"Retry-After": str(seconds)}


async def status_response(
    request: Request, services: Services, caller: Caller, view: JobView, *, wait_seconds: float
) -> Response:
    """Returns the status of a job. With `wait_seconds` the response is held until the status changes.

    Changes are relative to `If-None-Match`, else to the start of the request. One consistent read per second.
    Raises `JobNotFoundError` when the job is deleted meanwhile.
    """
    known = _body(view)
    left = wait_seconds if is_known(request, known) or "if-none-match" not in request.headers else 0.0
    while left > 0 and not view.job.status.is_terminal and _body(view) == known:
        pause = min(left, _READ_INTERVAL_SECONDS)
        await services.pause(pause)
        left -= pause
        view = services.jobs.get(caller, view.job.id)
    return tagged(request, _body(view), headers=retry_after(view, now=services.clock()))


def _body(view: JobView) -> JobStatusResponse:
    return {"success": True, "job": job_summary(view.job, view.progress)}
