"""Lists of jobs: pages merged from the index partitions of a filter, each read only as far as needed."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from shared.aws.failures import pause, translated
from shared.aws.job_items import decode_views
from shared.aws.table_keys import JOB_SORT_KEY, decode, encode, shard_key, sort_key
from shared.jobs.access import Scope
from shared.jobs.errors import UnavailableError
from shared.jobs.job import LIVE, JobStatus, JobType, timestamp
from shared.jobs.listing import JobCount, JobFilter, JobPage
from shared.jobs.progress import JobView

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# DynamoDB's own limit on keys in one batch read.
_BATCH = 100
# Reads in a row that may return nothing because DynamoDB throttles.
_UNREAD_ATTEMPTS = 8

# A search reads this many jobs; then it continues at a cursor.
SEARCHED_AT_MOST = 1000
# Below and above every sort key: they begin with the digits of a year.
_EVERYTHING = ("0", "~")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Matching jobs of one batch, and the position that the search has reached."""

    matching: list[JobView]
    reached: str | None
    is_last: bool


class JobsListing:
    """Lists of the jobs table. The indexes have keys only; the items of a page are read from the table itself."""

    def __init__(self, *, client: "Callable[[], DynamoDBClient]", table: str) -> None:
        self._client = client
        self._table = table

    def page(self, scope: Scope, job_filter: JobFilter, *, after: str | None, offset: int, limit: int) -> JobPage:
        """Returns the next `limit` jobs, without jobs whose position changed between the two reads."""
        if job_filter.needs_records:
            return self._searched_page(scope, job_filter, after=after, offset=offset, limit=limit)
        entries = self._entries(scope, job_filter, after=after, page_size=offset + limit + 1)
        wanted = list(islice(entries, offset, offset + limit + 1))
        shown = wanted[:limit]
        views = self._views([entry["pk"] for entry in shown])
        matching = [view for view in views if job_filter.matches(view.job, view.progress)]
        return JobPage(views=matching, following=shown[-1]["listed_at"] if len(wanted) > limit else None)

    def count(self, scope: Scope, job_filter: JobFilter, *, at_most: int) -> JobCount:
        """Counts matching jobs, no further than one past `at_most`, or than a search goes."""
        if not job_filter.needs_records:
            entries = self._entries(scope, job_filter, after=None, page_size=at_most + 1)
            counted = sum(1 for _ in islice(entries, at_most + 1))
            return JobCount(jobs=counted, is_complete=counted <= at_most)
        counted = 0
        for found in self._search(scope, job_filter, after=None):
            counted += len(found.matching)
            if found.is_last or counted > at_most:
                return JobCount(jobs=min(counted, at_most + 1), is_complete=found.is_last and counted <= at_most)
        return JobCount(jobs=counted, is_complete=False)

    def _searched_page(
        self, scope: Scope, job_filter: JobFilter, *, after: str | None, offset: int, limit: int
    ) -> JobPage:
        """Returns a page for a filter that needs the records."""
        shown: list[JobView] = []
        to_skip, reached = offset, after
        for found in self._search(scope, job_filter, after=after):
            skipped = min(to_skip, len(found.matching))
            to_skip -= skipped
            shown += found.matching[skipped:]
            if len(shown) > limit:
                return JobPage(views=shown[:limit], following=sort_key(shown[limit - 1].job))
            if found.is_last:
                return JobPage(views=shown, following=None)
            reached = found.reached
        return JobPage(views=shown, following=reached, still_to_skip=to_skip)

    def _search(self, scope: Scope, job_filter: JobFilter, *, after: str | None) -> "Iterator[_Found]":
        """Yields matching jobs by batches of reads, over at most `SEARCHED_AT_MOST` jobs."""
        entries = self._entries(scope, job_filter, after=after, page_size=_BATCH)
        following = list(islice(entries, _BATCH))
        searched = 0
        while searched < SEARCHED_AT_MOST:
            batch, following = following, list(islice(entries, _BATCH))
            views = self._views([entry["pk"] for entry in batch])
            yield _Found(
                matching=[view for view in views if job_filter.matches(view.job, view.progress)],
                reached=batch[-1]["listed_at"] if batch else None,
                is_last=not following,
            )
            if not following:
                return
            searched += len(batch)

    def _entries(
        self, scope: Scope, job_filter: JobFilter, *, after: str | None, page_size: int
    ) -> Iterator[dict[str, Any]]:
        """Yields index entries in list order, merged from one partition for each status and job type."""
        bounds = _bounds(job_filter, after)
        if bounds is None:
            return
        index, prefix = _index(scope)
        job_types = [job_filter.job_type] if job_filter.job_type else list(JobType)
        partitions = [
            self._partition(
                index,
                f"{prefix}{status}|{job_type}",
                bounds=bounds,
                oldest_first=job_filter.oldest_first,
                page_size=page_size,
            )
            # In the order of the lifecycle: a job whose status changes meanwhile is met once or twice, never missed.
            for status in JobStatus
            if not job_filter.statuses or status in job_filter.statuses
            for job_type in job_types
        ]
        seen: set[str] = set()
        # The bounds are inclusive.
        entries = (
            entry
            for entry in heapq.merge(
                *partitions, key=lambda entry: str(entry["listed_at"]), reverse=not job_filter.oldest_first
            )
            if entry["listed_at"] != after
        )
        for entry in entries:
            if entry["pk"] not in seen:
                seen.add(entry["pk"])
                yield entry

    def _partition(
        self, index: str, partition: str, *, bounds: tuple[str, str], oldest_first: bool, page_size: int
    ) -> Iterator[dict[str, Any]]:
        low, high = bounds
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": f"by_{index}",
            "KeyConditionExpression": f"{index} = :partition AND listed_at BETWEEN :low AND :high",
            "ExpressionAttributeValues": encode({":partition": partition, ":low": low, ":high": high}),
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
        """Returns the jobs of these partitions in this order, live ones with their shards."""
        jobs = self._batch([encode({"pk": key, "sk": JOB_SORT_KEY}) for key in partition_keys])
        moving = [view.job for view in decode_views(jobs) if view.job.status in LIVE or not view.job.has_final_counts]
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
            # Keys that did not fit a response are read next; a response without any item means throttling.
            attempt = attempt + 1 if len(unread) == len(pending[:_BATCH]) else 0
            if attempt == _UNREAD_ATTEMPTS:
                raise UnavailableError
            if attempt:
                pause(attempt)
            pending = [*unread, *pending[_BATCH:]]
        return items


def _bounds(job_filter: JobFilter, after: str | None) -> tuple[str, str] | None:
    """Returns the first and last sort key of the list, both inclusive; None if no job can match."""
    low, high = _EVERYTHING
    if job_filter.created_after is not None:
        low = str(timestamp(_next_millisecond(job_filter.created_after)))
    if job_filter.created_before is not None:
        # No sort key is a time alone, so the inclusive bound adds none.
        high = str(timestamp(_next_millisecond(job_filter.created_before)))
    if after is not None:
        low, high = (max(low, after), high) if job_filter.oldest_first else (low, min(high, after))
    return (low, high) if low <= high else None


def _next_millisecond(moment: datetime) -> datetime:
    """Returns the first millisecond at or after the moment: times are stored to the millisecond."""
    return moment + timedelta(microseconds=-moment.microsecond % 1000)


def _index(scope: Scope) -> tuple[str, str]:
    if scope.organization_id is not None:
        return "organization_listing", f"{scope.organization_id}|"
    if scope.user_id is not None:
        return "user_listing", f"{scope.user_id}|"
    return "all_listing", ""
