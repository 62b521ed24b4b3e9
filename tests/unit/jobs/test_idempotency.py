"""Idempotency keys: one piece of work per key, whatever fails."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.errors import IdempotencyInFlightError, IdempotencyMismatchError, UnavailableError
from shared.jobs.idempotency import IN_FLIGHT, KEPT, MAX_RESPONSE_BYTES, Claim, Idempotency, StoredResponse, request_key
from tests.builders import a_caller
from tests.fakes import FakeIdempotencyKeys, SettableClock

RESPONSE = StoredResponse(status=202, headers={}, body=b"{}")
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def keys() -> FakeIdempotencyKeys:
    return FakeIdempotencyKeys()


@pytest.fixture
def idempotency(keys: FakeIdempotencyKeys, clock: SettableClock) -> Idempotency:
    return Idempotency(keys=keys, clock=clock)


def test_repeated_request_gets_the_response_of_the_first(idempotency: Idempotency) -> None:
    claim = idempotency.begin("k", "content")
    assert claim.response is None
    idempotency.keep(claim, RESPONSE)
    assert idempotency.begin("k", "content").response == RESPONSE
    assert idempotency.begin("another", "content").response is None


def test_key_is_honored_for_a_day_and_free_afterwards(idempotency: Idempotency, clock: SettableClock) -> None:
    first = idempotency.begin("k", "content")
    idempotency.keep(first, RESPONSE)
    clock.advance(KEPT - MOMENT)
    assert idempotency.begin("k", "content").response == RESPONSE
    clock.advance(MOMENT)
    again = idempotency.begin("k", "other content")
    assert again.response is None
    idempotency.release(again)
    # The job of the day before is a different one.
    assert idempotency.begin("k", "content").job_id != first.job_id


@pytest.mark.parametrize("content", ["content", "other content"])
def test_request_is_refused_while_the_first_is_in_flight(
    idempotency: Idempotency, clock: SettableClock, content: str
) -> None:
    idempotency.begin("k", "content")
    clock.advance(IN_FLIGHT - MOMENT)
    with pytest.raises(IdempotencyInFlightError):
        idempotency.begin("k", content)


def test_different_content_is_refused_after_the_first_response(idempotency: Idempotency) -> None:
    idempotency.keep(idempotency.begin("k", "content"), RESPONSE)
    with pytest.raises(IdempotencyMismatchError):
        idempotency.begin("k", "other content")


def test_key_of_a_crashed_request_is_free_after_the_in_flight_period(
    idempotency: Idempotency, clock: SettableClock
) -> None:
    dead = idempotency.begin("k", "content")
    clock.advance(IN_FLIGHT)
    # The crashed request may have done its work, so different content is still refused.
    with pytest.raises(IdempotencyMismatchError):
        idempotency.begin("k", "other content")
    second = idempotency.begin("k", "content")
    assert second.job_id == dead.job_id
    with pytest.raises(IdempotencyInFlightError):
        idempotency.begin("k", "content")


def test_request_that_outlives_its_claim_does_not_affect_the_next(
    idempotency: Idempotency, clock: SettableClock
) -> None:
    slow = idempotency.begin("k", "content")
    clock.advance(IN_FLIGHT)
    second = idempotency.begin("k", "content")
    idempotency.release(slow)
    with pytest.raises(IdempotencyInFlightError):
        idempotency.begin("k", "content")
    idempotency.keep(second, RESPONSE)
    idempotency.keep(slow, replace(RESPONSE, body=b"late"))
    assert idempotency.begin("k", "content").response == RESPONSE


def test_failed_request_frees_the_key_for_the_same_and_for_corrected_content(idempotency: Idempotency) -> None:
    failed = idempotency.begin("k", "content")
    idempotency.release(failed)
    corrected = idempotency.begin("k", "corrected")
    assert corrected.job_id != failed.job_id
    idempotency.release(corrected)
    # The job that the failed request may have made is found again.
    assert idempotency.begin("k", "content").job_id == failed.job_id


def test_request_with_a_too_large_response_runs_again_for_the_same_content(idempotency: Idempotency) -> None:
    idempotency.keep(idempotency.begin("k", "content"), replace(RESPONSE, body=b"x" * (MAX_RESPONSE_BYTES + 1)))
    with pytest.raises(IdempotencyMismatchError):
        idempotency.begin("k", "other content")
    again = idempotency.begin("k", "content")
    assert again.response is None
    idempotency.keep(again, replace(RESPONSE, body=b"x" * MAX_RESPONSE_BYTES))
    assert idempotency.begin("k", "content").response is not None


class LosingResponses(FakeIdempotencyKeys):
    """Keys whose writes are all made twice, as when the response to the first is lost."""

    def claim(self, claim: Claim, *, over: Claim | None = None) -> Claim | None:
        super().claim(claim, over=over)
        return super().claim(claim, over=over)

    def finish(self, claim: Claim) -> bool:
        super().finish(claim)
        return super().finish(claim)


def test_repeated_write_whose_response_was_lost_is_recognized(clock: SettableClock) -> None:
    idempotency = Idempotency(keys=LosingResponses(), clock=clock)
    idempotency.release(idempotency.begin("k", "content"))
    claim = idempotency.begin("k", "content")
    idempotency.keep(claim, RESPONSE)
    assert idempotency.begin("k", "content").response == RESPONSE


class TakenOverFirst(FakeIdempotencyKeys):
    """Keys of which another request claims every free one between a request's read and its write."""

    def claim(self, claim: Claim, *, over: Claim | None = None) -> Claim | None:
        if over is not None:
            super().claim(replace(claim, attempt=uuid4()), over=over)
        return super().claim(claim, over=over)


