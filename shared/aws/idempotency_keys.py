"""Claims on idempotency keys, in separate partitions of the jobs table.

They are in no index, and consumers of the table's stream ignore them.
"""

import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.aws import clients
from shared.aws.failures import RefusedWriteError, conditional
from shared.aws.table_keys import decode, encode
from shared.jobs.idempotency import Claim, StoredResponse

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_SORT_KEY = "REQUEST"


class StoredKeys:
    """`IdempotencyKeys` on DynamoDB. `client` returns the client; it is called on first use, not before."""

    def __init__(self, table: str, *, client: "Callable[[], DynamoDBClient]" = clients.dynamodb) -> None:
        self._client = client
        self._table = table

    def claim(self, claim: Claim, *, over: Claim | None = None) -> Claim | None:
        # DynamoDB may remove expired items days later.
        conditions = ["attribute_not_exists(pk)", "#ttl <= :now"]
        values: dict[str, Any] = {":now": int(claim.claimed_at.timestamp())}
        if over is not None:
            conditions.append("(attempt = :over AND attribute_not_exists(answer))")
            values[":over"] = str(over.attempt)
        put: Any = {
            "TableName": self._table,
            "Item": encode_claim(claim),
            "ConditionExpression": " OR ".join(conditions),
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": encode(values),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            conditional(lambda: self._client().put_item(**put))
        except RefusedWriteError as refused:
            if refused.item is None:
                raise
            return decode_claim(decode(refused.item))
        return None

    def finish(self, claim: Claim) -> bool:
        put: Any = {
            "TableName": self._table,
            "Item": encode_claim(claim),
            "ConditionExpression": "attempt = :mine",
            "ExpressionAttributeValues": encode({":mine": str(claim.attempt)}),
        }
        try:
            conditional(lambda: self._client().put_item(**put))
        except RefusedWriteError:
            return False
        return True


def encode_claim(claim: Claim) -> dict[str, Any]:
    """Returns the item of a claim."""
    return encode(
        {
            "pk": f"REQUEST#{claim.key}",
            "sk": _SORT_KEY,
            "fingerprint": claim.fingerprint,
            "attempt": str(claim.attempt),
            "since": claim.since.isoformat(),
            "claimed_at": claim.claimed_at.isoformat(),
            "in_flight": claim.in_flight,
            "answer": _encode_response(claim.response) if claim.response else None,
            "ttl": ceil(claim.expires_at.timestamp()),
        }
    )


def decode_claim(item: Mapping[str, Any]) -> Claim:
    """Returns the claim of a decoded item."""
    return Claim(
        key=item["pk"].removeprefix("REQUEST#"),
        fingerprint=item.get("fingerprint"),
        attempt=UUID(item["attempt"]),
        since=datetime.fromisoformat(item["since"]),
        claimed_at=datetime.fromisoformat(item["claimed_at"]),
        in_flight=item["in_flight"],
        response=_decode_response(item["answer"]) if "answer" in item else None,
    )


def _encode_response(response: StoredResponse) -> dict[str, Any]:
    # A hundred scored rows are 70 KB of repetitive text.
    return {"status": response.status, "headers": dict(response.headers), "body": zlib.compress(response.body)}


def _decode_response(stored: Mapping[str, Any]) -> StoredResponse:
    return StoredResponse(
        status=int(stored["status"]), headers=stored["headers"], body=zlib.decompress(bytes(stored["body"].value))
    )
