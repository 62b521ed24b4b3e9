"""Keys of requests: one piece of work for each, whatever fails."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.errors import IdempotencyInFlightError, IdempotencyMismatchError, UnavailableError
from shared.jobs.idempotency import IN_FLIGHT, KEPT, MAX_ANSWER_BYTES, Answer, Claim, Idempotency, request_key
from tests.builders import a_caller
from tests.fakes import FakeIdempotencyKeys, SettableClock

ANSWER = Answer(status=202, headers={}, body=b"{}")
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def keys() -> FakeIdempotencyKeys:
    return FakeIdempotencyKeys()


@pytest.fixture
def idempotency(keys: FakeIdempotencyKeys, clock: SettableClock) -> Idempotency:
    return Idempotency(keys=keys, clock=clock)


def test_the_first_works_and_a_repeat_has_its_answer(idempotency: Idempotency) -> None:
    claim = idempotency.begin("k", "content")
    assert claim.answer is None
    idempotency.keep(claim, ANSWER)
    assert idempotency.begin("k", "content").answer == ANSWER
    assert idempotency.begin("another", "content").answer is None


def test_a_key_is_honoured_for_a_day_and_then_as_good_as_new(idempotency: Idempotency, clock: SettableClock) -> None:
    first = idempotency.begin("k", "content")
    idempotency.keep(first, ANSWER)
    clock.advance(KEPT - MOMENT)
    assert idempotency.begin("k", "content").answer == ANSWER
    clock.advance(MOMENT)
    again = idempotency.begin("k", "other content")
    assert again.answer is None
    idempotency.release(again)
    # The job of the day before is another one.
    assert idempotency.begin("k", "content").job_id != first.job_id


@pytest.mark.parametrize("content", ["content", "other content"])
def test_while_the_first_is_at_work_every_other_is_refused(
    idempotency: Idempotency, clock: SettableClock, content: str
) -> None:
    idempotency.begin("k", "content")
    clock.advance(IN_FLIGHT - MOMENT)
    with pytest.raises(IdempotencyInFlightError):
        idempotency.begin("k", content)


def test_another_content_is_refused_once_the_first_was_answered(idempotency: Idempotency) -> None:
    idempotency.keep(idempotency.begin("k", "content"), ANSWER)
    with pytest.raises(IdempotencyMismatchError):
        idempotency.begin("k", "other content")


def test_who_died_at_work_holds_the_key_no_longer_than_it_could_live(
    idempotency: Idempotency, clock: SettableClock
) -> None:
    dead = idempotency.begin("k", "content")
    clock.advance(IN_FLIGHT)
    # It may have done its work, so another content is still another one.
    with pytest.raises(IdempotencyMismatchError):
        idempotency.begin("k", "other content")
    second = idempotency.begin("k", "content")
    assert second.job_id == dead.job_id
    with pytest.raises(IdempotencyInFlightError):
        idempotency.begin("k", "content")


def test_who_outlives_its_claim_changes_nothing_for_the_next(idempotency: Idempotency, clock: SettableClock) -> None:
    slow = idempotency.begin("k", "content")
    clock.advance(IN_FLIGHT)
    second = idempotency.begin("k", "content")
    idempotency.release(slow)
    with pytest.raises(IdempotencyInFlightError):
        idempotency.begin("k", "content")
    idempotency.keep(second, ANSWER)
    idempotency.keep(slow, replace(ANSWER, body=b"late"))
    assert idempotency.begin("k", "content").answer == ANSWER


def test_what_failed_leaves_the_key_for_the_same_content_and_for_a_corrected_one(idempotency: Idempotency) -> None:
    failed = idempotency.begin("k", "content")
    idempotency.release(failed)
    corrected = idempotency.begin("k", "corrected")
    assert corrected.job_id != failed.job_id
    idempotency.release(corrected)
    # What the failed one may have made is met again.
    assert idempotency.begin("k", "content").job_id == failed.job_id


def test_an_answer_without_room_is_worked_out_again_but_for_the_same_content_only(idempotency: Idempotency) -> None:
    idempotency.keep(idempotency.begin("k", "content"), replace(ANSWER, body=b"x" * (MAX_ANSWER_BYTES + 1)))
    with pytest.raises(IdempotencyMismatchError):
        idempotency.begin("k", "other content")
    again = idempotency.begin("k", "content")
    assert again.answer is None
    idempotency.keep(again, replace(ANSWER, body=b"x" * MAX_ANSWER_BYTES))
    assert idempotency.begin("k", "content").answer is not None


class LosingAnswers(FakeIdempotencyKeys):
    """Keys whose writes are all made twice, as when the answer to the first is lost."""

    def claim(self, claim: Claim, *, over: Claim | None = None) -> Claim | None:
        super().claim(claim, over=over)
        return super().claim(claim, over=over)

    def finish(self, claim: Claim) -> bool:
        super().finish(claim)
        return super().finish(claim)


def test_a_write_whose_answer_was_lost_is_not_taken_for_another_request(clock: SettableClock) -> None:
    idempotency = Idempotency(keys=LosingAnswers(), clock=clock)
    idempotency.release(idempotency.begin("k", "content"))
    claim = idempotency.begin("k", "content")
    idempotency.keep(claim, ANSWER)
    assert idempotency.begin("k", "content").answer == ANSWER


class TakenOverFirst(FakeIdempotencyKeys):
    """Keys of which another request takes over every one that is free, between a request's look and its write."""

    def claim(self, claim: Claim, *, over: Claim | None = None) -> Claim | None:
        if over is not None:
            super().claim(replace(claim, attempt=uuid4()), over=over)
        return super().claim(claim, over=over)


