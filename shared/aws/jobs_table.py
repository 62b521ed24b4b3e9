"""The jobs table. Every write is conditional, so a retry, a duplicate or a late worker changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.aws import clients, job_items, job_writes, table_keys
from shared.aws.failures import RefusedWriteError, conditional, translated
from shared.aws.jobs_listing import JobsListing
from shared.aws.table_keys import decode, encode
from shared.jobs.access import Scope
from shared.jobs.errors import CommitRefusedError, TransitionRefusedError
from shared.jobs.job import (
    LIVE,
    RETENTION,
    Export,
    ExportKind,
    Job,
    JobStatus,
    Note,
    Phase,
    StoredInput,
    sources_of,
    timestamp,
)
from shared.jobs.listing import JobCount, JobFilter, JobPage
from shared.jobs.ports import DueJob, Plan, Tombstone
from shared.jobs.progress import ChunkCount, JobView, shard_count

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Keys of a page of due jobs: some 100 KB.
_DUE_PAGE = 1000


class JobsTable:
    """`JobStore` on DynamoDB. `client` returns the client; it is called on first use, not before."""

    def __init__(self, table: str, *, client: "Callable[[], DynamoDBClient]" = clients.dynamodb) -> None:
        self._client = client
        self._table = table
        self._listing = JobsListing(client=client, table=table)

    def create(self, job: Job) -> None:
        put: Any = {
            "TableName": self._table,
            "Item": job_items.encode_job(job),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if job.content_sha256 is None:
            self._refusable(lambda: self._client().put_item(**put))
        else:
            content = {"TableName": self._table, "Item": job_items.encode_content(job)}
            self._transact([{"Put": put}, {"Put": content}])

    def get(self, job_id: UUID) -> JobView | None:
        views = job_items.decode_views(self._partition(job_id))
        return views[0] if views else None

    def tombstone(self, job_id: UUID) -> Tombstone | None:
        with translated():
            answer = self._client().get_item(TableName=self._table, Key=table_keys.job_key(job_id), ConsistentRead=True)
        item = decode(answer.get("Item", {}))
        return job_items.decode_tombstone(item) if job_items.is_tombstone(item) else None

    def earlier_with_content(self, job: Job) -> UUID | None:
        if job.content_sha256 is None:
            return None
        with translated():
            answer = self._client().query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk < :sk",
                ExpressionAttributeValues=encode(
                    {":pk": table_keys.content_partition(job), ":sk": table_keys.sort_key(job)}
                ),
                ConsistentRead=True,
                Limit=1,
            )
        return UUID(decode(answer["Items"][0])["job_id"]) if answer["Items"] else None

    def queue(self, job: Job, *, stored_input: StoredInput, execution_arn: str, now: datetime) -> None:
        self._update(
            job,
            now=now,
            status=JobStatus.QUEUED,
            changes={
                "phase": Phase.QUEUED,
                "stored_input": asdict(stored_input),
                "file_size": stored_input.size,
                "execution_arn": execution_arn,
            },
            allowed=sources_of(JobStatus.QUEUED),
        )

    def start(self, job: Job, *, now: datetime) -> None:
        if job.status is JobStatus.PROCESSING and job.phase is Phase.PLANNING:
            return  # a repeated Plan keeps its start time
        self._update(
            job,
            now=now,
            status=JobStatus.PROCESSING,
            changes={"phase": Phase.PLANNING, "started_at": timestamp(now)},
            allowed=sources_of(JobStatus.PROCESSING),
        )

    def record_plan(self, job: Job, plan: Plan, *, now: datetime) -> None:
        shards = shard_count(plan.chunk_count)
        self._transact(
            [
                {
                    "Update": job_writes.job_update(
                        self._table,
                        job,
                        now=now,
                        changes={
                            **asdict(plan),
                            "phase": Phase.SCORING,
                            "planned_at": timestamp(plan.planned_at),
                            "shard_count": shards,
                            "notes": job_items.encode_notes(plan.notes),
                        },
                        allowed={JobStatus.PROCESSING},
                        condition="#phase = :planning",
                        values={":planning": Phase.PLANNING},
                    )
                },
                *({"Put": job_writes.new_shard(self._table, job.id, number)} for number in range(shards)),
            ]
        )

    def commit_chunk(self, job_id: UUID, count: ChunkCount, *, shard: int, now: datetime) -> None:
        commit = job_writes.chunk_commit(self._table, job_id, count, shard=shard, now=now)
        try:
            conditional(lambda: self._client().update_item(**commit))
        except RefusedWriteError as refused:
            done = decode(refused.item).get("done", ()) if refused.item else ()
            raise CommitRefusedError(already_committed=count.chunk in done) from refused

    def enter_finalizing(self, job: Job, *, now: datetime) -> None:
        self._update(job, now=now, changes={"phase": Phase.FINALIZING}, allowed={JobStatus.PROCESSING})

    def complete(self, job: Job, *, successful: int, failed: int, now: datetime, notes: Sequence[Note] = ()) -> None:
        self._close(
            job,
            now=now,
            status=JobStatus.COMPLETED,
            changes={
                "results_ready": True,
                "final_successful_rows": successful,
                "final_failed_rows": failed,
                "notes": job_items.encode_notes([*job.notes, *notes]),
            },
            remove=(table_keys.UNSETTLED,),
        )

    def fail(self, job: Job, *, error_code: str | None, error_message: str, cancelled: bool, now: datetime) -> None:
        self._close(
            job,
            now=now,
            status=JobStatus.FAILED,
            changes={
                "error_code": error_code,
                "error_message": error_message,
                "cancelled_at": timestamp(now) if cancelled else None,
            },
        )

    def note_stopped(self, job: Job, *, now: datetime) -> None:
        self._update(job, now=now, changes={"execution_stopped": True}, allowed={JobStatus.FAILED})

    def record_assembly(
        self,
        job: Job,
        *,
        successful: int,
        failed: int,
        now: datetime,
        error_message: str | None = None,
        notes: Sequence[Note] = (),
    ) -> None:
        self._update(
            job,
            now=now,
            changes={
                "results_ready": True,
                "final_successful_rows": successful,
                "final_failed_rows": failed,
                "notes": job_items.encode_notes([*job.notes, *notes]),
                "error_message": error_message,
            },
            allowed={JobStatus.FAILED},
            remove=(table_keys.UNSETTLED,),
        )

    def change_export(self, job_id: UUID, kind: ExportKind, *, expected: Export | None, changed: Export | None) -> None:
        update = job_writes.export_change(self._table, job_id, kind, expected=expected, changed=changed)
        self._refusable(lambda: self._client().update_item(**update))

    def delete(self, job: Job, *, now: datetime) -> None:
        self._transact(
            [
                {"Put": job_writes.tombstone(self._table, job, now=now)},
                *(
                    {"Delete": {"TableName": self._table, "Key": table_keys.shard_key(job.id, number)}}
                    for number in range(job.shard_count)
                ),
                *(
                    [{"Delete": {"TableName": self._table, "Key": table_keys.content_key(job)}}]
                    if job.content_sha256
                    else []
                ),
            ]
        )

    def forget(self, job_id: UUID) -> None:
        self._refusable(
            lambda: self._client().update_item(
                TableName=self._table,
                Key=table_keys.job_key(job_id),
                UpdateExpression=f"REMOVE {table_keys.UNSETTLED}",
                ConditionExpression="attribute_exists(deleted_at)",
            )
        )

    def page(self, scope: Scope, job_filter: JobFilter, *, after: str | None, offset: int, limit: int) -> JobPage:
        return self._listing.page(scope, job_filter, after=after, offset=offset, limit=limit)

    def count(self, scope: Scope, job_filter: JobFilter, *, at_most: int) -> JobCount:
        return self._listing.count(scope, job_filter, at_most=at_most)

    def due(self, now: datetime) -> Iterator[DueJob]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": f"by_{table_keys.DUE_AT}",
            "KeyConditionExpression": f"{table_keys.UNSETTLED} = :unsettled AND {table_keys.DUE_AT} <= :now",
            "ExpressionAttributeValues": encode({":unsettled": table_keys.UNSETTLED, ":now": timestamp(now)}),
            "Limit": _DUE_PAGE,
        }
        while True:
            with translated():
                answer = self._client().query(**request)
            yield from map(job_items.decode_due, map(decode, answer["Items"]))
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def look_again(self, job: DueJob, *, at: datetime) -> None:
        self._refusable(
            lambda: self._client().update_item(
                TableName=self._table,
                Key=table_keys.job_key(job.id),
                UpdateExpression=f"SET {table_keys.DUE_AT} = :at",
                ConditionExpression=f"attribute_exists({table_keys.UNSETTLED}) AND {table_keys.DUE_AT} = :seen",
                ExpressionAttributeValues=encode({":at": timestamp(at), ":seen": timestamp(job.due_at)}),
            )
        )

    def _partition(self, job_id: UUID) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        start: dict[str, Any] = {}
        while True:
            with translated():
                answer = self._client().query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues=encode({":pk": table_keys.partition_key(job_id)}),
                    ConsistentRead=True,
                    **start,
                )
            items += [decode(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return items
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _close(
        self,
        job: Job,
        *,
        now: datetime,
        status: JobStatus,
        changes: Mapping[str, Any],
        remove: Sequence[str] = (),
    ) -> None:
        """Ends the job and closes its shards in one transaction: no count can change after it."""
        ttl = job_items.time_to_live(now + RETENTION)
        ended = {"phase": Phase.DONE, "completed_at": timestamp(now), "ttl": ttl}
        self._transact(
            [
                {
                    "Update": job_writes.job_update(
                        self._table,
                        job,
                        now=now,
                        status=status,
                        changes={**ended, **changes},
                        allowed=LIVE if status is JobStatus.FAILED else sources_of(status),
                        condition="shard_count = :shards",
                        values={":shards": job.shard_count},
                        remove=remove,
                    )
                },
                *(
                    {"Update": job_writes.closing_shard(self._table, job.id, number, ttl=ttl)}
                    for number in range(job.shard_count)
                ),
            ]
        )

    def _update(
        self,
        job: Job,
        *,
        now: datetime,
        changes: Mapping[str, Any],
        allowed: Iterable[JobStatus],
        status: JobStatus | None = None,
        remove: Sequence[str] = (),
    ) -> None:
        update = job_writes.job_update(
            self._table, job, now=now, changes=changes, allowed=allowed, status=status, remove=remove
        )
        self._refusable(lambda: self._client().update_item(**update))

    def _transact(self, operations: Sequence[Any]) -> None:
        self._refusable(lambda: self._client().transact_write_items(TransactItems=operations))

    def _refusable(self, call: Callable[[], object]) -> None:
        try:
            conditional(call)
        except RefusedWriteError as refused:
            raise TransitionRefusedError from refused
