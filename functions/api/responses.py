"""Responses: JSON, entity tags, and the 202 for an accepted job."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from shared.api_types import PresignedForm, UploadResponse
from shared.jobs.job import Job
from shared.jobs.representations import API_ROOT, job_links
from shared.jobs.service import JobService

_TAG = re.compile(r'(?:W/)?("[^"]*")')

_ACCEPTED_RETRY_AFTER_SECONDS = 2
# Time until a job scores its first row, and throughput from then on: orders of magnitude, for people.
_START = timedelta(seconds=15)
_BYTES_PER_SECOND = 4 * 1024 * 1024


class Json(Response):
    """JSON body in ASCII, because a file's cell may contain a lone surrogate, which UTF-8 cannot encode."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Returns the body's bytes."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def tagged(request: Request, content: Mapping[str, Any], *, headers: Mapping[str, str]) -> Response:
    """Returns the content with its ETag, or 304 without a body when `If-None-Match` has it (RFC 9110 §13.1.2)."""
    response = Response(status_code=304) if is_known(request, content) else Json(content)
    response.headers.update({"ETag": _tag(content), "Cache-Control": "private, no-cache", **headers})
    return response


def is_known(request: Request, content: Mapping[str, Any]) -> bool:
    """Returns whether the request's `If-None-Match` matches this content."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or _tag(content) in _TAG.findall(given)


def _tag(content: Mapping[str, Any]) -> str:
    return f'"{hashlib.sha256(bytes(Json(content).body)).hexdigest()[:32]}"'


def accepted(
    jobs: JobService, job: Job, *, root_url: str, message: str, upload: PresignedForm | None = None
) -> Response:
    """Returns 202 with the links of a new job. `upload` is the presigned form of a file that is yet to be sent."""
    body: UploadResponse = {
        "success": True,
        "message": message,
        "job_id": str(job.id),
        "task_id": jobs.execution_arn(job),
        "total_rows": job.total_rows,
        "estimated_time_minutes": _estimated_minutes(job.file_size),
        "status": job.status.value,
        "links": job_links(job),
    }
    if upload is not None:
        body["upload"] = upload
    if (earlier := jobs.duplicate_of(job)) is not None:
        body["duplicate_of"] = str(earlier)
    location = f"{root_url}{API_ROOT}/jobs/{job.id}"
    headers = {"Location": location, "Retry-After": str(_ACCEPTED_RETRY_AFTER_SECONDS)}
    return Json(body, status_code=202, headers=headers)


def _estimated_minutes(file_size: int | None) -> float | None:
    if file_size is None:
        return None
    return round((_START.total_seconds() + file_size / _BYTES_PER_SECOND) / 60, 1)
