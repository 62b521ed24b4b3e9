"""Contract of `JobStore`: listing and counting jobs."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from shared.jobs.access import Scope
from shared.jobs.job import Job, JobStatus, JobType, Source
from shared.jobs.listing import JobCount, JobFilter
from shared.jobs.ports import JobStore
from tests.builders import NOON, a_count, a_job
from tests.contract.job_states import SECOND, failed, queued, scoring, unsettled

ALL = JobFilter()


def created(store: JobStore, number: int, **overrides: object) -> Job:
    job = a_job(created_at=NOON + number * SECOND, **overrides)
    store.create(job)
    return job


def listed(store: JobStore, scope: Scope, job_filter: JobFilter = ALL, *, limit: int = 50) -> list[Job]:
    """Returns every job of the list, read page by page."""
    jobs: list[Job] = []
    after: str | None = None
    while True:
        page = store.page(scope, job_filter, after=after, offset=0, limit=limit)
        assert len(page.views) <= limit
        jobs += [view.job for view in page.views]
        after = page.following
        if after is None:
            return jobs


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_of_any_size_list_each_job_once_newest_first(job_store: JobStore, limit: int) -> None:
    jobs = [created(job_store, n, job_type=list(JobType)[n % 2]) for n in range(7)]
    assert listed(job_store, Scope(organization_id="acme"), limit=limit) == jobs[::-1]
    assert listed(job_store, Scope(organization_id="acme"), JobFilter(oldest_first=True), limit=limit) == jobs


def test_jobs_created_in_the_same_millisecond_are_each_listed_once(job_store: JobStore) -> None:
    jobs = [created(job_store, 0) for _ in range(5)]
    shown = listed(job_store, Scope(), limit=2)
    assert sorted(job.id for job in shown) == sorted(job.id for job in jobs)


def test_offset_skips_that_many_jobs(job_store: JobStore) -> None:
    jobs = [created(job_store, n) for n in range(5)][::-1]
    page = job_store.page(Scope(), ALL, after=None, offset=3, limit=1)
    assert [view.job for view in page.views] == [jobs[3]]
    assert page.following is not None
    rest = job_store.page(Scope(), ALL, after=page.following, offset=0, limit=5)
    assert [view.job for view in rest.views] == [jobs[4]]
    beyond = job_store.page(Scope(), ALL, after=None, offset=5, limit=5)
    assert (list(beyond.views), beyond.following) == ([], None)


def test_scope_lists_its_own_jobs_only(job_store: JobStore) -> None:
    ours = created(job_store, 1)
    theirs = created(job_store, 2, organization_id="acme-2", user_id="user-2")
    own = created(job_store, 3, organization_id=None, user_id="user-3")
    assert listed(job_store, Scope(organization_id="acme")) == [ours]
    assert listed(job_store, Scope(organization_id="acme-2")) == [theirs]
    assert listed(job_store, Scope(user_id="user-3")) == [own]
    assert listed(job_store, Scope(organization_id="acm")) == []
    assert listed(job_store, Scope()) == [own, theirs, ours]


def test_dropped_file_is_listed_for_its_organization_but_no_user(job_store: JobStore) -> None:
    dropped = created(job_store, 1, source=Source.S3_DROP, user_id="s3-drop")
    assert listed(job_store, Scope(organization_id="acme")) == [dropped]
    assert listed(job_store, Scope(user_id="s3-drop")) == []
    assert listed(job_store, Scope()) == [dropped]


def test_user_id_that_resembles_an_index_key_lists_own_jobs_only(job_store: JobStore) -> None:
    created(job_store, 1, organization_id=None, user_id="a")
    odd = created(job_store, 2, organization_id=None, user_id="a|pending|annual")
    assert listed(job_store, Scope(user_id="a|pending|annual")) == [odd]


def test_filters_by_status_and_job_type_match_the_jobs(job_store: JobStore) -> None:
    pending = created(job_store, 1)
    quarterly = created(job_store, 2, job_type=JobType.QUARTERLY)
    waiting = queued(job_store, created_at=NOON + 3 * SECOND)
    running = scoring(job_store)
    ended = failed(job_store, scoring(job_store))
    jobs = [pending, quarterly, waiting, running, ended]
    for statuses, job_type in product(
        [frozenset(), frozenset({JobStatus.FAILED}), frozenset({JobStatus.PENDING, JobStatus.PROCESSING})],
        [None, *JobType],
    ):
        expected = {
            job.id
            for job in jobs
            if (not statuses or job.status in statuses) and (job_type is None or job.job_type is job_type)
        }
        job_filter = JobFilter(statuses=statuses, job_type=job_type)
        assert {job.id for job in listed(job_store, Scope(), job_filter, limit=2)} == expected
        assert job_store.count(Scope(), job_filter, at_most=10) == JobCount(jobs=len(expected), is_complete=True)


def test_job_is_listed_under_its_new_status_in_every_scope(job_store: JobStore) -> None:
    job = scoring(job_store)
    job_store.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
    failed(job_store, job)
    scopes = (Scope(), Scope(organization_id="acme"), Scope(user_id="user-1"))
    for scope in scopes:
        for status in JobStatus:
            shown = listed(job_store, scope, JobFilter(statuses=frozenset({status})))
            assert [entry.id for entry in shown] == ([job.id] if status is JobStatus.FAILED else [])


def test_list_has_progress_of_live_jobs_and_final_counts_of_ended_jobs(job_store: JobStore) -> None:
    live = scoring(job_store)
    job_store.commit_chunk(live.id, a_count(1, 3, 2), shard=0, now=NOON)
    unsettled = scoring(job_store)
    job_store.commit_chunk(unsettled.id, a_count(0, 1, 4), shard=0, now=NOON)
    failed(job_store, unsettled)
    ended = scoring(job_store)
    job_store.complete(ended, successful=9, failed=1, now=NOON)
    views = {view.job.id: view for view in job_store.page(Scope(), ALL, after=None, offset=0, limit=9).views}
    assert views[live.id].progress.failed_rows == 2
    assert views[unsettled.id].progress.failed_rows == 4
    assert views[ended.id].job.final_failed_rows == 1


def test_deleted_job_is_in_no_list(job_store: JobStore) -> None:
    kept, gone = created(job_store, 1), created(job_store, 2)
    job_store.delete(gone, now=NOON)
    for scope in (Scope(), Scope(organization_id="acme"), Scope(user_id="user-1")):
        assert listed(job_store, scope) == [kept]
        assert job_store.count(scope, ALL, at_most=9).jobs == 1


def test_pages_list_each_job_once_while_jobs_are_created_and_deleted(job_store: JobStore) -> None:
    jobs = [created(job_store, n) for n in range(6)][::-1]
    first = job_store.page(Scope(), ALL, after=None, offset=0, limit=3)
    created(job_store, 99)
    job_store.delete(jobs[0], now=NOON)
    job_store.delete(jobs[2], now=NOON)
    job_store.fail(jobs[4], error_code=None, error_message="x", cancelled=False, now=NOON)
    second = job_store.page(Scope(), ALL, after=first.following, offset=0, limit=3)
    shown = [view.job.id for page in (first, second) for view in page.views]
    assert shown == [job.id for job in jobs]
    assert second.following is None


def test_count_stops_at_its_limit(job_store: JobStore) -> None:
    for number in range(5):
        created(job_store, number, job_type=list(JobType)[number % 2])
    counts = [job_store.count(Scope(), ALL, at_most=at_most) for at_most in (1, 4, 5, 6)]
    assert [(count.jobs, count.is_complete) for count in counts] == [(2, False), (5, False), (5, True), (5, True)]


def test_page_may_need_more_shards_than_one_batch_read_returns(job_store: JobStore) -> None:
    busy = [scoring(job_store, chunks=500) for _ in range(11)]
    for number in range(30):
        created(job_store, number)
    page = job_store.page(Scope(), ALL, after=None, offset=0, limit=41)
    assert len(page.views) == 41
    assert page.following is None
    by_id = {view.job.id: view for view in page.views}
    assert {len(by_id[job.id].progress.shards) for job in busy} == {10}


def test_unsettled_jobs_are_live_unassembled_or_deleted(job_store: JobStore) -> None:
    pending = created(job_store, 1)
    unfinished = failed(job_store, scoring(job_store))
    settled = failed(job_store, scoring(job_store))
    job_store.record_assembly(settled, successful=0, failed=0, now=NOON)
    completed = scoring(job_store)
    job_store.complete(completed, successful=0, failed=0, now=NOON)
    deleted = created(job_store, 2)
    job_store.delete(deleted, now=NOON + timedelta(minutes=1))
    deleted_after_settling = replace(settled, shard_count=settled.shard_count)
    assert set(unsettled(job_store)) == {pending.id, unfinished.id, deleted.id}
    job_store.delete(deleted_after_settling, now=NOON)
    assert set(unsettled(job_store)) == {pending.id, unfinished.id, deleted.id, settled.id}
