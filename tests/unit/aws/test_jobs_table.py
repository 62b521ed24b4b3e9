"""The jobs table on DynamoDB: expiry of items and partial batch reads, which the fake lacks."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.aws.table_keys import decode, job_key, partition_key, shard_key
from shared.jobs.access import Scope
from shared.jobs.errors import UnavailableError
from shared.jobs.job import RETENTION, Job
from shared.jobs.listing import JobFilter
from tests.aws_resources import TABLE, create_table
from tests.builders import NOON, a_count, a_job, a_stored_input, plan_facts


@pytest.fixture
def table() -> Iterator[JobsTable]:
    with mock_aws():
        create_table()
        yield JobsTable(client=clients.dynamodb, table=TABLE)


def scoring(table: JobsTable, *, chunks: int = 120) -> Job:
    job = a_job()
    table.create(job)
    table.queue(job, stored_input=a_stored_input(job.id), execution_arn="arn", now=NOON)
    table.start(job, now=NOON)
    table.record_plan(job, plan_facts(total_rows=5 * chunks, chunk_count=chunks), now=NOON)
    view = table.get(job.id)
    assert view is not None
    return view.job


def items_of(job: Job) -> list[dict[str, Any]]:
    response = clients.dynamodb().query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": partition_key(job.id)}},
    )
    return [decode(item) for item in response["Items"]]


def test_live_job_does_not_expire(table: JobsTable) -> None:
    assert all("ttl" not in item for item in items_of(scoring(table)))


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_all_items_of_an_ended_job_expire_after_its_retention(table: JobsTable, end: str) -> None:
    job = scoring(table)
    if end == "complete":
        table.complete(job, successful=600, failed=0, now=NOON)
    else:
        table.fail(job, error_code=None, error_message="x", cancelled=True, now=NOON)
    items = items_of(job)
    assert len(items) == 4
    assert len({item["ttl"] for item in items}) == 1
    assert items[0]["ttl"] > (NOON + RETENTION).timestamp()


def test_delete_leaves_only_the_tombstone(table: JobsTable) -> None:
    job = scoring(table)
    table.fail(job, error_code=None, error_message="x", cancelled=True, now=NOON)
    table.delete(job, now=NOON)
    assert [item["sk"] for item in items_of(job)] == ["JOB"]


def test_shards_created_after_the_job_was_read_are_not_counted(table: JobsTable) -> None:
    # A query reads its items one after the other: the job before its plan, the shards after it.
    job = scoring(table, chunks=1)
    table.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
    client = clients.dynamodb()
    client.update_item(
        TableName=TABLE,
        Key=job_key(job.id),
        UpdateExpression="SET shard_count = :none, chunk_count = :none REMOVE total_rows",
        ExpressionAttributeValues={":none": {"N": "0"}},
    )
    view = table.get(job.id)
    assert view is not None
    assert (view.job.total_rows, view.progress.processed_rows) == (None, 0)


class Throttled:
    """A client whose first `times` batch reads leave all keys unprocessed."""

    def __init__(self, times: int) -> None:
        self._client = clients.dynamodb()
        self._left = times
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
        self.calls += 1
        if self._left:
            self._left -= 1
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        return self._client.batch_get_item(RequestItems=RequestItems)


def test_unprocessed_keys_are_read_again_after_a_pause(table: JobsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    job = a_job()
    table.create(job)
    client: Any = Throttled(times=2)
    page = JobsTable(client=lambda: client, table=TABLE).page(Scope(), JobFilter(), after=None, offset=0, limit=5)
    assert [view.job for view in page.views] == [job]
    assert len(waits) == 2


def test_keys_that_stay_unprocessed_raise_unavailable(table: JobsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    table.create(a_job())
    client: Any = Throttled(times=1_000)
    with pytest.raises(UnavailableError):
        JobsTable(client=lambda: client, table=TABLE).page(Scope(), JobFilter(), after=None, offset=0, limit=5)
    assert client.calls <= 10


def test_shard_keys_sort_by_their_number() -> None:
    job = a_job()
    keys = [decode(shard_key(job.id, number))["sk"] for number in range(64)]
    assert keys == sorted(keys)
    assert min(keys) > "JOB"
