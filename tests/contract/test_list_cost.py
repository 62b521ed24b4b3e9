"""Read cost of a page of the job list: independent of the number of other tenants' jobs."""

from itertools import islice

import pytest
from moto import mock_aws

from shared.aws import clients
from shared.aws.jobs_listing import JobsListing
from shared.jobs.listing import JobFilter
from tests.aws_resources import TABLE, create_table
from tests.read_units import MeteredClient
from tests.tools.benchmarks.listing import SCOPE, IndexesInMemory, jobs_of, page_cost


@pytest.mark.parametrize("oldest_first", [False, True])
def test_in_memory_indexes_return_and_cost_the_same_as_dynamodb(oldest_first: bool) -> None:  # noqa: FBT001
    items = jobs_of(own=25, others=12)
    job_filter = JobFilter(oldest_first=oldest_first)
    found = []
    with mock_aws():
        create_table()
        for item in items:
            clients.dynamodb().put_item(TableName=TABLE, Item=item)
        for client in map(MeteredClient, (clients.dynamodb(), IndexesInMemory(items))):
            listing = JobsListing(client=lambda client=client: client, table=TABLE)  # type: ignore[misc]
            after, pages = None, []
            for _ in range(4):
                page = listing.page(SCOPE, job_filter, after=after, offset=0, limit=7)
                pages.append([view.job.id for view in page.views])
                after = page.following
            found.append((pages, after, listing.count(SCOPE, job_filter, at_most=20), client.units, client.requests))
    assert found[0] == found[1]
    assert sum(map(len, found[0][0])) == 25


def test_page_costs_the_same_for_any_number_of_foreign_jobs() -> None:
    costs = [page_cost(own=100, others=others) for others in (10, 300, 3_000)]
    ours = {cost.subject.values for cost in costs}
    assert len(ours) == 1
    # A scan of every job costs more with each further job.
    naive = [cost.baselines[0].values[0] for cost in costs]
    assert naive == sorted(set(naive))
    assert all(units < naive[-1] / 5 for (units,) in islice(ours, 1))
