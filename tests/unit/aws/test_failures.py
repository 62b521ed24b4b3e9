"""Errors of botocore translated to errors of the domain, and retries of conflicting writes."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from shared.aws.failures import RefusedWriteError, code_of, conditional, translated
from shared.jobs.errors import RateLimitedError, UnavailableError


def client_error(code: str, *, status: int = 400, **response: Any) -> ClientError:
    error_response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **response}
    return ClientError(error_response, "Operation")


def cancelled(*codes: str) -> ClientError:
    return client_error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


CONFLICTS = [
    client_error("TransactionConflictException"),
    cancelled("None", "TransactionConflict"),
    cancelled("ThrottlingError", "None"),
    cancelled("ProvisionedThroughputExceeded"),
]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


class Attempts:
    """A call that fails with these errors, one after the other, and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.made = 0
        self._errors: Iterator[Exception] = iter(errors)

    def __call__(self) -> str:
        self.made += 1
        for error in self._errors:
            raise error
        return "done"


@pytest.mark.hazard("Throttling, conflicts, timeouts, half a body from S3")
@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),
        client_error("ProvisionedThroughputExceededException"),
        client_error("SlowDown", status=503),
        client_error("InternalServerError", status=500),
        # The response to HEAD has no body, so the code of its error is the status.
        client_error("503", status=503),
        client_error("500", status=500),
        client_error("SomethingNew", status=502),
        client_error("429", status=429),
        EndpointConnectionError(endpoint_url="https://x"),
        ReadTimeoutError(endpoint_url="https://x"),
    ],
)
def test_outage_or_throttling_of_a_dependency_raises_unavailable(error: Exception) -> None:
    with pytest.raises(UnavailableError) as raised, translated():
        raise error
    assert raised.value.__cause__ is error


THROTTLED = [
    client_error("ThrottlingException"),
    client_error("ProvisionedThroughputExceededException"),
    client_error("TooManyRequestsException", status=429),
    client_error("SlowDown", status=503),
    client_error("429", status=429),
]


@pytest.mark.parametrize("error", THROTTLED)
def test_throttling_after_the_retries_of_botocore_raises_rate_limited(error: Exception) -> None:
    with pytest.raises(RateLimitedError), translated():
        raise error


def test_outage_does_not_raise_rate_limited() -> None:
    for error in (client_error("InternalServerError", status=500), EndpointConnectionError(endpoint_url="https://x")):
        with pytest.raises(UnavailableError) as raised, translated():
            raise error
        assert not isinstance(raised.value, RateLimitedError)


def test_write_that_stays_throttled_raises_rate_limited(waits: list[float]) -> None:
    with pytest.raises(RateLimitedError):
        conditional(Attempts(*[cancelled("ThrottlingError")] * 100))
    assert waits


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "NoSuchKey", "404"])
def test_any_other_error_is_not_translated(code: str) -> None:
    with pytest.raises(ClientError) as raised, translated():
        raise client_error(code)
    assert code_of(raised.value) == code


def test_refused_condition_includes_the_item_and_is_not_retried(waits: list[float]) -> None:
    call = Attempts(client_error("ConditionalCheckFailedException", Item={"pk": {"S": "x"}}))
    with pytest.raises(RefusedWriteError) as refused:
        conditional(call)
    assert refused.value.item == {"pk": {"S": "x"}}
    assert (call.made, waits) == (1, [])


def test_transaction_with_a_refused_condition_and_a_conflict_is_refused(waits: list[float]) -> None:
    call = Attempts(cancelled("TransactionConflict", "ConditionalCheckFailed"))
    with pytest.raises(RefusedWriteError):
        conditional(call)
    assert (call.made, waits) == (1, [])


@pytest.mark.hazard("Throttling, conflicts, timeouts, half a body from S3")
@pytest.mark.parametrize("error", CONFLICTS)
def test_conflicting_write_is_retried_after_a_pause(error: ClientError, waits: list[float]) -> None:
    call = Attempts(error, error, error)
    assert conditional(call) == "done"
    assert call.made == 4
    assert len(waits) == 3
    assert all(0 <= wait <= 10 for wait in waits)


@pytest.mark.hazard("Throttling, conflicts, timeouts, half a body from S3")
@pytest.mark.parametrize("error", CONFLICTS)
def test_write_that_keeps_conflicting_raises_unavailable(error: ClientError, waits: list[float]) -> None:
    call = Attempts(*[error] * 100)
    with pytest.raises(UnavailableError):
        conditional(call)
    assert call.made <= 10
    assert sum(waits) < 30


def test_error_in_our_request_is_neither_hidden_nor_retried(waits: list[float]) -> None:
    for error in (client_error("ValidationException"), cancelled("ValidationError", "None")):
        call = Attempts(error)
        with pytest.raises(ClientError):
            conditional(call)
        assert (call.made, waits) == (1, [])