def test_of_two_that_take_over_a_key_at_once_one_works(clock: SettableClock) -> None:
    idempotency = Idempotency(keys=TakenOverFirst(), clock=clock)
    idempotency.release(idempotency.begin("k", "content"))
    with pytest.raises(IdempotencyInFlightError):
        idempotency.begin("k", "content")


def test_work_that_was_done_is_no_failure_when_its_answer_cannot_be_kept(
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
        idempotency.keep(claim, ANSWER)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    clock.advance(IN_FLIGHT)
    assert idempotency.begin("k", "content").job_id == claim.job_id


def test_keys_of_different_callers_and_requests_are_different_and_none_is_stored() -> None:
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
class Life:
    """Requests with one key after each other, against what anyone may expect of them."""

    clock: SettableClock = field(default_factory=SettableClock)
    answered: dict[UUID, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.idempotency = Idempotency(keys=FakeIdempotencyKeys(), clock=self.clock)
        self.at_work: list[Claim] = []

    def request(self, content: str) -> None:
        try:
            claim = self.idempotency.begin("k", content)
        except IdempotencyInFlightError:
            assert any(claim.may_be_at_work(self.clock()) for claim in self.at_work)
        except IdempotencyMismatchError:
            assert all(not claim.may_be_at_work(self.clock()) for claim in self.at_work)
        else:
            if claim.answer is not None:
                # Never the answer to another content.
                assert claim.answer.body == f"{content} {claim.job_id}".encode()
            else:
                assert not any(claim.may_be_at_work(self.clock()) for claim in self.at_work)
                self.at_work.append(claim)

    def finish(self, *, well: bool) -> None:
        if not self.at_work:
            return
        claim = self.at_work.pop(0)
        if not well:
            self.idempotency.release(claim)
            return
        # All jobs of one content within a day are the same job.
        same = [job for job, content in self.answered.items() if content == claim.fingerprint]
        assert not same or same == [claim.job_id]
        self.answered[claim.job_id] = str(claim.fingerprint)
        self.idempotency.keep(claim, replace(ANSWER, body=f"{claim.fingerprint} {claim.job_id}".encode()))

    def crash(self) -> None:
        if self.at_work:
            del self.at_work[0]
            self.clock.advance(IN_FLIGHT)


@given(st.lists(st.sampled_from(["a", "a", "b", "well", "badly", "crash", "late"]), max_size=30))
def test_in_any_order_of_events_a_content_has_one_job_and_its_own_answer(steps: list[str]) -> None:
    life = Life()
    for step in steps:
        match step:
            case "well" | "badly":
                life.finish(well=step == "well")
            case "crash":
                life.crash()
            case "late":
                life.clock.advance(IN_FLIGHT)
            case content:
                life.request(content)
