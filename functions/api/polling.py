"""How a caller follows a job: when to ask again, and answers that wait until there is something new."""

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

# With its reads, well within the 29 seconds that the gateway waits.
MAX_WAIT_SECONDS = 20
_LOOK_SECONDS = 1.0

# A chunk takes about a second; a file takes its sender longer.
_SOON = 2
_AWAITING_UPLOAD = 5
_AT_LEAST, _AT_MOST = 1, 30
# Asked so often over its rest, a job is seen to move without being asked for nothing.
_LOOKS_OVER_THE_REST = 10


def retry_after_seconds(view: JobView, *, now: datetime) -> int | None:
    """When to ask again: a tenth of the time that is left, 1 to 30 seconds; None for a job that has ended."""
    job = view.job
    if job.status.is_terminal:
        return None
    if job.phase is Phase.AWAITING_UPLOAD:
        return _AWAITING_UPLOAD
    remaining = (job.total_rows or 0) - sum(row_counts(job, view.progress))
    left = seconds_left(job, view.progress, remaining_rows=remaining, now=now)
    if job.phase is not Phase.SCORING or left is None:
        return _SOON
    return max(_AT_LEAST, min(_AT_MOST, left // _LOOKS_OVER_THE_REST))


def retry_after(view: JobView, *, now: datetime) -> dict[str, str]:
    """The header that says so."""
    seconds = retry_after_seconds(view, now=now)
    return {} if seconds is None else {"Retry-After": str(seconds)}


async def status_answer(
    request: Request, services: Services, caller: Caller, view: JobView, *, wait_seconds: float
) -> Response:
    """The status of a job. With `wait_seconds` the answer is held until the job differs from what the caller has.

    That is the state of its `If-None-Match`, else the state when it asked. One consistent read a second.
    Raises `JobNotFoundError` when the job is deleted meanwhile.
    """
    known = _body(view)
    left = wait_seconds if is_known(request, known) or "if-none-match" not in request.headers else 0.0
    while left > 0 and not view.job.status.is_terminal and _body(view) == known:
        pause = min(left, _LOOK_SECONDS)
        await services.pause(pause)
        left -= pause
        view = services.jobs.get(caller, view.job.id)
    return tagged(request, _body(view), headers=retry_after(view, now=services.clock()))


def _body(view: JobView) -> JobStatusResponse:
    return {"success": True, "job": job_summary(view.job, view.progress)}
