"""Planning: its changes of a job's record, made once or repeatedly."""

from datetime import timedelta

import pytest

from shared.jobs.job import Job, JobStatus, Phase
from shared.jobs.processing import Planning
from tests.builders import NOON, NOTE, a_completed_job, a_count, a_job, a_processing_job, plan_facts
from tests.fakes import FakeJobStore, SettableClock


@pytest.fixture
def planning(store: FakeJobStore, clock: SettableClock) -> Planning:
    return Planning(store=store, clock=clock)


def current(store: FakeJobStore, job: Job) -> Job:
    view = store.get(job.id)
    assert view is not None
    return view.job


def queued(store: FakeJobStore) -> Job:
    job = a_job(status=JobStatus.QUEUED)
    store.add(job)
    return job


class TestBegin:
    def test_queued_job_starts_processing(self, planning: Planning, store: FakeJobStore) -> None:
        job = planning.begin(queued(store).id)
        assert job is not None
        assert (job.status, job.phase, job.started_at) == (JobStatus.PROCESSING, Phase.PLANNING, NOON)

    def test_second_planning_attempt_gets_the_same_job_and_start_time(
        self, planning: Planning, store: FakeJobStore, clock: SettableClock
    ) -> None:
        job = planning.begin(queued(store).id)
        assert job is not None
        clock.advance(timedelta(minutes=5))
        assert planning.begin(job.id) == job

    def test_planning_attempt_after_the_plan_does_not_set_the_job_back(
        self, planning: Planning, store: FakeJobStore
    ) -> None:
        job = a_processing_job()
        store.add(job)
        assert planning.begin(job.id) == job
        assert current(store, job).phase is Phase.SCORING

    @pytest.mark.parametrize("job", [a_completed_job(), a_job(status=JobStatus.FAILED)])
    def test_ended_job_is_not_planned(self, planning: Planning, store: FakeJobStore, job: Job) -> None:
        store.add(job)
        assert planning.begin(job.id) is None
        assert current(store, job) == job

    def test_deleted_job_is_not_planned(self, planning: Planning, store: FakeJobStore) -> None:
        job = queued(store)
        store.delete(job, now=NOON)
        assert planning.begin(job.id) is None

    @pytest.mark.parametrize("end", ["fail", "delete"])
    def test_job_that_ends_after_it_was_read_is_not_planned(
        self, planning: Planning, store: FakeJobStore, monkeypatch: pytest.MonkeyPatch, end: str
    ) -> None:
        job = queued(store)
        start = store.start

        def overtaken(read: Job, **at: object) -> None:
            if end == "fail":
                store.fail(read, error_code=None, error_message="x", cancelled=True, now=NOON)
            else:
                store.delete(read, now=NOON)
            start(read, **at)  # type: ignore[arg-type]

        monkeypatch.setattr(store, "start", overtaken)
        assert planning.begin(job.id) is None


class TestRecord:
    def test_plan_is_recorded_in_the_job(self, planning: Planning, store: FakeJobStore) -> None:
        job = planning.begin(queued(store).id)
        assert job is not None
        assert planning.record(job, plan_facts(total_rows=10, notes=(NOTE,)))
        known = current(store, job)
        assert (known.total_rows, known.chunk_count, known.shard_count, known.notes) == (10, 2, 1, (NOTE,))

    def test_second_planning_attempt_goes_on_to_scoring_and_loses_no_count(
        self, planning: Planning, store: FakeJobStore
    ) -> None:
        job = planning.begin(queued(store).id)
        assert job is not None
        planning.record(job, plan_facts())
        store.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
        assert planning.record(job, plan_facts())
        view = store.get(job.id)
        assert view is not None
        assert view.progress.processed_rows == 5

    @pytest.mark.parametrize("is_deleted", [False, True])
    def test_ended_job_is_not_scored(self, planning: Planning, store: FakeJobStore, *, is_deleted: bool) -> None:
        job = planning.begin(queued(store).id)
        assert job is not None
        store.fail(job, error_code=None, error_message="x", cancelled=True, now=NOON)
        if is_deleted:
            store.delete(job, now=NOON)
        assert not planning.record(job, plan_facts())


def test_file_that_cannot_be_scored_fails_the_job_with_the_reason(planning: Planning, store: FakeJobStore) -> None:
    job = planning.begin(queued(store).id)
    assert job is not None
    planning.refuse(job, error_code="empty_file", error_message="The file has no data rows")
    ended = current(store, job)
    assert (ended.status, ended.error_code, ended.error_message, ended.cancelled) == (
        JobStatus.FAILED,
        "empty_file",
        "The file has no data rows",
        False,
    )


def test_job_cancelled_before_its_file_is_refused_keeps_its_message(planning: Planning, store: FakeJobStore) -> None:
    job = planning.begin(queued(store).id)
    assert job is not None
    store.fail(job, error_code=None, error_message="Job cancelled by user", cancelled=True, now=NOON)
    planning.refuse(job, error_code="empty_file", error_message="The file has no data rows")
    assert current(store, job).error_message == "Job cancelled by user"
