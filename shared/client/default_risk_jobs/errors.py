"""The errors that the client raises.

ClientError
├── ApiError             the service rejected the request and says why
│   ├── SignInError      no token, an expired one, or a wrong password
│   └── UnavailableError the service was unavailable at every attempt
├── NoResponseError      no response at all
├── WaitTimeoutError     a job did not end, or a result file was not ready, in time
├── UnreadableFileError  a file on this machine that cannot be read, or is neither CSV nor XLSX
└── MissingPandasError   the extra `pandas` is not installed
"""

from collections.abc import Sequence
from typing import Any

import httpx

UNAVAILABLE_STATUSES = frozenset({429, 500, 502, 503, 504})


class ClientError(Exception):
    """The base of all errors of the client; the text is a sentence for people."""


class NoResponseError(ClientError):
    """No response came: the address is wrong, or the network or the service is down."""


class WaitTimeoutError(ClientError):
    """A job did not end, or a result file was not ready, within the timeout."""


class UnreadableFileError(ClientError):
    """A file that is not there, cannot be read, or is neither CSV nor XLSX."""


class MissingPandasError(ClientError):
    """A method that returns a DataFrame was called where pandas is not installed."""


class ApiError(ClientError):
    """The service rejected the request. `code` is stable; the text is the `detail` of the problem document.

    `field_errors` has a sentence for each invalid field of the request.
    """

    def __init__(
        self, detail: str, *, status: int, code: str, request_id: str | None = None, field_errors: Sequence[str] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.field_errors = tuple(field_errors)


class SignInError(ApiError):
    """The token, user name or password is not accepted."""


class UnavailableError(ApiError):
    """The service was unavailable at every attempt."""


def api_error(response: httpx.Response) -> ApiError:
    """Returns the error of a response, also one of API Gateway or S3, which send no problem documents."""
    body = json_object(response)
    status = response.status_code
    detail = str(body.get("detail") or _SENTENCES.get(status) or f"The service responded with status {status}.")
    listed = body.get("errors")
    field_errors = [f"{error['field']}: {error['message']}" for error in listed] if isinstance(listed, list) else []
    code = str(body.get("code") or _CODES.get(status, "unexpected_answer"))
    request_id = body.get("request_id") or response.headers.get("apigw-requestid")
    kind = SignInError if status == 401 else UnavailableError if status in UNAVAILABLE_STATUSES else ApiError
    return kind(detail, status=status, code=code, request_id=request_id, field_errors=field_errors)


def json_object(response: httpx.Response) -> dict[str, Any]:
    """Returns the JSON object in the body of a response, or an empty one."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


# For responses of API Gateway, which the service never saw.
_CODES = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 413: "too_large", 429: "rate_limited"}
_SENTENCES = {
    401: "The access token is missing, expired or invalid.",
    403: "Not allowed.",
    404: "Unknown URL.",
    413: "The request is too large.",
    429: "Too many requests.",
    503: "The service is temporarily unavailable.",
}
