"""Every way a job may be left behind, and that one reconcile run fails it with the reason in words."""

from datetime import timedelta
from uuid import UUID

import pytest

from shared.jobs.job import Job, JobStatus, Outcome, Phase
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
    """Reconciliation with everything it touches."""

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
        """The job after one run at so much later."""
        self.clock.advance(by)
        assert self.reconciliation.reconcile_all() == 0
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
    def test_an_upload_that_never_comes_ends_the_job_after_a_day(self, world: World) -> None:
        job = world.add(a_job())
        assert world.after(24 * HOUR - MINUTE, job).status is JobStatus.PENDING
        assert_ended(world.after(MINUTE, job), "upload_expired")
        assert world.assembler.requested == [job.id]


class TestQueued:
    def test_a_job_that_was_just_queued_is_left_alone(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED))
        assert world.after(4 * MINUTE, job) == job
        assert world.workflow.executions == {}

    def test_an_execution_that_was_never_started_is_started(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED))
        assert world.after(5 * MINUTE, job).status is JobStatus.QUEUED
        assert list(world.workflow.executions) == [job.id]

    def test_an_execution_that_waits_its_turn_is_left_alone(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED), running=True)
        assert world.after(3 * HOUR, job) == job

    def test_an_execution_that_ended_before_it_began_ends_the_job(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED), running=True)
        world.workflow.end(job.id, cause="arn:aws:lambda:secret")
        assert_ended(world.after(5 * MINUTE, job), "execution_ended")

    def test_an_execution_that_cannot_be_started_for_hours_ends_the_job(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED))
        assert_ended(world.after(6 * HOUR, job), "execution_ended")

    def test_an_execution_that_never_gets_to_plan_ends_the_job_in_the_end(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.QUEUED), running=True)
        assert_ended(world.after(6 * HOUR, job), "stalled")
        assert world.workflow.stopped == [job.id]


