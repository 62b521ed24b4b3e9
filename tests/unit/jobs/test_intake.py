"""Intake: from an arrived object to a running job, with events repeated and in any order."""

import random
from dataclasses import replace
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.intake import Intake
from shared.jobs.job import Job, JobStatus, JobType, Phase, Source, UploadOptions, dropped_job_id
from shared.jobs.uploads import ArrivedObject, upload_key
from tests.builders import NOON, a_job, a_stored_input, an_arrived_object
from tests.fakes import FakeJobStore, FakeUploadStore, FakeWorkflow, SettableClock

DROPPED = an_arrived_object(key="drop/globex/quarterly/2024/q3 figures.csv")


class World:
    """The intake and its fakes."""

    def __init__(self) -> None:
        self.store = FakeJobStore()
        self.uploads = FakeUploadStore()
        self.workflow = FakeWorkflow()
        self.intake = Intake(store=self.store, uploads=self.uploads, workflow=self.workflow, clock=SettableClock())

    def arrive(self, key: str, body: bytes = b"a,b\n") -> ArrivedObject:
        stored = self.uploads.arrive(key, body)
        return ArrivedObject(bucket="uploads", key=key, version_id=stored.version_id, size=stored.size)


@pytest.fixture
def world() -> World:
    return World()


def current(world: World, job_id: UUID) -> Job:
    view = world.store.get(job_id)
    assert view is not None
    return view.job


