"""Contract of `JobStore`: filters of the job list."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from shared.aws import clients, jobs_listing
from shared.aws.jobs_table import JobsTable
from shared.jobs.access import Scope
from shared.jobs.job import Job, JobStatus, UploadOptions
from shared.jobs.listing import JobFilter
from shared.jobs.ports import JobStore
from tests.aws_resources import TABLE, create_table
from tests.builders import NOON, a_count, a_job
from tests.contract.job_states import SECOND, scoring
from tests.fakes import FakeJobStore


def created(store: JobStore, number: int, **overrides: Any) -> Job:
    job = a_job(created_at=NOON + number * SECOND, **overrides)
    store.create(job)
    return job


def listed(store: JobStore, job_filter: JobFilter, *, limit: int = 2, offset: int = 0) -> list[Job]:
    """Returns every job of the list, following its cursors page by page as a caller does."""
    jobs: list[Job] = []
    after: str | None = None
    for _ in range(100):
        page = store.page(Scope(), job_filter, after=after, offset=offset, limit=limit)
        assert len(page.views) <= limit
        jobs += [view.job for view in page.views]
        after, offset = page.following, page.still_to_skip
        if after is None:
            return jobs
    raise AssertionError("the list does not end")


def test_created_after_and_before_limit_the_list(job_store: JobStore) -> None:
    jobs = [created(job_store, number) for number in range(5)]
    from_second = JobFilter(created_after=NOON + SECOND, created_before=NOON + 3 * SECOND)
    assert listed(job_store, from_second, limit=1) == jobs[2:0:-1]
    oldest_first = JobFilter(created_after=NOON + SECOND, oldest_first=True)
    assert listed(job_store, oldest_first, limit=3) == jobs[1:]
    assert job_store.count(Scope(), from_second, at_most=9).jobs == 2


def test_time_filters_distinguish_fractions_of_a_millisecond(job_store: JobStore) -> None:
    job = created(job_store, 0)
    just_after = NOON + timedelta(microseconds=500)
    assert listed(job_store, JobFilter(created_after=just_after)) == []
    assert listed(job_store, JobFilter(created_before=just_after)) == [job]
    assert listed(job_store, JobFilter(created_before=NOON)) == []


def test_cursor_outside_the_time_filter_ends_the_list(job_store: JobStore) -> None:
    created(job_store, 5)
    page = job_store.page(Scope(), JobFilter(created_after=NOON), after="2020-01-01T00:00:00.000Z|", offset=0, limit=5)
    assert (list(page.views), page.following) == ([], None)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"created_by": "ann"}, {"a"}),
        ({"created_by": "an"}, set()),
        ({"filename_contains": "FIGURES"}, {"a", "c"}),
        ({"filename_contains": "straße"}, {"b"}),
        ({"labels": frozenset({("team", "x")})}, {"a", "b"}),
        ({"labels": frozenset({("team", "x"), ("run", "1")})}, {"b"}),
        ({"labels": frozenset({("team", "y")})}, set()),
        ({"created_by": "bob", "filename_contains": "fig"}, {"c"}),
    ],
)
def test_creator_filename_and_label_filters_match_the_jobs(
    job_store: JobStore, wanted: dict[str, Any], expected: set[str]
) -> None:
    def labeled(**labels: str) -> UploadOptions:
        return UploadOptions(labels=labels)

    jobs = {
        "a": created(job_store, 1, created_by="ann", original_filename="Figures.csv", options=labeled(team="x")),
        "b": created(
            job_store, 2, created_by="bob", original_filename="STRASSE.csv", options=labeled(team="x", run="1")
        ),
        "c": created(job_store, 3, created_by="bob", original_filename="old figures.csv"),
    }
    shown = listed(job_store, JobFilter(**wanted), limit=1)
    assert {name for name, job in jobs.items() if job in shown} == expected
    assert job_store.count(Scope(), JobFilter(**wanted), at_most=9).jobs == len(expected)


def test_has_errors_filter_matches_row_errors_and_failed_jobs(job_store: JobStore) -> None:
    clean = created(job_store, 1)
    bad_rows = scoring(job_store)
    job_store.commit_chunk(bad_rows.id, a_count(0, 3, 2), shard=0, now=NOON)
    refused = created(job_store, 2)
    job_store.fail(refused, error_code="empty_file", error_message="The file is empty", cancelled=False, now=NOON)
    assert {job.id for job in listed(job_store, JobFilter(has_errors=True))} == {bad_rows.id, refused.id}
    assert [job.id for job in listed(job_store, JobFilter(has_errors=False))] == [clean.id]
    both = JobFilter(has_errors=True, statuses=frozenset({JobStatus.FAILED}))
    assert [job.id for job in listed(job_store, both)] == [refused.id]


@pytest.mark.parametrize("offset", [0, 1, 3, 7])
def test_offset_counts_matching_jobs_only(job_store: JobStore, offset: int) -> None:
    for number in range(12):
        created(job_store, number, created_by="ann" if number % 2 else "bob")
    ours = [job for job in listed(job_store, JobFilter(), limit=50) if job.created_by == "ann"]
    assert listed(job_store, JobFilter(created_by="ann"), offset=offset) == ours[offset:]


@pytest.fixture(scope="class")
def forty_jobs() -> Iterator[JobsTable]:
    """Forty jobs, every seventh of them created by ann."""
    with mock_aws():
        create_table()
        table = JobsTable(client=clients.dynamodb, table=TABLE)
        for number in range(40):
            created(table, number, created_by="ann" if number % 7 == 0 else "bob")
        yield table


class TestBoundedSearch:
    """The search of the DynamoDB adapter with a small budget, so that it ends early."""

    @given(limit=st.integers(1, 9), offset=st.integers(0, 8), budget=st.integers(1, 50), batch=st.integers(1, 12))
    @settings(deadline=None, max_examples=10)
    def test_search_that_ends_early_lists_each_job_once(
        self, forty_jobs: JobsTable, limit: int, offset: int, budget: int, batch: int
    ) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jobs_listing, "SEARCHED_AT_MOST", budget)
            patch.setattr(jobs_listing, "_BATCH", batch)
            shown = listed(forty_jobs, JobFilter(created_by="ann"), limit=limit, offset=offset)
            count = forty_jobs.count(Scope(), JobFilter(created_by="ann"), at_most=1000)
        assert [(NOON + number * SECOND) for number in (35, 28, 21, 14, 7, 0)][offset:] == [
            job.created_at for job in shown
        ]
        # Exact if the search reached the end, otherwise a lower bound.
        assert count.jobs == 6 if count.is_complete else count.jobs <= 6
        assert count.is_complete or budget < 40


@given(
    jobs=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["ann", "bob"])), max_size=12),
    after=st.none() | st.integers(0, 6),
    before=st.none() | st.integers(0, 6),
    limit=st.integers(1, 5),
    oldest_first=st.booleans(),
)
def test_pages_of_any_size_list_every_matching_job(
    jobs: list[tuple[int, str]],
    after: int | None,
    before: int | None,
    limit: int,
    oldest_first: bool,  # noqa: FBT001 - given by name
) -> None:
    store = FakeJobStore()
    all_jobs = [created(store, number, created_by=creator) for number, creator in jobs]
    job_filter = JobFilter(
        created_after=NOON + after * SECOND if after is not None else None,
        created_before=NOON + before * SECOND if before is not None else None,
        created_by="ann",
        oldest_first=oldest_first,
    )
    wanted = {
        job.id
        for job, (number, creator) in zip(all_jobs, jobs, strict=True)
        if creator == "ann" and (after is None or number >= after) and (before is None or number < before)
    }
    shown = listed(store, job_filter, limit=limit)
    assert {job.id for job in shown} == wanted
    assert len(shown) == len(wanted)
    assert [job.created_at for job in shown] == sorted((job.created_at for job in shown), reverse=not oldest_first)