class TestProcessing:
    @pytest.mark.hazard("A lost status event, a stale heartbeat, an upload that never comes, an execution that is gone")
    def test_a_lost_status_event_is_made_good(self, world: World) -> None:
        job = world.add(a_processing_job(), running=True)
        world.workflow.end(job.id, cause="States.Timeout")
        assert_ended(world.after(MINUTE, job), "execution_ended")
        assert world.assembler.requested == [job.id]

    @pytest.mark.hazard("A lost status event, a stale heartbeat, an upload that never comes, an execution that is gone")
    def test_an_execution_that_no_longer_exists_ends_the_job(self, world: World) -> None:
        job = world.add(a_processing_job())
        assert world.after(4 * MINUTE, job).status is JobStatus.PROCESSING
        assert_ended(world.after(MINUTE, job), "execution_ended")

    @pytest.mark.hazard("A lost status event, a stale heartbeat, an upload that never comes, an execution that is gone")
    def test_a_stale_heartbeat_ends_the_job_and_stops_its_execution(self, world: World) -> None:
        job = world.add(a_processing_job(), running=True)
        assert world.after(29 * MINUTE, job).status is JobStatus.PROCESSING
        assert_ended(world.after(MINUTE, job), "stalled")
        assert world.workflow.stopped == [job.id]

    def test_every_commit_is_a_heartbeat(self, world: World) -> None:
        job = world.add(a_processing_job(), running=True)
        world.store.commit_chunk(job.id, a_count(0), shard=0, now=NOON + 29 * MINUTE)
        assert world.after(58 * MINUTE, job).status is JobStatus.PROCESSING
        ended = world.after(MINUTE, job)
        assert_ended(ended, "stalled")
        view = world.store.get(job.id)
        assert view is not None
        assert view.progress.processed_rows == 5

    def test_a_job_whose_rows_are_scored_waits_as_long_as_finalize_is_tried(self, world: World) -> None:
        job = world.add(a_processing_job(), running=True)
        for chunk in range(job.chunk_count):
            world.store.commit_chunk(job.id, a_count(chunk), shard=0, now=NOON)
        # Finalize is refused while other jobs use up the account's concurrency, and tried again for an hour.
        assert world.after(89 * MINUTE, job).status is JobStatus.PROCESSING
        assert_ended(world.after(MINUTE, job), "stalled")

    def test_a_finalize_that_began_and_is_silent_ends_the_job(self, world: World) -> None:
        job = world.add(a_processing_job(phase=Phase.FINALIZING), running=True)
        for chunk in range(job.chunk_count):
            world.store.commit_chunk(job.id, a_count(chunk), shard=0, now=NOON)
        assert_ended(world.after(30 * MINUTE, job), "stalled")

    @pytest.mark.parametrize("phase", [Phase.PLANNING, Phase.SCORING, Phase.FINALIZING])
    def test_no_phase_is_exempt(self, world: World, phase: Phase) -> None:
        job = world.add(a_processing_job(phase=phase), running=True)
        assert_ended(world.after(31 * MINUTE, job), "stalled")

    def test_a_job_that_completes_during_reconcile_stays_completed(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = world.add(a_processing_job(), running=True)
        describe = world.workflow.describe

        def completed_first(job_id: UUID) -> object:
            world.store.complete(job, successful=10, failed=0, now=NOON)
            world.workflow.end(job_id)
            return describe(job_id)

        monkeypatch.setattr(world.workflow, "describe", completed_first)
        assert world.after(MINUTE, job).status is JobStatus.COMPLETED


class TestEnded:
    def test_a_failed_job_without_files_gets_them(self, world: World) -> None:
        job = world.add(a_job(status=JobStatus.FAILED, completed_at=NOON))
        assert world.after(MINUTE, job) == job
        assert world.assembler.requested == [job.id]

    def test_a_settled_job_is_not_looked_at(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        for job in (a_completed_job(), a_completed_job(status=JobStatus.FAILED)):
            world.add(job)
            read: list[UUID] = []
            monkeypatch.setattr(world.store, "tombstone", read.append)
            monkeypatch.setattr(world.workflow, "describe", read.append)
            world.after(HOUR, job)
            assert (read, world.assembler.requested) == ([], [])

    def test_a_settled_job_that_the_index_still_names_is_left_alone(self, world: World) -> None:
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
    def test_what_late_workers_wrote_goes_once_none_can_be_left(self, world: World) -> None:
        job = self.deleted(world)
        world.clock.advance(15 * MINUTE)
        world.reconciliation.reconcile_all()
        assert world.results.files
        world.clock.advance(MINUTE)
        assert world.reconciliation.reconcile_all() == 0
        assert (world.results.files, world.results.errors, world.uploads.objects) == ({}, {}, {})
        assert world.store.unreconciled() == []
        assert world.store.tombstone(job.id) is not None

    def test_another_version_under_the_same_key_stays(self, world: World) -> None:
        job = self.deleted(world)
        world.uploads.objects[upload_key(job.id), "v2"] = b"other"
        world.clock.advance(HOUR)
        world.reconciliation.reconcile_all()
        assert list(world.uploads.objects) == [(upload_key(job.id), "v2")]

    def test_a_reconcile_run_that_crashes_half_way_is_repeated(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = self.deleted(world)

        def crash(_job_id: UUID) -> None:
            raise OSError("no network")

        world.clock.advance(HOUR)
        with monkeypatch.context() as patch:
            patch.setattr(world.results, "delete_all", crash)
            assert world.reconciliation.reconcile_all() == 1
        assert world.store.unreconciled() == [job.id]
        assert world.reconciliation.reconcile_all() == 0
        assert world.results.files == {}


def test_one_failure_hides_no_other_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [world.add(a_job()) for _ in range(5)]
    broken = jobs[2].id
    get = world.store.get

    def failing(job_id: UUID) -> JobView | None:
        if job_id == broken:
            raise OSError("throttled")
        return get(job_id)

    world.clock.advance(24 * HOUR)
    monkeypatch.setattr(world.store, "get", failing)
    assert world.reconciliation.reconcile_all() == 1
    ended = [view.job.status for job in jobs if job.id != broken and (view := get(job.id))]
    assert ended == [JobStatus.FAILED] * 4


def test_an_id_that_stands_for_nothing_any_more_is_passed_over(world: World) -> None:
    world.reconciliation.reconcile(a_job().id)
    assert world.assembler.requested == []


def test_a_retry_without_its_file_is_asked_for_again_when_nobody_can_be_at_it_any_more(world: World) -> None:
    job = world.add(a_retry_job())
    assert world.after(15 * MINUTE, job) == job
    assert world.preparer.requested == []
    assert world.after(MINUTE, job) == job
    assert world.preparer.requested == [job.id]
    # Far sooner than an upload would have to come, the reason is told.
    assert_ended(world.after(2 * HOUR, job), "retry_not_prepared")
    assert world.preparer.requested == [job.id]
    assert world.assembler.requested == [job.id]


def test_an_upload_that_has_not_come_is_prepared_by_nobody(world: World) -> None:
    world.after(3 * HOUR, world.add(a_job()))
    assert world.preparer.requested == []