class TestApiUpload:
    def test_uploaded_job_is_queued_with_its_file_and_started(self, world: World) -> None:
        job = a_job()
        world.store.create(job)
        arrived = an_arrived_object(job.id, size=77)
        assert world.intake.receive(arrived) == job.id
        view = world.store.get(job.id)
        assert view is not None
        assert (view.job.status, view.job.phase) == (JobStatus.QUEUED, Phase.QUEUED)
        assert view.job.stored_input == a_stored_input(job.id, size=77)
        assert view.job.file_size == 77
        assert view.job.execution_arn == world.workflow.execution_arn(job.id)
        assert list(world.workflow.executions) == [job.id]

    def test_repeated_events_change_nothing(self, world: World) -> None:
        job = a_job()
        world.store.create(job)
        arrived = world.arrive(upload_key(job.id))
        world.intake.receive(arrived)
        first = world.store.get(job.id)
        for _ in range(4):
            world.intake.receive(arrived)
        assert world.store.get(job.id) == first
        assert len(world.uploads.objects) == 1

    def test_repeated_event_does_not_change_a_running_job(self, world: World) -> None:
        job = a_job()
        world.store.create(job)
        arrived = world.arrive(upload_key(job.id))
        world.intake.receive(arrived)
        view = world.store.get(job.id)
        assert view is not None
        world.store.start(view.job, now=NOON)
        running = world.store.get(job.id)
        world.intake.receive(arrived)
        assert world.store.get(job.id) == running
        assert len(world.uploads.objects) == 1

    def test_next_delivery_starts_a_job_after_a_crash_before_its_start(self, world: World) -> None:
        job = a_job()
        world.store.create(job)
        arrived = world.arrive(upload_key(job.id))
        world.intake.receive(arrived)
        world.workflow.lose(job.id)
        world.intake.receive(arrived)
        assert job.id in world.workflow.executions

    @pytest.mark.hazard("An object overwritten while its job runs")
    def test_first_version_is_scored_and_a_later_version_is_removed(self, world: World) -> None:
        job = a_job()
        world.store.create(job)
        key = upload_key(job.id)
        first, second = world.arrive(key, b"first"), world.arrive(key, b"second")
        for arrived in (first, second, first, second):
            world.intake.receive(arrived)
        view = world.store.get(job.id)
        assert view is not None
        assert view.job.stored_input is not None
        assert view.job.stored_input.version_id == first.version_id
        assert world.uploads.objects == {(key, first.version_id): b"first"}

    @pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.COMPLETED])
    def test_file_that_arrives_after_the_end_of_its_job_is_removed(self, world: World, status: JobStatus) -> None:
        job = a_job(status=status)
        world.store.add(job)
        world.intake.receive(world.arrive(upload_key(job.id)))
        assert world.store.get(job.id) is not None
        assert world.uploads.objects == {}
        assert world.workflow.executions == {}

    def test_file_that_arrives_after_the_delete_of_its_job_is_removed(self, world: World) -> None:
        job = a_job()
        world.store.create(job)
        world.store.delete(job, now=NOON)
        world.intake.receive(world.arrive(upload_key(job.id)))
        assert world.store.get(job.id) is None
        assert world.uploads.objects == {}
        assert world.workflow.executions == {}

    def test_file_of_an_unknown_job_is_removed(self, world: World) -> None:
        world.intake.receive(world.arrive(upload_key(uuid4())))
        assert world.uploads.objects == {}
        assert world.workflow.executions == {}

    def test_job_cancelled_before_its_start_keeps_its_input_and_its_status(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = a_job()
        world.store.create(job)
        arrived = world.arrive(upload_key(job.id))
        queue = world.store.queue

        def queue_then_cancel(read: Job, **changes: Any) -> None:
            queue(read, **changes)
            world.store.fail(read, error_code=None, error_message="x", cancelled=True, now=NOON)

        monkeypatch.setattr(world.store, "queue", queue_then_cancel)
        world.intake.receive(arrived)
        view = world.store.get(job.id)
        assert view is not None
        assert view.job.cancelled
        assert world.uploads.objects
        assert world.workflow.executions == {}


class TestDrop:
    def test_dropped_file_makes_a_job_of_the_organization_in_its_key(self, world: World) -> None:
        job_id = world.intake.receive(DROPPED)
        assert job_id == dropped_job_id(bucket="uploads", key=DROPPED.key, version_id="v1")
        view = world.store.get(job_id)
        assert view is not None
        job = view.job
        assert (job.organization_id, job.job_type, job.source) == ("globex", JobType.QUARTERLY, Source.S3_DROP)
        assert (job.created_by, job.original_filename) == ("s3-drop", "q3 figures.csv")
        assert (job.status, job.file_size) == (JobStatus.QUEUED, 2_000)
        assert job_id in world.workflow.executions

    def test_metadata_of_a_dropped_file_gives_its_options(self, world: World) -> None:
        stored = world.uploads.arrive(DROPPED.key, b"a", **{"max-failed-percent": "5", "sheet": "Data", "mtime": "17"})
        job_id = world.intake.receive(replace(DROPPED, version_id=stored.version_id, size=stored.size))
        assert job_id is not None
        job = current(world, job_id)
        assert job.options == UploadOptions(max_failed_percent=5.0, sheet="Data")
        assert job.status is JobStatus.QUEUED

    def test_dropped_file_with_an_invalid_option_fails_with_the_reason_and_is_kept(self, world: World) -> None:
        stored = world.uploads.arrive(DROPPED.key, b"a", decimal=";")
        arrived = replace(DROPPED, version_id=stored.version_id, size=stored.size)
        for _ in range(3):
            job_id = world.intake.receive(arrived)
        assert job_id is not None
        job = current(world, job_id)
        assert (job.status, job.error_code) == (JobStatus.FAILED, "validation_error")
        assert job.error_message == "The metadata `decimal` has to be `.` or `,`. Correct it and drop the file again."
        assert (job.stored_input, len(world.uploads.objects), world.workflow.executions) == (stored, 1, {})

    def test_dropped_file_that_is_gone_makes_a_job_that_reports_it(self, world: World) -> None:
        job_id = world.intake.receive(DROPPED)
        assert job_id is not None
        assert current(world, job_id).options == UploadOptions()
        assert list(world.workflow.executions) == [job_id]

    def test_each_version_of_a_dropped_file_makes_a_separate_job(self, world: World) -> None:
        versions = [replace(DROPPED, version_id=version) for version in ("v1", "v2")]
        ids = {world.intake.receive(arrived) for arrived in versions}
        assert len(ids) == len(world.workflow.executions) == 2

    def test_repeated_event_does_not_restore_a_deleted_job(self, world: World) -> None:
        arrived = world.arrive(DROPPED.key)
        job_id = world.intake.receive(arrived)
        assert job_id is not None
        view = world.store.get(job_id)
        assert view is not None
        world.store.delete(view.job, now=NOON)
        world.workflow.lose(job_id)
        world.intake.receive(arrived)
        assert world.store.get(job_id) is None
        assert world.uploads.objects == {}
        assert world.workflow.executions == {}

    @pytest.mark.parametrize(
        "key", ["drop/acme/monthly/a.csv", "other/a.csv", "", "api/not-a-job", "drop/acme/annual/a.pdf"]
    )
    def test_object_with_an_unknown_key_makes_no_job_and_stays(self, world: World, key: str) -> None:
        assert world.intake.receive(world.arrive(key)) is None
        assert world.store.unsettled() == []
        assert world.workflow.executions == {}
        assert len(world.uploads.objects) == 1


@pytest.mark.hazard("The same event up to five times, shuffled or concurrent: one job, one execution")
@given(repeats=st.lists(st.integers(1, 5), min_size=1, max_size=6), order=st.randoms(use_true_random=False))
def test_repeated_events_in_any_order_make_one_job_and_execution_each(repeats: list[int], order: random.Random) -> None:
    world = World()
    expected: set[UUID] = set()
    events: list[ArrivedObject] = []
    for number, times in enumerate(repeats):
        if number % 2:
            job = a_job()
            world.store.create(job)
            expected.add(job.id)
            events += [an_arrived_object(job.id)] * times
        else:
            arrived = replace(DROPPED, version_id=f"v{number}")
            expected.add(dropped_job_id(bucket="uploads", key=arrived.key, version_id=arrived.version_id))
            events += [arrived] * times
    order.shuffle(events)
    for event in events:
        world.intake.receive(event)
    assert set(world.store.unsettled()) == set(world.workflow.executions) == expected


def test_concurrent_events_make_one_job_and_one_execution() -> None:
    for _ in range(20):
        world, barrier = World(), Barrier(5)

        def deliver(world: World = world, barrier: Barrier = barrier) -> None:
            barrier.wait()
            world.intake.receive(DROPPED)

        threads = [Thread(target=deliver) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(world.store.unsettled()) == len(world.workflow.executions) == 1