def test_only_one_of_two_concurrent_claims_of_a_free_key_succeeds(clock: SettableClock) -> None:
    idempotency = Idempotency(keys=TakenOverFirst(), clock=clock)
    idempotency.release(idempotency.begin("k", "content"))
    with pytest.raises(IdempotencyInFlightError):
        idempotency.begin("k", "content")


def test_request_succeeds_even_if_its_response_cannot_be_stored(
    idempotency: Idempotency,
    keys: FakeIdempotencyKeys,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def down(_: Claim) -> bool:
        raise UnavailableError

    claim = idempotency.begin("k", "content")
    with monkeypatch.context() as patched:
        patched.setattr(keys, "finish", down)
        idempotency.keep(claim, RESPONSE)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    clock.advance(IN_FLIGHT)
    assert idempotency.begin("k", "content").job_id == claim.job_id


def test_digests_differ_by_caller_and_request_and_do_not_contain_the_key() -> None:
    own = {"method": "POST", "path": "/jobs/1/cancel", "key": "secret"}
    digests = [
        request_key(a_caller(), **own),
        request_key(a_caller(user_id="user-2"), **own),
        request_key(a_caller(organization_id=None), **own),
        request_key(a_caller(organization_id="rival"), **own),
        request_key(a_caller(user_id='user-1", "acme'), **own),
        request_key(a_caller(), **{**own, "path": "/jobs/2/cancel"}),
        request_key(a_caller(), **{**own, "key": "Secret"}),
    ]
    assert len(set(digests)) == len(digests)
    assert not any("secret" in digest for digest in digests)
    assert request_key(a_caller(), **{**own, "path": "/JOBS/1/cancel"}) == digests[0]


@dataclass
class KeyModel:
    """Requests with one key after each other, checked against what callers may expect."""

    clock: SettableClock = field(default_factory=SettableClock)
    responded: dict[UUID, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.idempotency = Idempotency(keys=FakeIdempotencyKeys(), clock=self.clock)
        self.in_flight: list[Claim] = []

    def request(self, content: str) -> None:
        try:
            claim = self.idempotency.begin("k", content)
        except IdempotencyInFlightError:
            assert any(claim.may_be_at_work(self.clock()) for claim in self.in_flight)
        except IdempotencyMismatchError:
            assert all(not claim.may_be_at_work(self.clock()) for claim in self.in_flight)
        else:
            if claim.response is not None:
                # Never the response to different content.
                assert claim.response.body == f"{content} {claim.job_id}".encode()
            else:
                assert not any(claim.may_be_at_work(self.clock()) for claim in self.in_flight)
                self.in_flight.append(claim)

    def finish(self, *, well: bool) -> None:
        if not self.in_flight:
            return
        claim = self.in_flight.pop(0)
        if not well:
            self.idempotency.release(claim)
            return
        # All jobs of one content within a day are the same job.
        same = [job for job, content in self.responded.items() if content == claim.fingerprint]
        assert not same or same == [claim.job_id]
        self.responded[claim.job_id] = str(claim.fingerprint)
        self.idempotency.keep(claim, replace(RESPONSE, body=f"{claim.fingerprint} {claim.job_id}".encode()))

    def crash(self) -> None:
        if self.in_flight:
            del self.in_flight[0]
            self.clock.advance(IN_FLIGHT)


@given(st.lists(st.sampled_from(["a", "a", "b", "well", "badly", "crash", "late"]), max_size=30))
def test_each_content_has_one_job_and_its_own_response_in_any_order(steps: list[str]) -> None:
    model = KeyModel()
    for step in steps:
        match step:
            case "well" | "badly":
                model.finish(well=step == "well")
            case "crash":
                model.crash()
            case "late":
                model.clock.advance(IN_FLIGHT)
            case content:
                model.request(content)
