"""Jobs: list, statistics, details, status, cancel, delete and retry."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from functions.api.dependencies import (
    CancellableJob,
    CurrentCaller,
    CurrentServices,
    JobId,
    RetryableJob,
    Services,
    VisibleJob,
)
from functions.api.idempotency import OncePerKey
from functions.api.pagination import CurrentCursor, CurrentFilter, ListRequest, list_jobs
from functions.api.polling import MAX_WAIT_SECONDS, retry_after, status_response
from functions.api.problems import problems
from functions.api.request_bodies import json_object, read_body, validated
from functions.api.responses import Json, accepted, tagged
from shared.api_types import (
    CancelledJob,
    CancelResponse,
    DeleteResponse,
    JobDetailsResponse,
    RetryRequest,
    StatisticsResponse,
)
from shared.jobs.errors import ResultsGoneError
from shared.jobs.job import Outcome
from shared.jobs.progress import JobView
from shared.jobs.representations import job_details, job_statistics, named_job
from shared.jobs.retries import RETRIED_OUTCOMES
from shared.jobs.row_errors import Position, RowErrorPage

# Row errors in the details; the route of row errors has them all.
ERRORS_SHOWN = 100
MAX_OFFSET = 1_000
_MAX_RETRY_BYTES = 16 * 1024

router = APIRouter(prefix="/jobs", tags=["jobs"])

Sort = Literal["created_at", "-created_at"]


@router.get(
    "",
    responses=problems(400, 401, 403, 422, 503),
    operation_id="list_jobs",
    summary="List jobs, newest first",
)
async def get_jobs(  # noqa: PLR0917 - FastAPI passes them by name
    caller: CurrentCaller,
    services: CurrentServices,
    cursor: CurrentCursor,
    job_filter: CurrentFilter,
    sort: Sort = "-created_at",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    offset: Annotated[int | None, Query(ge=0, le=MAX_OFFSET, description="Not together with `cursor`")] = None,
) -> Response:
    """A page of the jobs the caller may see. Cursors skip and repeat no job while jobs are created and deleted.

    Filters by status, job type and time read only the page. Other filters read jobs until the page is full or 1,000
    were read: such a page may be short or empty and still have a `next_cursor`.
    """
    ordered = replace(job_filter, oldest_first=sort == "created_at")
    return Json(list_jobs(services, caller, ListRequest(job_filter=ordered, limit=limit, cursor=cursor, offset=offset)))


# Before the routes of one job, which would match "statistics" as its id.
@router.get(
    "/statistics",
    responses=problems(401, 403, 503),
    operation_id="get_statistics",
    summary="How the jobs have gone",
)
async def get_statistics(caller: CurrentCaller, services: CurrentServices) -> Response:
    """Jobs by status, rows and rates of the newest 1,000 jobs the caller may see.

    With more jobs `is_complete` is false, and `since` is the creation time of the oldest counted job.
    `rows_per_second` is relative to the processing time of the jobs.
    """
    return Json(StatisticsResponse(success=True, statistics=job_statistics(services.jobs.statistics(caller))))


@router.get(
    "/{job_id}",
    responses={**problems(401, 403, 404, 422, 503), 304: {"description": "Not changed since the given `ETag`"}},
    operation_id="get_job",
    summary="Details of a job",
)
async def get_job(
    request: Request,
    view: VisibleJob,
    services: CurrentServices,
    include_errors: Annotated[bool, Query(description=f"Show the first {ERRORS_SHOWN} row errors")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """All details of a job: progress, speed, times, errors."""
    row_errors = _first_errors(services, view) if include_errors else None
    details = job_details(view.job, view.progress, now=services.clock(), row_errors=row_errors)
    return tagged(
        request, JobDetailsResponse(success=True, job=details), headers=retry_after(view, now=services.clock())
    )


@router.get(
    "/{job_id}/status",
    responses={**problems(401, 403, 404, 422, 503), 304: {"description": "Not changed since the given `ETag`"}},
    operation_id="get_job_status",
    summary="Quick status of a job",
)
async def get_status(
    request: Request,
    caller: CurrentCaller,
    view: VisibleJob,
    services: CurrentServices,
    wait: Annotated[
        float,
        Query(
            ge=0,
            le=MAX_WAIT_SECONDS,
            allow_inf_nan=False,
            description="Seconds to wait until the job differs from `If-None-Match`, or else from its current state",
        ),
    ] = 0,
) -> Response:
    """The status and counts of a job, cheap enough to poll every few seconds."""
    return await status_response(request, services, caller, view, wait_seconds=wait)


@router.post(
    "/{job_id}/cancel",
    responses=problems(400, 401, 403, 404, 409, 422, 503),
    operation_id="cancel_job",
    summary="Cancel a job that has not ended",
)
async def cancel_job(
    caller: CurrentCaller, view: CancellableJob, services: CurrentServices, once: OncePerKey
) -> Response:
    """Stops a job. Rows that are already scored stay available for download."""

    async def cancel() -> Response:
        cancellation = services.jobs.cancel(caller, view.job.id)
        job = cancellation.job
        cancelled: CancelledJob = {**named_job(job), "celery_cancelled": cancellation.execution_stopped}
        message = f"Job {job.id} cancelled successfully"
        return Json(CancelResponse(success=True, message=message, cancelled_job=cancelled))

    return await once.respond(cancel)


@router.delete(
    "/{job_id}",
    responses=problems(400, 401, 403, 404, 503),
    operation_id="delete_job",
    summary="Delete a job that is not processing",
)
async def delete_job(caller: CurrentCaller, job_id: JobId, services: CurrentServices) -> Response:
    """Deletes a job with its input and results."""
    job = services.jobs.delete(caller, job_id)
    message = f"Job {job.id} deleted successfully"
    return Json(DeleteResponse(success=True, message=message, deleted_job=named_job(job)))


@router.post(
    "/{job_id}/retry",
    status_code=202,
    responses=problems(400, 401, 403, 404, 409, 413, 422, 503),
    operation_id="retry_job",
    summary="Retry the failed and unprocessed rows of a job that has ended",
)
async def retry_job(
    request: Request, caller: CurrentCaller, view: RetryableJob, services: CurrentServices, once: OncePerKey
) -> Response:
    """Creates a job of only those rows, with the same options. This job does not change.

    A column `source_row` has the row numbers of the first uploaded file. A retry resumes a cancelled job: the results
    of both together are those of one uninterrupted job. A job that ended before its rows were counted is retried with
    the whole file, without that column. A chain has at most ten retries.
    """

    async def accept() -> Response:
        body = await read_body(request, max_bytes=_MAX_RETRY_BYTES, advice="A retry is a small JSON object.")
        wanted = validated(RetryRequest, json_object(body) if body else {})
        outcomes = frozenset(map(Outcome, wanted.get("outcomes", RETRIED_OUTCOMES)))
        child = services.retries.retry(caller, view, outcomes, job_id=once.new_job_id())
        return accepted(
            services.jobs,
            child,
            root_url=services.root_url,
            message="Retry accepted. Follow the status of the new job.",
        )

    return await once.respond(accept)


def _first_errors(services: Services, view: JobView) -> RowErrorPage:
    try:
        return services.jobs.row_errors(view, start=Position(), limit=ERRORS_SHOWN)
    except ResultsGoneError:
        # The details are still available, and their counts show that there were errors.
        return RowErrorPage(errors=(), following=None)
