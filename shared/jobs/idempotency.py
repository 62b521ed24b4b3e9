"""A request that carries a key does its work once: who may do it, and what a repeat of it is answered.

A request claims its key before it works and keeps its answer after. A repeat is given that answer; while the first is
still at work it is refused, and so is another content under the same key. What was refused or failed gives its key
free. A claim whose holder died holds for as long as the holder could have lived.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol
from uuid import UUID, uuid4, uuid5

from shared.jobs.access import Caller
from shared.jobs.errors import IdempotencyInFlightError, IdempotencyMismatchError, UnavailableError
from shared.jobs.job import utc_now
from shared.jobs.ports import Clock

logger = logging.getLogger(__name__)

# How long a key is honored.
KEPT = timedelta(hours=24)
# A request lives 29 seconds at most, for then its function is ended; the rest is for clocks that differ.
IN_FLIGHT = timedelta(seconds=35)
# A table's item has 400 KB. Only scored rows can be more, and scoring them again changes nothing.
MAX_ANSWER_BYTES = 350_000

# The namespace of ids of jobs made by requests with keys (RFC 9562 §5.5 asks for one of our own).
_JOB_NAMESPACE = UUID("0d2f6d0e-1c55-5c64-8f0c-9b8e5f0a7c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A successful answer, as it was given."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is known of a key: who claimed it last, for which content, and what came of it.

    `key` is a digest. `attempt` is the request that claimed it last, at `claimed_at`; `since` is when it was claimed
    first. There is no `fingerprint` where the content may be another one next time.
    """

    key: str
    fingerprint: str | None
    attempt: UUID
    since: datetime
    claimed_at: datetime
    in_flight: bool = True
    answer: Answer | None = None

    @property
    def expires_at(self) -> datetime:
        """From when on the key is as good as new."""
        return self.claimed_at + KEPT

    @property
    def job_id(self) -> UUID:
        """The id of the job that the request makes: the same for every attempt at the same content."""
        return uuid5(_JOB_NAMESPACE, f"{self.key}\n{self.since.isoformat()}\n{self.fingerprint}")

    def may_be_at_work(self, now: datetime) -> bool:
        """Whether the request that claimed the key can still be alive."""
        return self.in_flight and now < self.claimed_at + IN_FLIGHT


class IdempotencyKeys(Protocol):
    """Where claims are stored, one a key."""

    def claim(self, claim: Claim, *, over: Claim | None = None) -> Claim | None:
        """Store a claim, unless the key has one; the one it has then, else None.

        One that has expired by `claimed_at` counts as none, and so does `over` unless answered or taken over since.
        """

    def finish(self, claim: Claim) -> bool:
        """Store what came of a claim; False when another attempt has the key now."""


@dataclass(frozen=True, kw_only=True)
class Idempotency:
    """Lets each request with a key do its work once."""

    keys: IdempotencyKeys
    clock: Clock = utc_now
    new_attempt: Callable[[], UUID] = uuid4

    def begin(self, key: str, fingerprint: str) -> Claim:
        """Claim the key for this content. The claim has an `answer` when the request was answered before.

        Raises `IdempotencyInFlightError` and `IdempotencyMismatchError`.
        """
        now = self.clock()
        claim = Claim(key=key, fingerprint=fingerprint, attempt=self.new_attempt(), since=now, claimed_at=now)
        known = self.keys.claim(claim)
        # Our own, when only the answer to the write was lost and the write was made again.
        if known is None or known.attempt == claim.attempt:
            return claim
        if known.may_be_at_work(now):
            raise IdempotencyInFlightError
        if known.fingerprint not in {None, fingerprint}:
            raise IdempotencyMismatchError
        if known.answer is not None:
            return known
        claim = replace(claim, since=known.since)
        met = self.keys.claim(claim, over=known)
        if met is not None and met.attempt != claim.attempt:
            raise IdempotencyInFlightError
        return claim

    def keep(self, claim: Claim, answer: Answer) -> None:
        """Keep the answer for repeats. Without room for it, the same content is worked on again."""
        has_room = len(answer.body) <= MAX_ANSWER_BYTES
        self._finish(replace(claim, in_flight=False, answer=answer if has_room else None))

    def release(self, claim: Claim) -> None:
        """Give the key free, for the same content or a corrected one."""
        self._finish(replace(claim, in_flight=False, fingerprint=None))

    def _finish(self, claim: Claim) -> None:
        try:
            if not self.keys.finish(claim):
                logger.warning("A request outlived its claim on its key")
        except UnavailableError:
            # What was done is done, and is what the caller hears of. The claim ends by itself.
            logger.warning("What came of a request could not be kept for its repeats")


def request_key(caller: Caller, *, method: str, path: str, key: str) -> str:
    """The digest under which a caller's key for this request is known; the key itself is stored nowhere."""
    # Ids in a path may be written in capitals.
    parts = [caller.user_id, caller.organization_id, method, path.lower(), key]
    return sha256(json.dumps(parts).encode()).hexdigest()
