"""Ending a live job whoever else is changing it."""

import pytest

from shared.jobs.errors import TransitionRefusedError, UnavailableError
from shared.jobs.job import Job, JobStatus
from shared.jobs.lifecycle import fail_job
from shared.jobs.progress import JobView
from tests.builders import NOON, a_completed_job, a_job, plan_facts
from tests.fakes import FakeJobStore, SettableClock


def end(store: FakeJobStore, job: Job) -> tuple[JobView | None, bool]:
    return fail_job(store, job.id, error_code="oops", error_message="Oops.", clock=SettableClock())


def test_it_says_whether_it_was_this_call_that_ended_the_job(store: FakeJobStore) -> None:
    job = a_job()
    store.create(job)
    view, ended = end(store, job)
    assert ended
    assert view is not None
    assert (view.job.status, view.job.error_code) == (JobStatus.FAILED, "oops")
    assert end(store, job) == (view, False)


def test_a_job_that_ended_by_itself_stays_as_it_is(store: FakeJobStore) -> None:
    job = a_completed_job()
    store.add(job)
    view, ended = end(store, job)
    assert not ended
    assert view is not None
    assert view.job == job


def test_a_deleted_job_is_none(store: FakeJobStore) -> None:
    assert end(store, a_job()) == (None, False)


def test_a_job_that_moves_on_under_the_call_is_ended_where_it_is_then(
    store: FakeJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(status=JobStatus.QUEUED)
    store.add(job)
    fail = store.fail

    def overtaken(read: Job, **reason: object) -> None:
        monkeypatch.setattr(store, "fail", fail)
        store.start(read, now=NOON)
        store.record_plan(read, plan_facts(chunk_count=200), now=NOON)
        fail(read, **reason)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "fail", overtaken)
    view, ended = end(store, job)
    assert ended
    assert view is not None
    assert [shard.closed for shard in view.progress.shards] == [True] * 4


def test_a_record_that_never_holds_still_is_reported_and_not_tried_for_ever(
    store: FakeJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job()
    store.create(job)
    attempts: list[Job] = []

    def refuse(read: Job, **_reason: object) -> None:
        attempts.append(read)
        raise TransitionRefusedError

    monkeypatch.setattr(store, "fail", refuse)
    with pytest.raises(UnavailableError):
        end(store, job)
    assert 2 <= len(attempts) <= 100
