"""Naive implementations that look correct, to show that the fault tests detect them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from shared.aws import job_writes
from shared.aws.jobs_table import JobsTable
from shared.aws.result_keys import Part
from shared.aws.results_bucket import ResultsBucket


@contextmanager
def plain_counter() -> Iterator[None]:
    """Counts a chunk each time it is scored instead of once."""
    commit = job_writes.chunk_commit

    def count(*arguments: Any, **named: Any) -> Any:
        write = commit(*arguments, **named)
        del write["ExpressionAttributeValues"][":chunk"]
        return {**write, "ConditionExpression": "attribute_exists(pk) AND closed = :no"}

    with patch.object(job_writes, "chunk_commit", count):
        yield


@contextmanager
def commit_before_parts() -> Iterator[None]:
    """Commits a chunk before its parts are written."""
    held: list[Callable[[], None]] = []
    put_part, commit_chunk = ResultsBucket.put_part, JobsTable.commit_chunk

    def put_later(bucket: ResultsBucket, job_id: Any, chunk: int, part: Part, body: bytes) -> None:
        if part in {Part.UNPROCESSED, Part.UNPROCESSED_IN_ALL}:
            put_part(bucket, job_id, chunk, part, body)
        else:
            held.append(lambda: put_part(bucket, job_id, chunk, part, body))

    def commit_first(table: JobsTable, *arguments: Any, **named: Any) -> None:
        parts, held[:] = list(held), []
        commit_chunk(table, *arguments, **named)
        for put in parts:
            put()

    with patch.object(ResultsBucket, "put_part", put_later), patch.object(JobsTable, "commit_chunk", commit_first):
        yield


@contextmanager
def end_without_closed_shards() -> Iterator[None]:
    """Fails a job without closing its progress shards, so that late chunks are still counted."""
    close = JobsTable._close

    def end_the_record(table: JobsTable, job: Any, **named: Any) -> None:
        with patch.object(job_writes, "closing_shard", _untouched):
            close(table, job, **named)

    with patch.object(JobsTable, "_close", end_the_record):
        yield


def _untouched(table: str, job_id: Any, number: int, *, ttl: int) -> Any:
    """Returns a shard update that leaves the shard open."""
    return {
        "TableName": table,
        "Key": {"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": f"SHARD#{number:03d}"}},
        "UpdateExpression": "SET #ttl = :ttl",
        "ExpressionAttributeNames": {"#ttl": "ttl"},
        "ExpressionAttributeValues": {":ttl": {"N": str(ttl)}},
    }


NAIVE_VARIANTS = (plain_counter, commit_before_parts, end_without_closed_shards)
