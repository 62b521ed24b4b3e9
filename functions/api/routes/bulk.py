"""Cancelling and deleting many jobs in one request."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.api.answers import Json
from functions.api.bulk import JobIds, act_on_each, read_job_ids
from functions.api.dependencies import CurrentCaller, CurrentServices
from functions.api.idempotency import OncePerKey
from functions.api.problems import problems

router = APIRouter(prefix="/jobs/bulk", tags=["jobs"])

_REQUEST_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": JobIds.model_json_schema()}}}
}


@router.post(
    "/cancel",
    responses=problems(401, 403, 409, 413, 422, 503),
    operation_id="cancel_jobs",
    summary="Cancel up to 100 jobs",
    openapi_extra=_REQUEST_BODY,
)
async def cancel_jobs(request: Request, caller: CurrentCaller, services: CurrentServices, once: OncePerKey) -> Response:
    """Cancel each of these jobs. A job that cannot be cancelled says why and stops none of the others."""

    async def cancel_each() -> Response:
        job_ids = await read_job_ids(request)
        return Json(act_on_each(job_ids, lambda job_id: services.jobs.cancel(caller, job_id).job))

    return await once.answer(cancel_each)


@router.post(
    "/delete",
    responses=problems(401, 403, 409, 413, 422, 503),
    operation_id="delete_jobs",
    summary="Delete up to 100 jobs",
    openapi_extra=_REQUEST_BODY,
)
async def delete_jobs(request: Request, caller: CurrentCaller, services: CurrentServices, once: OncePerKey) -> Response:
    """Delete each of these jobs with everything stored for it. `status` is the one it had."""

    async def delete_each() -> Response:
        job_ids = await read_job_ids(request)
        return Json(act_on_each(job_ids, lambda job_id: services.jobs.delete(caller, job_id)))

    return await once.answer(delete_each)
