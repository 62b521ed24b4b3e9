"""One action on many jobs: an outcome for each, whatever becomes of the others."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request

from functions.api.dependencies import parsed_job_id
from functions.api.json_bodies import json_object, read_body, validated
from functions.api.problems import INTERNAL_ERROR_DETAIL
from shared.jobs.errors import JobError, UnavailableError
from shared.jobs.job import Job
from shared.jobs.representations import JsonObject

logger = logging.getLogger(__name__)

MAX_JOBS = 100
# The gateway waits 29 seconds: what has not begun by then is answered as not done.
_SECONDS = 20.0
_WORKERS = 8
_MAX_JSON_BYTES = 64 * 1024


class JobIds(BaseModel):
    """The jobs to act on; one named twice is acted on once."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    job_ids: list[Annotated[str, StringConstraints(max_length=100)]] = Field(min_length=1, max_length=MAX_JOBS)


async def read_job_ids(request: Request) -> list[str]:
    """The ids a request names, each once, in its order. Raises `ValidationError` and `TooLargeError`."""
    body = await read_body(request, max_bytes=_MAX_JSON_BYTES, advice=f"Name at most {MAX_JOBS} jobs.")
    return list(dict.fromkeys(validated(JobIds, json_object(body)).job_ids))


def act_on_each(
    job_ids: Sequence[str],
    act: Callable[[UUID], Job],
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> JsonObject:
    """The answer of a bulk route: an outcome per id, in the order of the ids."""
    deadline = monotonic() + _SECONDS

    def act_in_time(job_id: UUID) -> Job:
        if monotonic() > deadline:
            raise UnavailableError
        return act(job_id)

    def outcome(job_id: str) -> JsonObject:
        try:
            job = act_in_time(parsed_job_id(job_id))
        except JobError as error:
            return {"job_id": job_id, "success": False, "code": error.code, "detail": str(error)}
        except Exception:  # one failure never hides what became of the others
            logger.exception("A job of a bulk request failed", extra={"job_id": job_id})
            return {"job_id": job_id, "success": False, "code": "internal_error", "detail": INTERNAL_ERROR_DETAIL}
        return {"job_id": job_id, "success": True, "status": job.status}

    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        outcomes = list(pool.map(outcome, job_ids))
    succeeded = sum(outcome["success"] for outcome in outcomes)
    return {"success": True, "results": outcomes, "succeeded": succeeded, "failed": len(outcomes) - succeeded}
