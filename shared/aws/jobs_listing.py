"""Lists of jobs: pages merged from the index partitions a filter names, each read only as far as the page needs."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.aws.failures import pause, translated
from shared.aws.job_items import JOB_SORT_KEY, UNSETTLED, decode, decode_views, encode, shard_key
from shared.jobs.errors import UnavailableError
from shared.jobs.lifecycle import LIVE
from shared.jobs.model import JobStatus, JobType
from shared.jobs.ports import JobFilter, JobPage, JobView, Scope

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# DynamoDB's own limit on keys in one batch read.
_BATCH = 100
# Reads in a row that DynamoDB, when throttled, may answer with nothing.
_UNREAD_ATTEMPTS = 8


class JobsListing:
    """The list side of the jobs table. The indexes have keys only; a page's items are read from the table itself."""

    def __init__(self, *, client: "Callable[[], DynamoDBClient]", table: str) -> None:
        self._client = client
        self._table = table

    def page(self, scope: Scope, job_filter: JobFilter, *, after: str | None, offset: int, limit: int) -> JobPage:
        """The next `limit` jobs; a job that changed its place between the two reads is left out of the page."""
        entries = self._entries(scope, job_filter, after=after, page_size=offset + limit + 1)
        wanted = list(islice(entries, offset, offset + limit + 1))
        shown = wanted[:limit]
        views = self._views([entry["pk"] for entry in shown])
        matching = [view for view in views if not job_filter.statuses or view.job.status in job_filter.statuses]
        return JobPage(views=matching, following=shown[-1]["listed_at"] if len(wanted) > limit else None)

    def count(self, scope: Scope, job_filter: JobFilter, *, at_most: int) -> int:
        """How many jobs match, counted no further than `at_most`."""
        return sum(1 for _ in islice(self._entries(scope, job_filter, after=None, page_size=at_most), at_most))

    def unsettled(self) -> Sequence[UUID]:
        """Every job in the sparse index of unsettled ones."""
        entries = self._partition(UNSETTLED, UNSETTLED, after=None, oldest_first=True, page_size=1000)
        return [UUID(entry["pk"].removeprefix("JOB#")) for entry in entries]

    def _entries(
        self, scope: Scope, job_filter: JobFilter, *, after: str | None, page_size: int
    ) -> Iterator[dict[str, Any]]:
        """Index entries in list order, merged from one partition a status and job type."""
        index, prefix = _index(scope)
        job_types = [job_filter.job_type] if job_filter.job_type else list(JobType)
        partitions = [
            self._partition(
                index,
                f"{prefix}{status}|{job_type}",
                after=after,
                oldest_first=job_filter.oldest_first,
                page_size=page_size,
            )
            # In the order of a job's life, so that one which moves on meanwhile is met once or twice, never missed.
            for status in JobStatus
            if not job_filter.statuses or status in job_filter.statuses
            for job_type in job_types
        ]
        seen: set[str] = set()
        for entry in heapq.merge(
            *partitions, key=lambda entry: str(entry["listed_at"]), reverse=not job_filter.oldest_first
        ):
            if entry["pk"] not in seen:
                seen.add(entry["pk"])
                yield entry

    def _partition(
        self, index: str, partition: str, *, after: str | None, oldest_first: bool, page_size: int
    ) -> Iterator[dict[str, Any]]:
        condition = f"{index} = :partition"
        values: dict[str, Any] = {":partition": partition}
        if after is not None:
            condition += f" AND listed_at {'>' if oldest_first else '<'} :after"
            values[":after"] = after
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": f"by_{index}",
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": encode(values),
            "ScanIndexForward": oldest_first,
            "Limit": page_size,
        }
        while True:
            with translated():
                answer = self._client().query(**request)
            yield from (decode(item) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _views(self, partition_keys: Sequence[str]) -> list[JobView]:
        """The jobs of these partitions, in this order, live ones with their shards."""
        jobs = self._batch([encode({"pk": key, "sk": JOB_SORT_KEY}) for key in partition_keys])
        moving = [view.job for view in decode_views(jobs) if view.job.status in LIVE or not view.job.is_folded]
        shards = self._batch([shard_key(job.id, number) for job in moving for number in range(job.shard_count)])
        position = {key: place for place, key in enumerate(partition_keys)}
        return sorted(decode_views([*jobs, *shards]), key=lambda view: position[f"JOB#{view.job.id}"])

    def _batch(self, keys: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        pending = list(keys)
        attempt = 0
        while pending:
            with translated():
                answer = self._client().batch_get_item(RequestItems={self._table: {"Keys": pending[:_BATCH]}})
            items += [decode(item) for item in answer["Responses"].get(self._table, [])]
            left = answer["UnprocessedKeys"]
            unread = left[self._table]["Keys"] if self._table in left else []
            # What did not fit one answer is simply read on; an answer without anything is throttling.
            attempt = attempt + 1 if len(unread) == len(pending[:_BATCH]) else 0
            if attempt == _UNREAD_ATTEMPTS:
                raise UnavailableError
            if attempt:
                pause(attempt)
            pending = [*unread, *pending[_BATCH:]]
        return items


def _index(scope: Scope) -> tuple[str, str]:
    if scope.organization_id is not None:
        return "organization_listing", f"{scope.organization_id}|"
    if scope.user_id is not None:
        return "user_listing", f"{scope.user_id}|"
    return "all_listing", ""
