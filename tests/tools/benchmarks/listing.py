"""DynamoDB read units of a page of the job list, by the number of the caller's and of other jobs.

The real listing reads indexes in memory, since moto takes minutes for 100,000 jobs; a test compares the two. Units are
counted from the responses; see `tests.read_units`. The first page also counts up to 1,000 jobs for the total; pages
after a cursor read only themselves.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from shared.aws import job_items, table_keys
from shared.aws.jobs_listing import JobsListing
from shared.jobs.access import Scope
from shared.jobs.job import Job, JobStatus, JobType
from shared.jobs.listing import JobFilter
from shared.jobs.service import COUNTED_AT_MOST
from tests.builders import NOON, ORGANIZATION, a_completed_job
from tests.read_units import MeteredClient, scan_units
from tests.tools.benchmarks.measurements import Measurement, Series

PAGE: Final = 50
TABLE: Final = "jobs"
SCOPE: Final = Scope(organization_id=ORGANIZATION)
_STATUSES: Final = (JobStatus.COMPLETED, JobStatus.FAILED)


def measure() -> tuple[Measurement, ...]:
    """Returns read units of a page of 50, for growing numbers of other tenants' jobs and of own jobs."""
    return (
        *(page_cost(own=1_000, others=others) for others in (10, 1_000, 100_000)),
        *(page_cost(own=own, others=0) for own in (10, 100_000)),
    )


def page_cost(*, own: int, others: int) -> Measurement:
    """Returns the read units of the first page, and in a note those of the next page."""
    items = jobs_of(own, others)
    client: Any = MeteredClient(IndexesInMemory(items))
    listing = JobsListing(client=lambda: client, table=TABLE)
    page = listing.page(SCOPE, JobFilter(), after=None, offset=0, limit=PAGE)
    first = client.units
    listing.count(SCOPE, JobFilter(), at_most=COUNTED_AT_MOST)
    with_total = client.units
    listing.page(SCOPE, JobFilter(), after=page.following or "0", offset=0, limit=PAGE)
    following = client.units - with_total
    return Measurement(
        title=f"List {PAGE} of {own:,} jobs, with {others:,} jobs of other tenants",
        quantity="read units",
        unit="page",
        subject=Series(name="`JobsListing`, with the total", values=(with_total,)),
        baselines=(Series(name="reading every job", values=(scan_units(items),)),),
        notes=(f"{first:g} of them for the page, the rest for the total; the next page takes {following:g}",),
    )


class IndexesInMemory:
    """The queries and batch reads that the listing makes, on these job items."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = {(item["pk"]["S"], item["sk"]["S"]): item for item in items}
        self._partitions: dict[tuple[str, str], list[Any]] = {}
        for item in sorted(self.items.values(), key=_place):
            for index in ("organization_listing", "user_listing", "all_listing"):
                if index in item:
                    entry = {name: item[name] for name in (index, "listed_at", "pk", "sk")}
                    self._partitions.setdefault((index, item[index]["S"]), []).append(entry)

    def query(self, **request: Any) -> Any:
        """Returns the entries of a partition between two sort keys, at most `Limit` of them."""
        values = request["ExpressionAttributeValues"]
        low, high = values[":low"]["S"], values[":high"]["S"]
        partition = self._partitions.get((request["IndexName"].removeprefix("by_"), values[":partition"]["S"]), [])
        first = bisect_left(partition, low, key=_place)
        last = bisect_right(partition, high, key=_place)
        if "ExclusiveStartKey" in request:
            start = _place(request["ExclusiveStartKey"])
            if request["ScanIndexForward"]:
                first = bisect_right(partition, start, key=_place)
            else:
                last = bisect_left(partition, start, key=_place)
        if request["ScanIndexForward"]:
            entries = partition[first : min(last, first + request["Limit"])]
        else:
            entries = partition[max(first, last - request["Limit"]) : last][::-1]
        more = {"LastEvaluatedKey": entries[-1]} if len(entries) == request["Limit"] else {}
        return {"Items": entries, **more}

    def batch_get_item(self, **request: Any) -> Any:
        """Returns the items of those keys that exist."""
        ((table, wanted),) = request["RequestItems"].items()
        found = [self.items.get((key["pk"]["S"], key["sk"]["S"])) for key in wanted["Keys"]]
        return {"Responses": {table: [item for item in found if item is not None]}, "UnprocessedKeys": {}}


def jobs_of(own: int, others: int) -> list[Any]:
    """Returns the items of `own` ended jobs of `ORGANIZATION` and of `others` older ones of other tenants."""
    items = [_item(number, f"other-{number % 100}") for number in range(others)]
    return items + [_item(others + number, ORGANIZATION) for number in range(own)]


def _place(item: Any) -> str:
    place: str = item["listed_at"]["S"]
    return place


def _item(number: int, organization_id: str) -> Any:
    job: Job = replace(
        a_completed_job(
            id=UUID(int=number),
            organization_id=organization_id,
            user_id=f"user-{organization_id}",
            job_type=list(JobType)[number % 2],
            status=_STATUSES[number // 2 % 2],
        ),
        created_at=NOON + timedelta(seconds=number),
    )
    final = table_keys.encode(
        {"final_successful_rows": 8, "final_failed_rows": 2, "total_rows": 10, "results_ready": True}
    )
    return {**job_items.encode_job(job), **final}
