"""Retrying the rows of a job that failed or were left undone."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from functions.api.acceptance import accepted
from functions.api.dependencies import CurrentCaller, CurrentServices, RetryableJob
from functions.api.idempotency import OncePerKey
from functions.api.json_bodies import json_object, read_body, validated
from functions.api.problems import problems
from shared.jobs.job import Outcome

router = APIRouter(prefix="/jobs/{job_id}", tags=["jobs"])

_MAX_JSON_BYTES = 16 * 1024


class RetryRequest(BaseModel):
    """Which rows to retry; both kinds unless told otherwise."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    outcomes: list[Literal["failed", "unprocessed"]] = Field(
        default=["failed", "unprocessed"], min_length=1, max_length=10, description="Rows of which outcomes"
    )


_REQUEST_BODY: dict[str, Any] = {
    "requestBody": {"required": False, "content": {"application/json": {"schema": RetryRequest.model_json_schema()}}}
}


@router.post(
    "/retry",
    status_code=202,
    responses=problems(400, 401, 403, 404, 409, 413, 422, 503),
    operation_id="retry_job",
    summary="Retry the failed and unprocessed rows of a job that has ended",
    openapi_extra=_REQUEST_BODY,
)
async def retry_job(
    request: Request, caller: CurrentCaller, view: RetryableJob, services: CurrentServices, once: OncePerKey
) -> Response:
    """Make a job of just those rows, with the options of this one, which stays as it is.

    The rows keep the number they had in the file first uploaded in a column `source_row`. So a cancelled job is
    resumed: its results and those of its retry together are those of one uninterrupted job. Of a job that ended before
    its rows were counted the whole file is taken again, without that column. Ten retries in a row are made at most.
    """

    async def accept() -> Response:
        body = await read_body(request, max_bytes=_MAX_JSON_BYTES, advice="A retry is a small JSON object.")
        asked = validated(RetryRequest, json_object(body) if body else {})
        outcomes = frozenset(map(Outcome, asked.outcomes))
        child = services.retries.retry(caller, view, outcomes, job_id=once.new_job_id())
        return accepted(services, child, message="Retry accepted. Follow the status of the new job.")

    return await once.answer(accept)
