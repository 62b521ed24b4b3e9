"""Errors of requests, and one table from error codes to `application/problem+json` (RFC 9457).

RequestError
├── UnauthenticatedError    no access token, or an invalid one
├── ForbiddenError          a valid token without the right to use the service
└── ValidationError         invalid parameters or an invalid body

The errors of jobs are in `shared.jobs.errors`, those of files in `shared.inputs.errors`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import compile_path

from functions.api.responses import Json
from shared.api_types import FieldError, Problem
from shared.inputs.errors import FileError
from shared.jobs.errors import JobError

MEDIA_TYPE = "application/problem+json"
INTERNAL_ERROR_DETAIL = "Something went wrong on our side. The request can be tried again."
_RETRY_AFTER_SECONDS = 5
_STATUSES_WITH_RETRY_AFTER = frozenset({429, 503})
_MAX_FIELD_ERRORS = 20
_MAX_FIELD_LENGTH = 100


class RequestError(Exception):
    """Base of the errors of a request. Its text is shown to the caller."""

    code: ClassVar[str]


class UnauthenticatedError(RequestError):
    """The request has no token or an invalid one. The text never says which check failed."""

    code = "unauthenticated"

    def __init__(self, *, token_given: bool) -> None:
        super().__init__(
            "The access token is not valid. Sign in again."
            if token_given
            else "Send an access token in the Authorization header: `Bearer <token>`."
        )
        self.token_given = token_given


class ForbiddenError(RequestError):
    """The token is valid and gives no right to use this service."""

    code = "forbidden"


class ValidationError(RequestError):
    """Invalid parameters or an invalid body."""

    code = "validation_error"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("The request is not valid: see `errors`.")
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class Kind:
    """Kind of error: its status, its title, and a description of when it occurs."""

    status: int
    title: str
    when: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "unauthenticated": Kind(401, "Not authenticated", "No access token, or one that is not valid"),
        "forbidden": Kind(403, "Forbidden", "A valid token without a role that may use the service"),
        "not_found": Kind(404, "Not found", "No such path"),
        "job_not_found": Kind(404, "Job not found", "No such job, or one of another tenant"),
        "method_not_allowed": Kind(405, "Method not allowed", "The path does not support the method"),
        "job_not_cancellable": Kind(400, "Job cannot be cancelled", "The job has ended"),
        "job_processing": Kind(400, "Job is processing", "A job cannot be deleted while it is processing"),
        "invalid_cursor": Kind(400, "Invalid cursor", "An altered cursor, or one of another list"),
        "nothing_to_retry": Kind(400, "Nothing to retry", "The job has no rows of the outcomes to retry"),
        "retry_limit": Kind(400, "Too many retries", "The job is the last of a chain of retries"),
        "empty_file": Kind(400, "Empty file", "A file without data rows"),
        "undecodable": Kind(400, "Undecodable file", "Bytes that are not text in the file's encoding"),
        "unbalanced_quote": Kind(
            400, "Unbalanced quote", "Quotes that are never closed, or that join rows or split one"
        ),
        "missing_columns": Kind(400, "Missing columns", "A header without a required column"),
        "duplicate_columns": Kind(400, "Duplicate columns", "Two headers that mean the same column"),
        "results_not_ready": Kind(409, "Results not ready", "Results of a job that has not ended, or that are gone"),
        "idempotency_in_flight": Kind(
            409, "Request in flight", "A request with the same `Idempotency-Key` is still in progress"
        ),
        "not_exportable": Kind(409, "Not exportable", "A result file that is not available in the requested format"),
        "too_large": Kind(413, "Too large", "A body or file over a limit, or a result file over one of its format"),
        "unsupported_format": Kind(415, "Unsupported format", "Neither CSV nor XLSX, or rows unlike the header"),
        "validation_error": Kind(422, "Invalid request", "Parameters or a body of the wrong form"),
        "idempotency_mismatch": Kind(
            422, "Key used before", "An `Idempotency-Key` that was used with other content before"
        ),
        "rate_limited": Kind(429, "Too many requests", "More requests than can be served at the moment"),
        "internal_error": Kind(
            500, "Internal error", "An error of the service; include the request id when you report it"
        ),
        "unavailable": Kind(503, "Temporarily unavailable", "A dependency of the service did not respond"),
    }
)

_CODE_OF_STATUS = {
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_format",
    429: "rate_limited",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Returns the OpenAPI descriptions of these error responses, and of 429 wherever there is 503."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*statuses, 429} if 503 in statuses else statuses):
        kinds = {code: kind for code, kind in KINDS.items() if kind.status == status}
        described[status] = {
            "description": "; ".join(f"{kind.when} (`{code}`)" for code, kind in kinds.items()),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return described


def problem(
    request: Request,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] = (),
) -> Json:
    """Returns the response for an error with this code."""
    kind = KINDS[code]
    body: Problem = {
        "type": f"/api/v1/docs#{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        # Percent-encoded: a path may contain any character.
        "instance": quote(request.url.path, safe="/-._~", errors="replace")[:500],
        "code": code,
        "request_id": request.state.request_id,
    }
    if errors:
        body["errors"] = list(errors[:_MAX_FIELD_ERRORS])
    response = Json(body, status_code=kind.status, media_type=MEDIA_TYPE)
    if kind.status in _STATUSES_WITH_RETRY_AFTER:
        response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    response.headers.update(headers or {})
    return response


def field_errors(errors: Sequence[Mapping[str, Any]], *, within: str | None = None) -> list[FieldError]:
    """Returns Pydantic's errors as field errors, without the input: it may be secret, huge or unencodable."""
    return [
        FieldError(
            field=_field([*([within] if within else []), *error["loc"]]),
            message=str(error["msg"]),
            code=str(error["type"]),
        )
        for error in errors
    ]


