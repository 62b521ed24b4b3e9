"""Idempotency of requests with a key: each does its work once, and a repeat gets the first response.

A request claims its key before its work and stores its response after. A repeat gets that response. While the first
request is in progress a repeat is refused, and so is the same key with other content. A request that failed releases
its key. The claim of a crashed request lasts as long as the request could have run.
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
# Lambda ends a request after 29 seconds at most; the rest allows for clock skew.
IN_FLIGHT = timedelta(seconds=35)
# An item has at most 400 KB. Only scored rows can exceed that, and scoring them again changes nothing.
MAX_RESPONSE_BYTES = 350_000

# Namespace of the ids of jobs that requests with keys create (RFC 9562 §5.5).
_JOB_NAMESPACE = UUID("0d2f6d0e-1c55-5c64-8f0c-9b8e5f0a7c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """A successful response, as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The state of a key: its last claim, the content, and the response.

    `key` is a digest. `attempt` is the request that claimed it last, at `claimed_at`; `since` is the time of the first
    claim. `fingerprint` is None when the next request may have other content.
    """

    key: str
    fingerprint: str | None
    attempt: UUID
    since: datetime
    claimed_at: datetime
    in_flight: bool = True
    response: StoredResponse | None = None

    @property
    def expires_at(self) -> datetime:
        """Returns when the key becomes free."""
        return self.claimed_at + KEPT

    @property
    def job_id(self) -> UUID:
        """Returns the id of the job that the request creates: the same for every attempt with the same content."""
        return uuid5(_JOB_NAMESPACE, f"{self.key}\n{self.since.isoformat()}\n{self.fingerprint}")

    def may_be_at_work(self, now: datetime) -> bool:
        """Whether the request that claimed the key can still be running."""
        return self.in_flight and now < self.claimed_at + IN_FLIGHT


class IdempotencyKeys(Protocol):
    """Store of claims, one per key."""

    def claim(self, claim: Claim, *, over: Claim | None = None) -> Claim | None:
        """Stores a claim and returns None, or returns the existing claim of the key.

        A claim that has expired by `claimed_at` is replaced, and so is `over`, unless it got a response or a new
        attempt since.
        """

    def finish(self, claim: Claim) -> bool:
        """Stores the result of a claim. Returns False when another attempt has the key now."""


@dataclass(frozen=True, kw_only=True)
class Idempotency:
    """Lets each request with a key do its work once."""

    keys: IdempotencyKeys
    clock: Clock = utc_now
    new_attempt: Callable[[], UUID] = uuid4

    def begin(self, key: str, fingerprint: str) -> Claim:
        """Claims the key for this content. The returned claim has the `response` of an earlier request, if any.

        Raises `IdempotencyInFlightError` and `IdempotencyMismatchError`.
        """
        now = self.clock()
        claim = Claim(key=key, fingerprint=fingerprint, attempt=self.new_attempt(), since=now, claimed_at=now)
        known = self.keys.claim(claim)
        # It is this attempt's own claim when only the response to the write was lost and the write was repeated.
        if known is None or known.attempt == claim.attempt:
            return claim
        if known.may_be_at_work(now):
            raise IdempotencyInFlightError
        if known.fingerprint not in {None, fingerprint}:
            raise IdempotencyMismatchError
        if known.response is not None:
            return known
        claim = replace(claim, since=known.since)
        met = self.keys.claim(claim, over=known)
        if met is not None and met.attempt != claim.attempt:
            raise IdempotencyInFlightError
        return claim

    def keep(self, claim: Claim, response: StoredResponse) -> None:
        """Stores the response for repeats. If it is too large, a repeat does the work again."""
        has_room = len(response.body) <= MAX_RESPONSE_BYTES
        self._finish(replace(claim, in_flight=False, response=response if has_room else None))

    def release(self, claim: Claim) -> None:
        """Releases the key, for the same or corrected content."""
        self._finish(replace(claim, in_flight=False, fingerprint=None))

    def _finish(self, claim: Claim) -> None:
        try:
            if not self.keys.finish(claim):
                logger.warning("Another request has claimed the idempotency key")
        except UnavailableError:
            # The caller still gets the response of the work that was done. The claim expires.
            logger.warning("The response could not be stored for repeats of the request")


def request_key(caller: Caller, *, method: str, path: str, key: str) -> str:
    """Returns the digest of a caller's key for this request; the key itself is not stored."""
    # Ids in a path may be written in capitals.
    parts = [caller.user_id, caller.organization_id, method, path.lower(), key]
    return sha256(json.dumps(parts).encode()).hexdigest()
