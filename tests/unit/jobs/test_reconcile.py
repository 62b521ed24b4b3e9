"""Reconciliation: every way in which a job can get stuck, and that one run fails it with a readable reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from shared.jobs.deadlines import CHECK_INTERVAL, START_GRACE
from shared.jobs.job import Job, JobStatus, Outcome, Phase
from shared.jobs.ports import DueJob, Execution
from shared.jobs.progress import JobView
from shared.jobs.reconcile import Reconciliation
from shared.jobs.uploads import upload_key
from tests.builders import NOON, a_completed_job, a_count, a_job, a_processing_job, a_retry_job, a_stored_input
from tests.fakes import (
    FakeAssembler,
    FakeJobStore,
    FakePreparer,
    FakeResultStore,
    FakeUploadStore,
    FakeWorkflow,
    SettableClock,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class World:
    """Reconciliation and its fakes."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.store = FakeJobStore()
        self.uploads = FakeUploadStore()
        self.results = FakeResultStore()
        self.workflow = FakeWorkflow()
        self.assembler = FakeAssembler()
        self.preparer = FakePreparer()
        self.reconciliation = Reconciliation(
            store=self.store,
            uploads=self.uploads,
            results=self.results,
            workflow=self.workflow,
            request_assembly=self.assembler,
            request_retry_file=self.preparer,
            clock=self.clock,
        )

    def add(self, job: Job, *, running: bool = False) -> Job:
        self.store.add(job)
        if running:
            self.workflow.start(job)
        return job

    def after(self, by: timedelta, job: Job) -> Job:
        """Returns the job after one reconcile run, `by` later."""
        self.clock.advance(by)
        assert self.reconciliation.reconcile_due() == 0
        view = self.store.get(job.id)
        assert view is not None
        return view.job


@pytest.fixture
def world() -> World:
    return World()


def assert_ended(job: Job, error_code: str) -> None:
    assert (job.status, job.phase, job.error_code) == (JobStatus.FAILED, Phase.DONE, error_code)
    assert job.error_message is not None
    assert len(job.error_message.split()) > 5
    assert job.error_message.endswith(".")
    assert "arn:" not in job.error_message
    assert not job.cancelled


class TestPending:
    @pytest.mark.hazard("A lost status event, a stale heartbeat, an upload that never comes, an execution that is gone")
    def test_upload_that_never_arrives_fails_the_job_after_a_day(self, world: World) -> None:
        job = world.add(a_job())
        assert world.after(24 * HOUR - MINUTE, job).status is JobStatus.PENDING
        assert_ended(world.after(MINUTE, job), "upload_expired")
        assert world.assembler.requested == [job.id]


class TestQueued:
    def test_job_that_was_just_queued_does_not_change(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED))
        assert world.after(4 * MINUTE, job) == job
        assert world.workflow.executions == {}

    def test_execution_that_was_never_started_is_started(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED))
        assert world.after(5 * MINUTE, job).status is JobStatus.QUEUED
        assert list(world.workflow.executions) == [job.id]

    def test_queued_job_with_a_waiting_execution_does_not_change(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED), running=True)
        assert world.after(3 * HOUR, job) == job

    def test_execution_that_ended_before_planning_fails_the_job(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED), running=True)
        world.workflow.end(job.id, cause="arn:aws:lambda:secret")
        assert_ended(world.after(5 * MINUTE, job), "execution_ended")

    def test_execution_that_cannot_be_started_for_hours_fails_the_job(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED))
        assert_ended(world.after(6 * HOUR, job), "execution_ended")

    def test_execution_that_does_not_plan_for_hours_fails_the_job(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED), running=True)
        assert_ended(world.after(6 * HOUR, job), "stalled")
        assert world.workflow.stopped == [job.id]


