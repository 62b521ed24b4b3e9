"""Results of a job: scored rows, result files and row errors."""

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query
from starlette.responses import Response

from functions.api.dependencies import CurrentServices, EndedJob, VisibleJob
from functions.api.pagination import CurrentCursor, sign_cursor
from functions.api.problems import problems
from functions.api.responses import Json
from shared.api_types import (
    AssemblingResponse,
    DownloadResponse,
    JobRisk,
    ResultsResponse,
    RowErrorsResponse,
    RowPagination,
    ScoredRow,
    ValidatedRow,
)
from shared.inputs.columns import RowErrorCode, normalized_name
from shared.jobs.errors import ResultsAssemblingError
from shared.jobs.job import FileFormat, Outcome
from shared.jobs.progress import JobView
from shared.jobs.representations import download_path, job_progress, row_error_counts, row_error_list
from shared.jobs.row_errors import Position, RowErrorFilter
from shared.scoring.result_pages import read_page

# CSV files are ready within seconds of the end of a job, exports of most jobs within seconds of their first request.
ASSEMBLING_RETRY_SECONDS = 3
MAX_ERRORS = 1_000

MAX_RESULTS = 1_000

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])

_ASSEMBLING: dict[int | str, dict[str, Any]] = {202: {"description": "Ended, and the file is being made: ask again"}}


@router.get(
    "/results",
    responses={**problems(400, 401, 403, 404, 409, 422, 503), **_ASSEMBLING},
    operation_id="list_results",
    summary="Scored rows, and the risk of the whole job",
)
async def get_results(
    view: EndedJob,
    services: CurrentServices,
    cursor: CurrentCursor,
    limit: Annotated[int, Query(ge=1, le=MAX_RESULTS)] = 100,
) -> Response:
    """A page of the scored rows, in row order, with the risk summary of all of them.

    Text of more than 1,000 characters is truncated; the download has all of it. A page of very wide rows may be short
    and still have a `next_cursor`.
    """
    bound_to = {"list": "results", "job_id": str(view.job.id)}
    start = cursor.position(bound_to=bound_to)["offset"] if cursor is not None else None
    try:
        page = read_page(partial(services.downloads.read_rows, view), start=start, limit=limit)
    except ResultsAssemblingError as error:
        return _assembling(view, error)
    next_cursor = None
    if page.following is not None:
        next_cursor = sign_cursor(services.cursor_serializer(), {"offset": page.following}, bound_to=bound_to)
    return Json(
        ResultsResponse(
            success=True,
            job_id=str(view.job.id),
            results=cast("list[ScoredRow | ValidatedRow]", list(page.rows)),
            summary=cast("JobRisk | None", services.downloads.summary(view)),
            pagination=_pagination(limit, next_cursor),
            links={"download": download_path(view.job, Outcome.SUCCESSFUL)},
        )
    )


@router.get(
    "/download",
    status_code=303,
    response_class=Response,
    responses={
        **problems(401, 403, 404, 409, 413, 422, 503),
        **_ASSEMBLING,
        200: {"description": "Where the file is, for those who do not want to be redirected"},
        303: {"description": "To the file, for a few minutes", "headers": {"Location": {"schema": {"type": "string"}}}},
    },
    operation_id="download_results",
    summary="Download the rows of an outcome",
)
async def download(
    view: EndedJob,
    services: CurrentServices,
    outcome: Annotated[Outcome, Query(description="Rows of this outcome")] = Outcome.SUCCESSFUL,
    format: Annotated[FileFormat, Query(description="Format of the file")] = FileFormat.CSV,  # noqa: A002 - the name in the query
    *,
    redirect: Annotated[bool, Query(description="False returns the link as JSON")] = True,
) -> Response:
    """A redirect to a short-lived link. The file is named after job and outcome.

    Scripts in a browser cannot read the address of a redirect; they use `redirect=false`.

    CSV is ready when the job has ended, or seconds later. Other formats are made on the first request and kept for a
    day. XLSX has up to 1,048,575 rows; figures are numbers, and no text runs as a formula. Parquet has `row` and
    `default_probability` as numbers and all else as text, with the input as it was written; lists are JSON.
    """
    try:
        link = services.downloads.link(view.job, outcome, format)
    except ResultsAssemblingError as error:
        return _assembling(view, error)
    if redirect:
        return Response(status_code=303, headers={"Location": link})
    return Json(DownloadResponse(success=True, url=link))


def _assembling(view: JobView, error: ResultsAssemblingError) -> Response:
    body = AssemblingResponse(success=True, message=str(error), status=view.job.status.value)
    return Json(body, status_code=202, headers={"Retry-After": str(ASSEMBLING_RETRY_SECONDS)})


@router.get(
    "/errors",
    responses=problems(400, 401, 403, 404, 409, 422, 503),
    operation_id="list_row_errors",
    summary="Rows that failed, and why",
)
async def get_errors(  # noqa: PLR0917 - FastAPI passes them by name
    view: VisibleJob,
    services: CurrentServices,
    cursor: CurrentCursor,
    limit: Annotated[int, Query(ge=1, le=MAX_ERRORS)] = 100,
    code: Annotated[
        RowErrorCode | None,
        Query(
            description=(
                "Only rows with an error of this code. A cell has the first code of the list that applies; a symbol "
                "that Excel turned into a date is a `missing_field`."
            )
        ),
    ] = None,
    column: Annotated[
        str | None, Query(min_length=1, max_length=100, description="Only rows with an error in this column")
    ] = None,
) -> Response:
    """A page of the row errors, in row order, with one entry per failed row.

    `code` and `column` match any error of a row; with both, one error must have both. Counts are of the whole job: rows
    by code, and by code and column. A row with several errors counts in each. A filtered page may be short or empty and
    still have a `next_cursor`.
    """
    error_filter = RowErrorFilter(code=code, column=normalized_name(column) if column else None)
    # Bound to the job and the filter only: every caller who may see the job may continue from any of its pages.
    bound_to = {"list": "errors", "job_id": str(view.job.id), **asdict(error_filter)}
    start = Position()
    if cursor is not None:
        position = cursor.position(bound_to=bound_to)
        start = Position(**position)
    page = services.jobs.row_errors(view, start=start, limit=limit, error_filter=error_filter)
    next_cursor = None
    if page.following is not None:
        next_cursor = sign_cursor(services.cursor_serializer(), asdict(page.following), bound_to=bound_to)
    body: RowErrorsResponse = {
        "success": True,
        "errors": row_error_list(page),
        "error_count": job_progress(view.job, view.progress)["failed_rows"],
        **row_error_counts(view.progress.row_errors),
        "pagination": _pagination(limit, next_cursor),
        "links": {"failed_rows": download_path(view.job, Outcome.FAILED)},
    }
    return Json(body)


def _pagination(limit: int, next_cursor: str | None) -> RowPagination:
    return {"limit": limit, "has_more": next_cursor is not None, "next_cursor": next_cursor}
