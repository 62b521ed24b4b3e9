"""Retry files: written once the parent's files exist, the same when repeated, and only for a pending job."""

from dataclasses import dataclass, field

import pytest

from shared.jobs.job import Job, JobStatus, Retry
from shared.jobs.retries import ParentNotReadyError, RetryPreparation
from tests.builders import NOON, a_completed_job, a_job, a_processing_job, a_retry, a_retry_job
from tests.fakes import FakeJobStore, SettableClock


@dataclass
class FakeRetryFiles:
    """Records the written files; with `are_gone` the results of the parent no longer exist."""

    are_gone: bool = False
    written: list[tuple[Job, Job, Retry]] = field(default_factory=list)

    def write(self, parent: Job, child: Job, retry: Retry) -> None:
        if self.are_gone:
            raise FileNotFoundError
        self.written.append((parent, child, retry))


class World:
    """A preparation and its fakes; `on_third_wait` runs while it waits."""

    def __init__(self, store: FakeJobStore, clock: SettableClock) -> None:
        self.store = store
        self.clock = clock
        self.files = FakeRetryFiles()
        self.waits: list[float] = []
        self.preparation = RetryPreparation(store=store, write_file=self.files.write, clock=clock, pause=self._pause)

    def _pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == 3:
            self.on_third_wait()

    def on_third_wait(self) -> None:
        """Does nothing unless a test replaces it."""

    def add(self, *jobs: Job) -> None:
        for job in jobs:
            self.store.add(job)

    def job(self, job: Job) -> Job:
        view = self.store.get(job.id)
        assert view is not None
        return view.job


@pytest.fixture
def world(store: FakeJobStore, clock: SettableClock) -> World:
    return World(store, clock)


def a_parent_without_files() -> Job:
    return a_processing_job(status=JobStatus.FAILED, completed_at=NOON)


def test_repeated_preparation_writes_the_same_file(world: World) -> None:
    parent = a_completed_job()
    rows = a_retry_job(parent_job_id=parent.id)
    whole = a_retry_job(parent_job_id=parent.id, retry=a_retry(is_whole_input=True))
    world.add(parent, rows, whole)
    for child in (rows, whole) * 2:
        world.preparation.prepare(child.id)
    assert world.files.written == [(parent, rows, rows.retry), (parent, whole, whole.retry)] * 2
    assert world.waits == []


def test_preparation_waits_for_the_files_of_the_parent(world: World) -> None:
    parent = a_parent_without_files()
    child = a_retry_job(parent_job_id=parent.id)
    world.add(parent, child)
    world.on_third_wait = (  # type: ignore[method-assign]
        lambda: world.store.record_assembly(parent, successful=5, failed=5, now=NOON)
    )
    world.preparation.prepare(child.id)
    assert [child for _, child, _ in world.files.written] == [child]
    assert len(world.waits) == 3


def test_preparation_raises_after_a_bounded_wait(world: World) -> None:
    parent = a_parent_without_files()
    child = a_retry_job(parent_job_id=parent.id)
    world.add(parent, child)
    with pytest.raises(ParentNotReadyError):
        world.preparation.prepare(child.id)
    assert 60 <= sum(world.waits) <= 600
    assert world.job(child) == child


def test_retry_cancelled_during_the_wait_gets_no_file(world: World) -> None:
    parent = a_parent_without_files()
    child = a_retry_job(parent_job_id=parent.id)
    world.add(parent, child)

    def cancel_and_assemble() -> None:
        world.store.fail(child, error_code=None, error_message="Cancelled", cancelled=True, now=NOON)
        world.store.record_assembly(parent, successful=5, failed=5, now=NOON)

    world.on_third_wait = cancel_and_assemble  # type: ignore[method-assign]
    world.preparation.prepare(child.id)
    assert world.files.written == []


@pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.PENDING])
def test_retry_that_is_no_longer_pending_gets_no_file(world: World, status: JobStatus) -> None:
    parent = a_completed_job()
    child = a_retry_job(parent_job_id=parent.id, status=status)
    world.add(parent, child)
    world.preparation.prepare(child.id)
    assert world.files.written == []
    assert world.job(child) == child


def test_deleted_retry_and_job_that_is_no_retry_get_no_file(world: World) -> None:
    parent, upload = a_completed_job(), a_job()
    child = a_retry_job(parent_job_id=parent.id)
    world.add(parent, child, upload)
    world.store.delete(child, now=NOON)
    for job in (child, upload):
        world.preparation.prepare(job.id)
    assert world.files.written == []
    assert world.job(upload) == upload


def test_retry_whose_parent_was_deleted_fails_with_the_reason(world: World) -> None:
    child = a_retry_job()
    world.add(child)
    world.preparation.prepare(child.id)
    job = world.job(child)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "retry_not_prepared")
    assert "was deleted" in str(job.error_message)


@pytest.mark.parametrize("retry", [a_retry(), a_retry(is_whole_input=True)], ids=["rows", "whole"])
def test_retry_whose_parents_files_have_expired_fails_with_the_reason(world: World, retry: Retry) -> None:
    parent = a_completed_job()
    child = a_retry_job(parent_job_id=parent.id, retry=retry)
    world.add(parent, child)
    world.files.are_gone = True
    world.preparation.prepare(child.id)
    assert (world.job(child).status, world.job(child).error_code) == (JobStatus.FAILED, "retry_not_prepared")
