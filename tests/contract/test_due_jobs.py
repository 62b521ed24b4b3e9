"""Contract of `JobStore`: the jobs that reconcile has to look at."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.jobs.deadlines import START_GRACE
from shared.jobs.errors import TransitionRefusedError
from shared.jobs.job import UPLOAD_DEADLINE, Job
from shared.jobs.ports import LONGEST_WORKER, JobStore
from tests.builders import NOON, a_job
from tests.contract.job_states import SECOND, failed, queued, scoring, unsettled

HOUR = timedelta(hours=1)


def created(store: JobStore, number: int) -> Job:
    job = a_job(created_at=NOON + number * SECOND)
    store.create(job)
    return job


def test_jobs_are_due_in_order_from_the_time_that_their_status_gives(job_store: JobStore) -> None:
    announced = created(job_store, 0)
    waiting = queued(job_store)
    ended = failed(job_store, scoring(job_store))
    deleted = queued(job_store)
    job_store.delete(deleted, now=NOON)
    expected = [
        (ended.id, NOON + 9 * SECOND),
        (waiting.id, NOON + SECOND + START_GRACE),
        (deleted.id, NOON + LONGEST_WORKER),
        (announced.id, announced.created_at + UPLOAD_DEADLINE),
    ]
    for count, (_, at) in enumerate(expected, start=1):
        found = [(job.id, job.due_at) for job in job_store.due(at)]
        assert found == expected[:count]
        assert len(list(job_store.due(at - timedelta(milliseconds=1)))) == count - 1


def test_due_job_is_looked_at_again_at_another_time_unless_it_changed(job_store: JobStore) -> None:
    job = failed(job_store, scoring(job_store))
    (due,) = job_store.due(NOON + HOUR)
    job_store.look_again(due, at=NOON + 2 * HOUR)
    assert list(job_store.due(NOON + HOUR)) == []
    assert [found.due_at for found in job_store.due(NOON + 2 * HOUR)] == [NOON + 2 * HOUR]
    with pytest.raises(TransitionRefusedError):
        job_store.look_again(due, at=NOON)
    job_store.record_assembly(job, successful=0, failed=0, now=NOON)
    with pytest.raises(TransitionRefusedError):
        job_store.look_again(replace(due, due_at=NOON + 2 * HOUR), at=NOON)
    assert unsettled(job_store) == []


def test_due_jobs_of_more_than_one_page_are_all_found(job_store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.aws.jobs_table._DUE_PAGE", 3)
    jobs = {created(job_store, number).id for number in range(10)}
    assert {job.id for job in job_store.due(NOON + timedelta(days=3))} == jobs
