"""Cancelling and deleting up to 100 jobs in one request, with an outcome for each job."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.api.dependencies import CurrentCaller, CurrentServices, parsed_job_id
from functions.api.idempotency import Once, OncePerKey
from functions.api.problems import INTERNAL_ERROR_DETAIL, problems
from functions.api.request_bodies import json_object, read_body, validated
from functions.api.responses import Json
from shared.api_types import MAX_JOBS, BulkOutcome, BulkRequest, BulkResponse
from shared.jobs.errors import JobError, UnavailableError
from shared.jobs.job import Job

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/jobs/bulk", tags=["jobs"])

# API Gateway waits 29 seconds: jobs not started by then are reported as unavailable.
_SECONDS = 20.0
_WORKERS = 8
_MAX_JSON_BYTES = 64 * 1024


@router.post(
    "/cancel",
    responses=problems(401, 403, 409, 413, 422, 503),
    operation_id="cancel_jobs",
    summary="Cancel up to 100 jobs",
)
async def cancel_jobs(request: Request, caller: CurrentCaller, services: CurrentServices, once: OncePerKey) -> Response:
    """Cancels each of these jobs. A job that cannot be cancelled has its reason; the others are cancelled anyway."""
    return await _act_once(request, once, lambda job_id: services.jobs.cancel(caller, job_id).job)


@router.post(
    "/delete",
    responses=problems(401, 403, 409, 413, 422, 503),
    operation_id="delete_jobs",
    summary="Delete up to 100 jobs",
)
async def delete_jobs(request: Request, caller: CurrentCaller, services: CurrentServices, once: OncePerKey) -> Response:
    """Deletes each of these jobs with everything stored for it. `status` is the one before the deletion."""
    return await _act_once(request, once, lambda job_id: services.jobs.delete(caller, job_id))


async def _act_once(request: Request, once: Once, act: Callable[[UUID], Job]) -> Response:
    async def act_on_all() -> Response:
        body = await read_body(request, max_bytes=_MAX_JSON_BYTES, advice=f"Name at most {MAX_JOBS} jobs.")
        # A dictionary drops repeated ids and keeps their order.
        job_ids = list(dict.fromkeys(validated(BulkRequest, json_object(body))["job_ids"]))
        return Json(act_on_each(job_ids, act))

    return await once.respond(act_on_all)


def act_on_each(
    job_ids: Sequence[str],
    act: Callable[[UUID], Job],
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> BulkResponse:
    """Returns the response body: an outcome for each id, in the order of the ids."""
    deadline = monotonic() + _SECONDS

    def act_in_time(job_id: UUID) -> Job:
        if monotonic() > deadline:
            raise UnavailableError
        return act(job_id)

    def outcome(job_id: str) -> BulkOutcome:
        try:
            job = act_in_time(parsed_job_id(job_id))
        except JobError as error:
            return {"job_id": job_id, "success": False, "code": error.code, "detail": str(error)}
        except Exception:  # one failure must not hide the other outcomes
            logger.exception("A job of a bulk request failed", extra={"job_id": job_id})
            return {"job_id": job_id, "success": False, "code": "internal_error", "detail": INTERNAL_ERROR_DETAIL}
        return {"job_id": job_id, "success": True, "status": job.status.value}

    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        outcomes = list(pool.map(outcome, job_ids))
    succeeded = sum(outcome["success"] for outcome in outcomes)
    return {"success": True, "results": outcomes, "succeeded": succeeded, "failed": len(outcomes) - succeeded}
