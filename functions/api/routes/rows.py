"""A few rows scored at once, and the models that score them."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.api.answers import Json, tagged
from functions.api.dependencies import CurrentCaller, CurrentServices
from functions.api.idempotency import OncePerKey
from functions.api.problems import problems
from functions.api.row_requests import MAX_ROWS, read_rows
from shared.jobs.job import JobType
from shared.scoring.model_descriptions import model_descriptions

router = APIRouter(tags=["models"])


@router.get(
    "/models",
    responses={**problems(401, 403, 503), 304: {"description": "Not changed since the given `ETag`"}},
    operation_id="list_models",
    summary="The model of each job type and profile",
)
async def get_models(request: Request, caller: CurrentCaller) -> Response:  # noqa: ARG001 - any caller, but a caller
    """Version, features, training data, metrics and calibration; for quarterly rows also on what basis."""
    # They change with a deployment only.
    headers = {"Cache-Control": "private, max-age=300"}
    return tagged(request, {"success": True, "models": model_descriptions()}, headers=headers)


def rows_router(job_type: JobType) -> APIRouter:
    """The route that scores rows of a job type at once."""
    typed = APIRouter(tags=["rows"])

    @typed.post(
        f"/{job_type}",
        responses=problems(400, 401, 403, 409, 413, 415, 422, 503),
        operation_id=f"score_{job_type}",
        summary=f"Score up to {MAX_ROWS} {job_type} rows at once",
        description=(
            f"By the same rules and model as a job. More than {MAX_ROWS} rows are uploaded as a file. The columns are "
            "those of all rows together; null and a column that a row lacks are blank cells."
        ),
        openapi_extra={"requestBody": _request_body()},
    )
    async def score(request: Request, services: CurrentServices, once: OncePerKey) -> Response:
        async def score_rows() -> Response:
            given = await read_rows(
                request,
                job_type=job_type,
                max_bytes=services.limits.rows_max_bytes,
                next_year=services.clock().year + 1,
            )
            return Json({"success": True, "job_type": job_type, **services.rows.score(given)})

        return await once.answer(score_rows)

    return typed


def _request_body() -> dict[str, Any]:
    """The body for the OpenAPI document: the route reads it itself, so FastAPI cannot know it."""
    cell = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}
    return {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "title": "RowsRequest",
                    "type": "object",
                    "required": ["rows"],
                    "additionalProperties": False,
                    "properties": {
                        "rows": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MAX_ROWS,
                            "items": {"title": "Row", "type": "object", "additionalProperties": cell},
                        }
                    },
                }
            }
        },
    }
