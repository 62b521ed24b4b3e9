"""Progress shards as items of the jobs table. Sums are top-level attributes: ADD reaches no deeper."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.aws.table_keys import SHARD_PREFIX
from shared.jobs.progress import ChunkCount, Pace, Shard, period_at
from shared.jobs.row_errors import RowErrorCounts, RowErrorGroup

# The name in stored items.
_ROW_ERROR = "fault:"
_PERIOD = "period:"
_WORKED = "worked_ms"
_MILLISECOND = timedelta(milliseconds=1)


def decode_shard(item: Mapping[str, Any]) -> Shard:
    """Returns the shard of a decoded item."""
    last_commit_at = item.get("last_commit_at")
    return Shard(
        number=int(item["sk"].removeprefix(SHARD_PREFIX)),
        done=_chunks(item.get("done")),
        with_successes=_chunks(item.get("with_successes")),
        with_failures=_chunks(item.get("with_failures")),
        successful_rows=int(item["successful_rows"]),
        failed_rows=int(item["failed_rows"]),
        row_errors=_decode_row_errors(item),
        pace=_decode_pace(item),
        last_commit_at=datetime.fromisoformat(last_commit_at) if last_commit_at else None,
        closed=item["closed"],
    )


def encode_row_errors(row_errors: RowErrorCounts) -> dict[str, int]:
    """Returns counts as attributes of a shard: `fault:CODE` and `fault:CODE:COLUMN` (no column: the whole row)."""
    by_code = {f"{_ROW_ERROR}{code}": rows for code, rows in row_errors.by_code.items()}
    by_group = {f"{_ROW_ERROR}{code}:{column or ''}": rows for (code, column), rows in row_errors.by_group.items()}
    return {**by_code, **by_group}


def encode_pace(count: ChunkCount) -> dict[str, int]:
    """Returns what a chunk adds to the pace of its shard: its rows to `period:N`, its time to `worked_ms`."""
    rows = count.successful_rows + count.failed_rows
    return {f"{_PERIOD}{period_at(count.age)}": rows, _WORKED: count.worked // _MILLISECOND}


def _decode_row_errors(item: Mapping[str, Any]) -> RowErrorCounts:
    by_code: dict[str, int] = {}
    by_group: dict[RowErrorGroup, int] = {}
    for name in item:
        if name.startswith(_ROW_ERROR):
            code, has_column, column = name.removeprefix(_ROW_ERROR).partition(":")
            if has_column:
                by_group[code, column or None] = int(item[name])
            else:
                by_code[code] = int(item[name])
    return RowErrorCounts(by_code=by_code, by_group=by_group)


def _decode_pace(item: Mapping[str, Any]) -> Pace:
    return Pace(
        rows_by_period={
            int(name.removeprefix(_PERIOD)): int(rows) for name, rows in item.items() if name.startswith(_PERIOD)
        },
        worked=int(item.get(_WORKED, 0)) * _MILLISECOND,
    )


def _chunks(numbers: set[Decimal] | None) -> frozenset[int]:
    return frozenset(int(number) for number in numbers or ())
