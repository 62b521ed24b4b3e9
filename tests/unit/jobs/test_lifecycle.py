"""`fail_job` ends a live job even if the job changes at the same time."""

import pytest

from shared.jobs.errors import TransitionRefusedError, UnavailableError
from shared.jobs.job import Job, JobStatus
from shared.jobs.lifecycle import fail_job
from shared.jobs.progress import JobView
from tests.builders import NOON, a_completed_job, a_job, plan_facts
from tests.fakes import FakeJobStore, SettableClock


def end(store: FakeJobStore, job: Job) -> tuple[JobView | None, bool]:
    return fail_job(store, job.id, error_code="oops", error_message="Oops.", clock=SettableClock())


def test_fail_job_returns_whether_this_call_ended_the_job(store: FakeJobStore) -> None:
    job = a_job()
    store.create(job)
    view, ended = end(store, job)
    assert ended
    assert view is not None
    assert (view.job.status, view.job.error_code) == (JobStatus.FAILED, "oops")
    assert end(store, job) == (view, False)


def test_fail_job_does_not_change_an_ended_job(store: FakeJobStore) -> None:
    job = a_completed_job()
    store.add(job)
    view, ended = end(store, job)
    assert not ended
    assert view is not None
    assert view.job == job


def test_fail_job_returns_none_for_a_deleted_job(store: FakeJobStore) -> None:
    assert end(store, a_job()) == (None, False)


def test_fail_job_ends_a_job_that_changes_during_the_call(store: FakeJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_fail_job_gives_up_when_the_record_keeps_changing(store: FakeJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
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