def _field(path: Sequence[object]) -> str:
    shown = ".".join("".join(c for c in str(part) if c.isprintable()) for part in path)
    return shown[:_MAX_FIELD_LENGTH] or "body"


async def _on_error(request: Request, error: Exception) -> Json:
    assert isinstance(error, JobError | FileError | RequestError)  # noqa: S101 - registered for these
    headers: dict[str, str] = {}
    if isinstance(error, UnauthenticatedError):
        # RFC 6750 §3: the error attribute only when a token was sent.
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if error.token_given else "Bearer"
    errors = error.errors if isinstance(error, ValidationError) else ()
    return problem(request, error.code, str(error), headers=headers, errors=errors)


async def _on_invalid_parameters(request: Request, error: Exception) -> Json:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this
    return await _on_error(request, ValidationError(field_errors(error.errors())))


async def _on_http_error(request: Request, error: Exception) -> Json:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this
    code = _CODE_OF_STATUS.get(error.status_code, "validation_error")
    detail = {
        "not_found": "There is nothing at this path.",
        "method_not_allowed": "This path does not know the method.",
    }.get(code, "The request could not be read.")
    headers = dict(error.headers or {})
    if "Allow" in headers:
        # Starlette names only the methods of the path's first route; RFC 9110 §10.2.1 requires all of them.
        headers["Allow"] = ", ".join(_methods_at(request))
    return problem(request, code, detail, headers=headers)


def _methods_at(request: Request) -> list[str]:
    path = str(request.scope["path"])
    contexts = iter_route_contexts(request.app.routes)
    matching = [context for context in contexts if compile_path(str(context.path))[0].match(path)]
    return sorted({method for context in matching for method in context.methods or ()})


def internal_error(request: Request) -> Json:
    """Returns the response for an unexpected error, without its details: the log has them."""
    return problem(request, "internal_error", INTERNAL_ERROR_DETAIL)


def install(app: FastAPI) -> None:
    """Registers the handlers that turn every error into a problem document."""
    for kind in (JobError, FileError, RequestError):
        app.add_exception_handler(kind, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_parameters)
    app.add_exception_handler(HTTPException, _on_http_error)
