"""What goes wrong between a client and the service.

ClientError
├── ApiError             the service refused, and says why
│   ├── SignInError      no token, an expired one, or a wrong password
│   └── UnavailableError the service asks to come again, and every attempt was used up
├── NoAnswerError        no answer at all
├── WaitedTooLongError   a job or a file that was waited for
├── UnreadableFileError  a file on this machine that cannot be read, or is neither CSV nor XLSX
└── MissingPandasError   the extra `pandas` is not installed
"""

from collections.abc import Sequence
from typing import Any

import httpx

UNAVAILABLE_STATUSES = frozenset({429, 500, 502, 503, 504})


class ClientError(Exception):
    """Base of everything the client raises; its text is a sentence for people."""


class NoAnswerError(ClientError):
    """No answer came: the address is wrong, the network is down, or the service is."""


class WaitedTooLongError(ClientError):
    """What was waited for did not come in time."""


class UnreadableFileError(ClientError):
    """A file that is not there, cannot be read, or is neither CSV nor XLSX."""


class MissingPandasError(ClientError):
    """A method that returns a DataFrame was called where pandas is not installed."""


class ApiError(ClientError):
    """The service refused. `code` is stable; the text is the problem's `detail`."""

    def __init__(
        self, detail: str, *, status: int, code: str, request_id: str | None = None, faults: Sequence[str] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.faults = tuple(faults)


class SignInError(ApiError):
    """The token, name or password is not accepted."""


class UnavailableError(ApiError):
    """The service could not do it now, however often it was asked."""


def api_error(answer: httpx.Response) -> ApiError:
    """The error that an answer is. API Gateway's own answers and those of storage are no problem documents."""
    body = body_of(answer)
    status = answer.status_code
    detail = str(body.get("detail") or _SENTENCES.get(status) or f"The service answered with status {status}.")
    listed = body.get("errors")
    faults = [f"{fault['field']}: {fault['message']}" for fault in listed] if isinstance(listed, list) else []
    code = str(body.get("code") or _CODES.get(status, "unexpected_answer"))
    request_id = body.get("request_id") or answer.headers.get("apigw-requestid")
    kind = SignInError if status == 401 else UnavailableError if status in UNAVAILABLE_STATUSES else ApiError
    return kind(detail, status=status, code=code, request_id=request_id, faults=faults)


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object that an answer has; an empty one where it has none."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


# What the gateway refuses before the service sees it.
_CODES = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 413: "too_large", 429: "rate_limited"}
_SENTENCES = {
    401: "The access token is missing, expired or not valid here.",
    403: "This is not allowed.",
    404: "There is nothing at this address.",
    413: "This is too large for one request.",
    429: "The service has too many requests at the moment.",
    503: "The service is unavailable at the moment.",
}
