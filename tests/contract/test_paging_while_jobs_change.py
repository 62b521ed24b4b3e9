"""Cursor pagination on the jobs table while jobs are created, changed and deleted."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.jobs.access import Scope
from shared.jobs.job import Job, JobType
from shared.jobs.listing import JobFilter
from tests.aws_resources import TABLE, create_table
from tests.builders import NOON, a_job
from tests.contract.job_states import read

# Changes between two pages: create, fail or delete; the number selects one of the remaining jobs.
changes = st.lists(st.tuples(st.sampled_from(["make", "fail", "delete"]), st.integers(0, 50)), max_size=4)


@pytest.fixture(scope="module")
def table() -> Iterator[JobsTable]:
    with mock_aws():
        create_table()
        yield JobsTable(client=clients.dynamodb, table=TABLE)


@given(
    count=st.integers(0, 9),
    limit=st.integers(1, 4),
    oldest_first=st.booleans(),
    between=st.lists(changes, max_size=6),
    organization=st.uuids(),
)
@settings(deadline=None, max_examples=10)
def test_pages_list_each_job_once_while_jobs_change(
    table: JobsTable,
    count: int,
    limit: int,
    oldest_first: bool,  # noqa: FBT001
    between: list[list[tuple[str, int]]],
    organization: UUID,
) -> None:
    scope = Scope(organization_id=str(organization))

    def make(number: int) -> Job:
        # Several jobs share a millisecond, so that the id decides their order.
        at = NOON + timedelta(milliseconds=number // 3)
        job = a_job(organization_id=scope.organization_id, created_at=at, job_type=list(JobType)[number % 2])
        table.create(job)
        return job

    jobs = {job.id: job for job in map(make, range(count))}
    lasting, made = set(jobs), count
    shown: list[UUID] = []
    after = None
    for page_number in range(200):
        page = table.page(scope, JobFilter(oldest_first=oldest_first), after=after, offset=0, limit=limit)
        shown += [view.job.id for view in page.views]
        after = page.following
        if after is None:
            break
        for change, place in between[page_number] if page_number < len(between) else []:
            if change == "make":
                new = make(made)
                jobs[new.id] = new
                made += 1
            elif jobs:
                job = read(table, jobs[list(jobs)[place % len(jobs)]]).job
                if change == "delete":
                    table.delete(job, now=NOON)
                    del jobs[job.id]
                    lasting.discard(job.id)
                elif not job.status.is_terminal:
                    table.fail(job, error_code=None, error_message="it failed", cancelled=False, now=NOON)
    assert after is None
    assert len(shown) == len(set(shown))
    assert lasting <= set(shown)
