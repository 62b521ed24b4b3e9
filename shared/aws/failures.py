"""Translates errors of botocore into errors of the domain."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from shared.jobs.errors import RateLimitedError, UnavailableError

T = TypeVar("T")

# botocore retries throttling and lost connections, but not conflicts of two transactions.
_CONFLICT_ATTEMPTS = 8
_CONFLICT_CODES = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        # As reasons of a cancelled transaction, where botocore does not see throttling.
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
    }
)
_THROTTLED_CODES = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_UNAVAILABLE_CODES = frozenset(
    {
        "InternalServerError",
        "InternalFailure",
        "InternalError",
        "RequestTimeout",
        "ServiceUnavailable",
        "TransactionInProgressException",
    }
)


class RefusedWriteError(Exception):
    """The condition of a write did not hold. `item` is the item at that time, if the write requested it."""

    def __init__(self, item: dict[str, Any] | None) -> None:
        super().__init__("condition not met")
        self.item = item


def code_of(error: ClientError) -> str:
    """Returns the code of the error."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translated() -> Iterator[None]:
    """Raises `UnavailableError` for a dependency that does not respond; other errors pass unchanged.

    One that still throttles after botocore's own attempts is `RateLimitedError`, which is an `UnavailableError` too.
    """
    try:
        yield
    except ClientError as error:
        if _is_throttled(error):
            raise RateLimitedError from error
        if _is_unavailable(error):
            raise UnavailableError from error
        raise
    except BotoCoreError as error:
        raise UnavailableError from error


def conditional(call: Callable[[], T]) -> T:
    """Makes a conditional write. Raises `RefusedWriteError` for a refused condition; retries conflicts."""
    for attempt in range(1, _CONFLICT_ATTEMPTS + 1):
        try:
            with translated():
                return call()
        except ClientError as error:
            if _is_refused(error):
                raise RefusedWriteError(_refused_item(error)) from error
            if not _is_conflict(error):
                raise
            if attempt == _CONFLICT_ATTEMPTS:
                raise _given_up(error) from error
            pause(attempt)
    raise AssertionError("unreachable")


def pause(attempt: int) -> None:
    """Waits before the next attempt, with full jitter, so that callers in conflict do not meet again."""
    time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311


def _reasons(error: ClientError) -> list[dict[str, Any]]:
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return reasons


def _given_up(error: ClientError) -> UnavailableError:
    throttled = any(reason.get("Code") in _THROTTLED_CODES for reason in _reasons(error))
    return RateLimitedError() if throttled else UnavailableError()


def _is_throttled(error: ClientError) -> bool:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 429 or code_of(error) in _THROTTLED_CODES


def _is_unavailable(error: ClientError) -> bool:
    # An answer to a HEAD has no body, and so its status for a code.
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code_of(error) in _UNAVAILABLE_CODES or status >= 500


def _is_refused(error: ClientError) -> bool:
    if code_of(error) == "ConditionalCheckFailedException":
        return True
    codes = [reason.get("Code") for reason in _reasons(error)]
    return "ConditionalCheckFailed" in codes


def _is_conflict(error: ClientError) -> bool:
    if code_of(error) in _CONFLICT_CODES:
        return True
    return any(reason.get("Code") in _CONFLICT_CODES for reason in _reasons(error))


def _refused_item(error: ClientError) -> dict[str, Any] | None:
    item: dict[str, Any] | None = error.response.get("Item")  # type: ignore[assignment]
    return item
