"""What can be wrong with a request before it reaches the domain.

RequestError
├── UnauthenticatedError    no token, or one that does not hold
├── ForbiddenError          a token that holds and does not entitle
└── ValidationError         parameters or a body of the wrong form

The domain's own are in `shared.jobs.errors`, those of a file in `shared.files.errors`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class RequestError(Exception):
    """Base of what a caller is told about a request."""

    code: ClassVar[str]


class UnauthenticatedError(RequestError):
    """The request has no token, or its token does not hold; never says which check failed."""

    code = "unauthenticated"

    def __init__(self, *, token_given: bool) -> None:
        super().__init__(
            "The access token is not valid. Sign in again."
            if token_given
            else "Send an access token in the Authorization header: `Bearer <token>`."
        )
        self.token_given = token_given


class ForbiddenError(RequestError):
    """The token holds, but gives no right to use this service."""

    code = "forbidden"


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one field; `field` is its path, such as `query.limit`. Never has the value."""

    field: str
    message: str
    code: str


class ValidationError(RequestError):
    """Parameters or a body of the wrong form."""

    code = "validation_error"

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        super().__init__("The request is not valid: see `errors`.")
        self.faults = tuple(faults)
