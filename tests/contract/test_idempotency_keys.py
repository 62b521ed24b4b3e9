"""Contract of `IdempotencyKeys`."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from moto import mock_aws

from shared.aws import clients
from shared.aws.idempotency_keys import StoredKeys
from shared.aws.table_keys import decode
from shared.jobs.idempotency import IN_FLIGHT, KEPT, MAX_RESPONSE_BYTES, IdempotencyKeys, StoredResponse
from tests.aws_resources import TABLE, create_table
from tests.builders import NOON, a_claim
from tests.fakes import FakeIdempotencyKeys

RESPONSE = StoredResponse(
    status=202, headers={"location": "/jobs/1", "content-type": "application/json"}, body=b'{"\xc3\xa9":1}'
)


@pytest.fixture
def table() -> Iterator[StoredKeys]:
    with mock_aws():
        create_table()
        yield StoredKeys(client=clients.dynamodb, table=TABLE)


@pytest.fixture(params=["fake", "moto"])
def keys(request: pytest.FixtureRequest) -> IdempotencyKeys:
    stored: IdempotencyKeys = FakeIdempotencyKeys() if request.param == "fake" else request.getfixturevalue("table")
    return stored


def test_second_claim_of_a_key_returns_the_first(keys: IdempotencyKeys) -> None:
    first = a_claim()
    assert keys.claim(first) is None
    assert keys.claim(a_claim()) == first
    assert keys.claim(a_claim(key="another")) is None


@pytest.mark.parametrize(
    "result",
    [
        {"response": RESPONSE},
        {"response": None},
        {"fingerprint": None},
        {"response": replace(RESPONSE, body=b"", headers={})},
    ],
)
def test_finished_claim_is_read_as_it_was_stored(keys: IdempotencyKeys, result: dict[str, Any]) -> None:
    claim = a_claim(since=NOON - timedelta(seconds=0.25))
    keys.claim(claim)
    finished = replace(claim, in_flight=False, **result)
    assert keys.finish(finished)
    # Repeated, as after a lost response.
    assert keys.finish(finished)
    assert keys.claim(a_claim(claimed_at=NOON + KEPT - timedelta(seconds=1))) == finished


def test_expired_claim_does_not_block_its_key(keys: IdempotencyKeys) -> None:
    claim = a_claim()
    keys.claim(claim)
    keys.finish(replace(claim, in_flight=False, response=RESPONSE))
    later = a_claim(since=NOON + KEPT, claimed_at=NOON + KEPT)
    assert keys.claim(later) is None
    assert keys.claim(a_claim(claimed_at=NOON + KEPT)) == later


@pytest.mark.parametrize("is_released", [True, False])
def test_unchanged_claim_is_taken_over_by_one_request_only(keys: IdempotencyKeys, is_released: bool) -> None:  # noqa: FBT001 - both ways
    read = a_claim()
    keys.claim(read)
    if is_released:
        read = replace(read, in_flight=False, fingerprint=None)
        assert keys.finish(read)
    mine, theirs = (a_claim(claimed_at=NOON + IN_FLIGHT) for _ in range(2))
    assert keys.claim(mine, over=read) is None
    assert keys.claim(theirs, over=read) == mine
    assert not keys.finish(replace(read, in_flight=False, response=RESPONSE))
    assert keys.claim(theirs) == mine


def test_claim_changed_since_it_was_read_is_not_taken_over(keys: IdempotencyKeys) -> None:
    read = a_claim()
    keys.claim(read)
    finished = replace(read, in_flight=False, response=RESPONSE)
    keys.finish(finished)
    for seen in (read, replace(read, in_flight=False)):
        assert keys.claim(a_claim(claimed_at=NOON + IN_FLIGHT), over=seen) == finished


def test_unclaimed_key_cannot_be_finished(keys: IdempotencyKeys) -> None:
    assert not keys.finish(a_claim(in_flight=False, response=RESPONSE))
    assert keys.claim(a_claim()) is None


def test_largest_incompressible_response_fits_into_a_claim(keys: IdempotencyKeys) -> None:
    claim = a_claim()
    keys.claim(claim)
    noise = random.Random(1).randbytes(MAX_RESPONSE_BYTES)  # noqa: S311
    finished = replace(claim, in_flight=False, response=replace(RESPONSE, body=noise))
    assert keys.finish(finished)
    assert keys.claim(a_claim()) == finished


def test_claims_expire_and_are_in_no_index_of_jobs(table: StoredKeys) -> None:
    table.claim(a_claim())
    (item,) = (decode(item) for item in clients.dynamodb().scan(TableName=TABLE)["Items"])
    assert item["ttl"] == (NOON + KEPT).timestamp()
    # Without these attributes it is in no list and not reconciled, and the stream filter excludes it.
    assert not {"organization_listing", "user_listing", "all_listing", "unsettled", "status"} & set(item)
    assert (item["pk"], item["sk"]) == ("REQUEST#k", "REQUEST")
