"""botocore's errors in the domain's words, and what is tried again."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from shared.aws.failures import RefusedWriteError, code_of, conditional, translated
from shared.jobs.errors import RateLimitedError, UnavailableError


def client_error(code: str, *, status: int = 400, **response: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **response}
    return ClientError(answer, "Operation")


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
        # A HEAD has no body, so its error has the status for a code.
        client_error("503", status=503),
        client_error("500", status=500),
        client_error("SomethingNew", status=502),
        client_error("429", status=429),
        EndpointConnectionError(endpoint_url="https://x"),
        ReadTimeoutError(endpoint_url="https://x"),
    ],
)
def test_a_dependency_that_does_not_answer_is_unavailable(error: Exception) -> None:
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
def test_a_dependency_that_still_throttles_after_botocores_attempts_is_too_busy(error: Exception) -> None:
    with pytest.raises(RateLimitedError), translated():
        raise error


def test_an_outage_is_no_throttling() -> None:
    for error in (client_error("InternalServerError", status=500), EndpointConnectionError(endpoint_url="https://x")):
        with pytest.raises(UnavailableError) as raised, translated():
            raise error
        assert not isinstance(raised.value, RateLimitedError)


def test_writes_that_stay_throttled_are_too_many(waits: list[float]) -> None:
    with pytest.raises(RateLimitedError):
        conditional(Attempts(*[cancelled("ThrottlingError")] * 100))
    assert waits


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "NoSuchKey", "404"])
def test_every_other_error_passes_as_it_is(code: str) -> None:
    with pytest.raises(ClientError) as raised, translated():
        raise client_error(code)
    assert code_of(raised.value) == code


def test_a_refused_condition_carries_the_item_and_is_not_tried_again(waits: list[float]) -> None:
    call = Attempts(client_error("ConditionalCheckFailedException", Item={"pk": {"S": "x"}}))
    with pytest.raises(RefusedWriteError) as refused:
        conditional(call)
    assert refused.value.item == {"pk": {"S": "x"}}
    assert (call.made, waits) == (1, [])


def test_a_transaction_with_one_refused_condition_is_refused_whatever_else_met_it(waits: list[float]) -> None:
    call = Attempts(cancelled("TransactionConflict", "ConditionalCheckFailed"))
    with pytest.raises(RefusedWriteError):
        conditional(call)
    assert (call.made, waits) == (1, [])


@pytest.mark.hazard("Throttling, conflicts, timeouts, half a body from S3")
@pytest.mark.parametrize("error", CONFLICTS)
def test_writes_that_met_are_tried_again_after_a_pause(error: ClientError, waits: list[float]) -> None:
    call = Attempts(error, error, error)
    assert conditional(call) == "done"
    assert call.made == 4
    assert len(waits) == 3
    assert all(0 <= wait <= 10 for wait in waits)


@pytest.mark.hazard("Throttling, conflicts, timeouts, half a body from S3")
@pytest.mark.parametrize("error", CONFLICTS)
def test_writes_that_keep_meeting_are_given_up(error: ClientError, waits: list[float]) -> None:
    call = Attempts(*[error] * 100)
    with pytest.raises(UnavailableError):
        conditional(call)
    assert call.made <= 10
    assert sum(waits) < 30


def test_a_fault_of_ours_is_neither_hidden_nor_tried_again(waits: list[float]) -> None:
    for error in (client_error("ValidationException"), cancelled("ValidationError", "None")):
        call = Attempts(error)
        with pytest.raises(ClientError):
            conditional(call)
        assert (call.made, waits) == (1, [])
