"""Requests of writes to the jobs table: expressions, conditions and values, without a client."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.aws import table_keys
from shared.aws.job_items import attribute_name, encode_export, encode_tombstone
from shared.aws.shard_items import encode_pace, encode_row_errors
from shared.aws.table_keys import encode
from shared.jobs.deadlines import due_at
from shared.jobs.job import DELETABLE, Export, ExportKind, Job, JobStatus, timestamp
from shared.jobs.progress import ChunkCount


def job_update(
    table: str,
    job: Job,
    *,
    now: datetime,
    changes: Mapping[str, Any],
    allowed: Iterable[JobStatus],
    status: JobStatus | None = None,
    condition: str | None = None,
    values: Mapping[str, Any] | None = None,
    remove: Sequence[str] = (),
) -> Any:
    """Returns an update of the item of the job. Refused unless its status is in `allowed` and `condition` holds.

    A change of status moves the job to its new partition of every index.
    """
    moved = _moved(job, status, now=now) if status else {}
    changed = {
        name: value for name, value in {"updated_at": timestamp(now), **moved, **changes}.items() if value is not None
    }
    operands, allowed_values = one_of(allowed)
    conditions = [f"#status IN ({operands})", *([condition] if condition else [])]
    removal = f" REMOVE {', '.join(remove)}" if remove else ""
    return {
        "TableName": table,
        "Key": table_keys.job_key(job.id),
        "UpdateExpression": f"SET {', '.join(f'#{name} = :new_{name}' for name in changed)}{removal}",
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{name}": name for name in {*changed, "status"}},
        "ExpressionAttributeValues": encode(
            {**{f":new_{name}": value for name, value in changed.items()}, **allowed_values, **(values or {})}
        ),
    }


def _moved(job: Job, status: JobStatus, *, now: datetime) -> dict[str, str | None]:
    """Returns the attributes that place a job with its new status in the indexes."""
    due = timestamp(due_at(replace(job, status=status), now=now))
    return {"status": status, **table_keys.listing_keys(job, status), table_keys.DUE_AT: due}


def export_change(
    table: str, job_id: UUID, kind: ExportKind, *, expected: Export | None, changed: Export | None
) -> Any:
    """Returns an update of the state of an export. Refused unless it is as expected and the job has its files."""
    values: dict[str, Any] = {":yes": True}
    values |= {":expected": encode_export(expected)} if expected is not None else {}
    values |= {":changed": encode_export(changed)} if changed is not None else {}
    unchanged = "#export = :expected" if expected is not None else "attribute_not_exists(#export)"
    return {
        "TableName": table,
        "Key": table_keys.job_key(job_id),
        "UpdateExpression": "SET #export = :changed" if changed is not None else "REMOVE #export",
        "ConditionExpression": f"results_ready = :yes AND {unchanged}",
        "ExpressionAttributeNames": {"#export": attribute_name(kind)},
        "ExpressionAttributeValues": encode(values),
    }


def new_shard(table: str, job_id: UUID, number: int) -> Any:
    """Returns the put of an empty shard. Refused if it exists."""
    counts = {"successful_rows": 0, "failed_rows": 0, "closed": False}
    return {
        "TableName": table,
        "Item": {**table_keys.shard_key(job_id, number), **encode(counts)},
        "ConditionExpression": "attribute_not_exists(pk)",
    }


def closing_shard(table: str, job_id: UUID, number: int, *, ttl: int) -> Any:
    """Returns the update that closes a shard for commits. Refused if the shard does not exist."""
    return {
        "TableName": table,
        "Key": table_keys.shard_key(job_id, number),
        "UpdateExpression": "SET closed = :yes, #ttl = :ttl",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeNames": {"#ttl": "ttl"},
        "ExpressionAttributeValues": encode({":yes": True, ":ttl": ttl}),
    }


def chunk_commit(table: str, job_id: UUID, count: ChunkCount, *, shard: int, now: datetime) -> Any:
    """Returns the update that counts a chunk. Refused if it is counted already, or its shard is closed or gone."""
    adds = ["done :one", "successful_rows :successful", "failed_rows :failed"]
    if count.successful_rows:
        adds.append("with_successes :one")
    if count.failed_rows:
        adds.append("with_failures :one")
    # Top-level attributes: ADD reaches no deeper.
    added = {**encode_row_errors(count.row_errors), **encode_pace(count)}
    adds += [f"#added{n} :added{n}" for n in range(len(added))]
    return {
        "TableName": table,
        "Key": table_keys.shard_key(job_id, shard),
        "UpdateExpression": f"SET last_commit_at = :now ADD {', '.join(adds)}",
        "ConditionExpression": "attribute_exists(pk) AND closed = :no AND NOT contains(done, :chunk)",
        "ExpressionAttributeNames": {f"#added{n}": name for n, name in enumerate(added)},
        "ExpressionAttributeValues": encode(
            {
                ":one": {count.chunk},
                ":chunk": count.chunk,
                ":no": False,
                ":successful": count.successful_rows,
                ":failed": count.failed_rows,
                ":now": timestamp(now),
                **{f":added{n}": amount for n, amount in enumerate(added.values())},
            }
        ),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def tombstone(table: str, job: Job, *, now: datetime) -> Any:
    """Returns the put of a tombstone over the job. Refused unless the job may be deleted and has the same shards."""
    operands, values = one_of(DELETABLE)
    return {
        "TableName": table,
        "Item": encode_tombstone(job, now=now),
        "ConditionExpression": f"#status IN ({operands}) AND shard_count = :shards",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": encode({**values, ":shards": job.shard_count}),
    }


def one_of(statuses: Iterable[JobStatus]) -> tuple[str, dict[str, str]]:
    """Returns the operands of an `IN` over these statuses, and their values."""
    values = {f":is_{status}": str(status) for status in sorted(statuses)}
    return ", ".join(values), values