class TestProcessing:
    @pytest.mark.hazard("A lost status event, a stale heartbeat, an upload that never comes, an execution that is gone")
    def test_job_fails_after_its_execution_ended_and_the_event_was_lost(self, world: World) -> None:
        job = world.add(a_processing_job(), running=True)
        world.workflow.end(job.id, cause="States.Timeout")
        assert_ended(world.after(START_GRACE, job), "execution_ended")
        assert world.assembler.requested == [job.id]

    @pytest.mark.hazard("A lost status event, a stale heartbeat, an upload that never comes, an execution that is gone")
    def test_execution_that_no_longer_exists_fails_the_job(self, world: World) -> None:
        job = world.add(a_processing_job())
        assert world.after(4 * MINUTE, job).status is JobStatus.PROCESSING
        assert_ended(world.after(MINUTE, job), "execution_ended")

    @pytest.mark.hazard("A lost status event, a stale heartbeat, an upload that never comes, an execution that is gone")
    def test_stale_heartbeat_fails_the_job_and_stops_its_execution(self, world: World) -> None:
        job = world.add(a_processing_job(), running=True)
        assert world.after(29 * MINUTE, job).status is JobStatus.PROCESSING
        assert_ended(world.after(CHECK_INTERVAL, job), "stalled")
        assert world.workflow.stopped == [job.id]

    def test_every_chunk_commit_is_a_heartbeat(self, world: World) -> None:
        job = world.add(a_processing_job(), running=True)
        world.store.commit_chunk(job.id, a_count(0), shard=0, now=NOON + 29 * MINUTE)
        assert world.after(58 * MINUTE, job).status is JobStatus.PROCESSING
        ended = world.after(CHECK_INTERVAL, job)
        assert_ended(ended, "stalled")
        view = world.store.get(job.id)
        assert view is not None
        assert view.progress.processed_rows == 5

    def test_scored_job_does_not_fail_while_finalize_is_retried(self, world: World) -> None:
        job = world.add(a_processing_job(), running=True)
        for chunk in range(job.chunk_count):
            world.store.commit_chunk(job.id, a_count(chunk), shard=0, now=NOON)
        # Finalize is throttled while other jobs use up the account's concurrency, and retried for an hour.
        assert world.after(89 * MINUTE, job).status is JobStatus.PROCESSING
        assert_ended(world.after(CHECK_INTERVAL, job), "stalled")

    def test_finalize_without_a_heartbeat_fails_the_job(self, world: World) -> None:
        job = world.add(a_processing_job(phase=Phase.FINALIZING), running=True)
        for chunk in range(job.chunk_count):
            world.store.commit_chunk(job.id, a_count(chunk), shard=0, now=NOON)
        assert_ended(world.after(30 * MINUTE, job), "stalled")

    @pytest.mark.parametrize("phase", [Phase.PLANNING, Phase.SCORING, Phase.FINALIZING])
    def test_stale_heartbeat_fails_the_job_in_every_phase(self, world: World, phase: Phase) -> None:
        job = world.add(a_processing_job(phase=phase), running=True)
        assert_ended(world.after(31 * MINUTE, job), "stalled")

    def test_job_that_completes_during_reconcile_stays_completed(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = world.add(a_processing_job(), running=True)
        describe = world.workflow.describe

        def completed_first(job_id: UUID) -> object:
            world.store.complete(job, successful=10, failed=0, now=NOON)
            world.workflow.end(job_id)
            return describe(job_id)

        monkeypatch.setattr(world.workflow, "describe", completed_first)
        assert world.after(START_GRACE, job).status is JobStatus.COMPLETED


class TestEnded:
    def test_failed_job_without_files_gets_its_files(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.FAILED, completed_at=NOON))
        assert world.after(MINUTE, job) == job
        assert world.assembler.requested == [job.id]

    def test_ended_job_with_files_is_not_read(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        for job in (a_completed_job(), a_completed_job(status=JobStatus.FAILED)):
            world.add(job)
            read: list[UUID] = []
            monkeypatch.setattr(world.store, "tombstone", read.append)
            monkeypatch.setattr(world.workflow, "describe", read.append)
            world.after(HOUR, job)
            assert (read, world.assembler.requested) == ([], [])

    def test_ended_job_that_the_index_still_names_does_not_change(self, world: World) -> None:
        job = world.add(a_completed_job(status=JobStatus.FAILED))
        world.reconciliation.reconcile(job.id)
        assert world.assembler.requested == []


class TestDeleted:
    def deleted(self, world: World) -> Job:
        job = a_job(status=JobStatus.FAILED)
        stored = a_stored_input(job.id)
        job = a_job(id=job.id, status=JobStatus.FAILED, stored_input=stored)
        world.add(job)
        world.store.delete(job, now=world.clock())
        world.uploads.objects[stored.key, stored.version_id] = b"late"
        world.results.errors[job.id, 0] = b"late"
        world.results.files[job.id, Outcome.ALL] = b"late"
        return job

    @pytest.mark.hazard("A delete while a late chunk writes")
    def test_objects_of_late_workers_are_deleted_once_no_worker_can_be_left(self, world: World) -> None:
        job = self.deleted(world)
        world.clock.advance(15 * MINUTE)
        world.reconciliation.reconcile_due()
        assert world.results.files
        world.clock.advance(MINUTE)
        assert world.reconciliation.reconcile_due() == 0
        assert (world.results.files, world.results.errors, world.uploads.objects) == ({}, {}, {})
        assert world.store.unsettled() == []
        assert world.store.tombstone(job.id) is not None

    def test_another_version_of_a_deleted_upload_stays(self, world: World) -> None:
        job = self.deleted(world)
        world.uploads.objects[upload_key(job.id), "v2"] = b"other"
        world.clock.advance(HOUR)
        world.reconciliation.reconcile_due()
        assert list(world.uploads.objects) == [(upload_key(job.id), "v2")]

    def test_next_reconcile_run_repeats_one_that_crashed(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        job = self.deleted(world)

        def crash(_job_id: UUID) -> None:
            raise OSError("no network")

        world.clock.advance(HOUR)
        with monkeypatch.context() as patch:
            patch.setattr(world.results, "delete_all", crash)
            assert world.reconciliation.reconcile_due() == 1
        assert world.store.unsettled() == [job.id]
        assert world.reconciliation.reconcile_due() == 0
        assert world.results.files == {}


def test_failure_with_one_job_does_not_affect_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [world.add(a_job()) for _ in range(5)]
    broken = jobs[2].id
    get = world.store.get

    def failing(job_id: UUID) -> JobView | None:
        if job_id == broken:
            raise OSError("throttled")
        return get(job_id)

    world.clock.advance(24 * HOUR)
    monkeypatch.setattr(world.store, "get", failing)
    assert world.reconciliation.reconcile_due() == 1
    ended = [view.job.status for job in jobs if job.id != broken and (view := get(job.id))]
    assert ended == [JobStatus.FAILED] * 4


def test_id_of_a_job_that_no_longer_exists_is_ignored(world: World) -> None:
    world.reconciliation.reconcile(a_job().id)
    assert world.assembler.requested == []


def test_retry_file_is_requested_again_once_no_worker_can_be_left(world: World) -> None:
    job = world.add(a_retry_job())
    assert world.after(15 * MINUTE, job) == job
    assert world.preparer.requested == []
    assert world.after(MINUTE, job) == job
    assert world.preparer.requested == [job.id]
    # The retry fails far sooner than a job whose upload is missing.
    assert_ended(world.after(2 * HOUR, job), "retry_not_prepared")
    assert world.preparer.requested == [job.id]
    assert world.assembler.requested == [job.id]


def test_missing_upload_is_not_requested_as_a_retry_file(world: World) -> None:
    world.after(3 * HOUR, world.add(a_job()))
    assert world.preparer.requested == []


def test_job_that_is_not_due_is_not_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    announced = world.add(a_job())
    world.clock.advance(23 * HOUR)
    seen: list[UUID] = []
    monkeypatch.setattr(world.store, "get", seen.append)
    assert world.reconciliation.reconcile_due() == 0
    assert seen == []
    world.clock.advance(HOUR)
    world.reconciliation.reconcile_due()
    assert seen == [announced.id]


def test_execution_of_a_job_with_a_fresh_heartbeat_is_not_described(world: World) -> None:
    job = world.add(a_processing_job(updated_at=NOON), running=True)
    world.workflow.end(job.id, cause="killed")
    world.clock.advance(6 * MINUTE)
    world.store.commit_chunk(job.id, a_count(0), shard=0, now=world.clock() - MINUTE)
    assert world.after(timedelta(), job).status is JobStatus.PROCESSING
    assert world.after(CHECK_INTERVAL, job).status is JobStatus.FAILED


def test_event_of_an_ended_execution_is_acted_on_at_once(world: World) -> None:
    job = world.add(a_processing_job(updated_at=NOON), running=True)
    world.workflow.end(job.id, cause="killed")
    world.reconciliation.reconcile(job.id)
    view = world.store.get(job.id)
    assert view is not None
    assert view.job.status is JobStatus.FAILED


def test_full_run_leaves_the_jobs_that_became_due_last_to_the_next(world: World) -> None:
    jobs = [world.add(a_job(created_at=NOON + n * MINUTE)) for n in range(10)]
    world.clock.advance(25 * HOUR)
    turns = iter([True] * 7 + [False])
    assert world.reconciliation.reconcile_due(has_time=lambda: next(turns)) == 0
    ended = [view.job.status for job in jobs if (view := world.store.get(job.id))]
    assert ended == [JobStatus.FAILED] * 7 + [JobStatus.PENDING] * 3
    assert world.reconciliation.reconcile_due() == 0
    ended = [view.job.status for job in jobs if (view := world.store.get(job.id))]
    assert ended == [JobStatus.FAILED] * 10


def test_job_that_fails_every_time_does_not_keep_a_full_run_from_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = (world.add(a_job(created_at=NOON + n * MINUTE)) for n in range(2))
    get = world.store.get
    monkeypatch.setattr(world.store, "get", lambda job_id: 1 / 0 if job_id == broken.id else get(job_id))
    world.clock.advance(25 * HOUR)
    for _ in range(2):
        turns = iter([True, False])
        world.reconciliation.reconcile_due(has_time=lambda turns=turns: next(turns))  # type: ignore[misc]
    view = get(other.id)
    assert view is not None
    assert view.job.status is JobStatus.FAILED


class CountingStore(FakeJobStore):
    """Counts the jobs that are read, one by one or from the index of due jobs."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, job_id: UUID) -> JobView | None:
        self.reads += 1
        return super().get(job_id)

    def due(self, now: datetime) -> list[DueJob]:
        due = super().due(now)
        self.reads += len(due)
        return due


class CountingWorkflow(FakeWorkflow):
    """Counts how often executions are described."""

    def __init__(self) -> None:
        super().__init__()
        self.described = 0

    def describe(self, job_id: UUID) -> Execution:
        self.described += 1
        return super().describe(job_id)


@pytest.mark.hazard("Abandoned announcements keep reconcile from the jobs that are due")
def test_a_run_reads_the_due_jobs_only_however_many_are_unsettled(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    store, workflow = CountingStore(), CountingWorkflow()
    for _ in range(49_500):
        store.add(a_job(id=uuid4()))
    due = [a_processing_job(id=uuid4()) for _ in range(500)]
    for job in due:
        store.add(job)
        workflow.start(job)
        workflow.end(job.id, cause="killed")
    world.clock.advance(START_GRACE)
    assert replace(world.reconciliation, store=store, workflow=workflow).reconcile_due() == 0
    record_property("reads", store.reads)
    assert store.reads <= 2 * len(due)
    assert workflow.described <= len(due)
    ended = [view.job.status for job in due if (view := store.get(job.id))]
    assert ended == [JobStatus.FAILED] * len(due)
