"""Write units of committing the chunks of a job. Each commit is billed by the current size of its shard."""

from datetime import timedelta
from functools import cache
from math import ceil
from typing import Any, Final
from uuid import UUID

from shared.aws import table_keys
from shared.aws.job_writes import chunk_commit, new_shard
from shared.jobs.progress import ChunkCount, shard_count, shard_of
from shared.jobs.row_errors import RowErrorCounts
from tests.builders import NOON
from tests.read_units import item_bytes

_JOB: Final = UUID(int=1)
_UNIT_BYTES: Final = 1024
_SECONDS_A_CHUNK: Final = 0.02
# As the rows of the benchmarks fail: every group of row errors that one chunk may have.
_ROW_ERRORS: Final = RowErrorCounts.of(
    {
        (("missing_field", "sector"),): 1,
        (("missing_field", "company_name"),): 1,
        (("invalid_market_cap", "market_cap"),): 1,
        (("invalid_number", "total_assets"),): 1,
        (("invalid_year", "reporting_year"),): 1,
    }
)


@cache
def write_units(chunks: int) -> int:
    """Returns the write units of all commits of a job with this number of chunks."""
    return sum(largest_shard(chunks, shard)[1] for shard in range(shard_count(chunks)))


@cache
def largest_shard(chunks: int, shard: int = 0) -> tuple[int, int]:
    """Returns the bytes of a shard after all its commits, and their write units."""
    item: dict[str, Any] = dict(new_shard("jobs", _JOB, shard)["Item"])
    units = 0
    shards = shard_count(chunks)
    for chunk in range(shard, chunks, shards):
        count = ChunkCount(
            chunk=chunk,
            successful_rows=980,
            failed_rows=20,
            row_errors=_ROW_ERRORS,
            worked=timedelta(seconds=1),
            age=timedelta(seconds=chunk * _SECONDS_A_CHUNK),
        )
        _apply(item, chunk_commit("jobs", _JOB, count, shard=shard_of(chunk, shards), now=NOON))
        units += ceil(item_bytes(item) / _UNIT_BYTES)
    return item_bytes(item), units


def _apply(item: dict[str, Any], update: Any) -> None:
    """Applies the update of a commit to the item, as DynamoDB does."""
    values = update["ExpressionAttributeValues"]
    sets, adds = update["UpdateExpression"].removeprefix("SET ").split(" ADD ")
    name, value = sets.split(" = ")
    item[name] = values[value]
    for added in adds.split(", "):
        place, operand = added.split(" ")
        name = update["ExpressionAttributeNames"].get(place, place)
        ((kind, amount),) = values[operand].items()
        before = table_keys.decode({name: item[name]})[name] if name in item else None
        if kind == "NS":
            known = item.get(name, {"NS": []})["NS"]
            item[name] = {"NS": [*known, *amount]}
        else:
            item[name] = {"N": str((before or 0) + int(amount))}
