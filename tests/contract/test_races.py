"""Concurrent changes of one job: every chunk is counted once, and a job ends once."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from moto import mock_aws

from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.jobs.errors import CommitRefusedError, JobProcessingError, TransitionRefusedError
from shared.jobs.intake import Intake
from shared.jobs.job import Job, JobStatus, Note
from shared.jobs.lifecycle import fail_job
from shared.jobs.ports import JobStore
from shared.jobs.processing import Finalization
from shared.jobs.progress import JobView, shard_of
from shared.jobs.service import JobService
from tests.aws_resources import TABLE, create_table, delete_table
from tests.builders import NOON, a_caller, a_count, an_arrived_object
from tests.contract.concurrency import OneCallAtATime, at_once
from tests.contract.job_states import queued, scoring
from tests.fakes import (
    FakeAssembler,
    FakeJobStore,
    FakeResultFiles,
    FakeResultStore,
    FakeUploadStore,
    FakeWorkflow,
    SettableClock,
)

THREADS = 8
# A race on the table takes 0.1 s, most of it in moto; `make soak` runs each a thousand times there too.
RACES = {"fake": 1_000, "table": 50}
# Every transaction in moto copies the whole table including its stream.
_RACES_PER_TABLE = 10


@pytest.fixture
def table() -> Iterator[JobsTable]:
    with mock_aws():
        create_table()
        client: Any = OneCallAtATime()
        yield JobsTable(client=lambda: client, table=TABLE)


def commit(table: JobStore, job_id: UUID, chunk: int, *, shards: int = 1, failed: int = 0) -> bool:
    try:
        table.commit_chunk(job_id, a_count(chunk, 5 - failed, failed), shard=shard_of(chunk, shards), now=NOON)
    except CommitRefusedError:
        return False
    return True


def read(table: JobStore, job: Job) -> JobView:
    view = table.get(job.id)
    assert view is not None
    return view


def service_on(table: JobStore) -> JobService:
    return JobService(
        store=table,
        uploads=FakeUploadStore(),
        results=FakeResultStore(),
        workflow=FakeWorkflow(),
        request_assembly=FakeAssembler(),
        clock=SettableClock(),
    )


@pytest.mark.hazard("A chunk run twice, concurrently, or again after its part was written but not committed")
def test_thousand_chunks_committed_by_eight_threads_are_counted_once_each(table: JobsTable) -> None:
    chunks, shuffled = 1_000, random.Random(7)  # noqa: S311
    job = scoring(table, chunks=chunks)
    order = [*range(chunks), *shuffled.sample(range(chunks), chunks // 4)]
    shuffled.shuffle(order)

    def work(part: Sequence[int]) -> int:
        return sum(commit(table, job.id, chunk, shards=job.shard_count, failed=chunk % 3) for chunk in part)

    accepted = at_once(*(partial(work, order[n::THREADS]) for n in range(THREADS)))
    progress = read(table, job).progress
    assert sum(accepted) == chunks
    assert progress.done == set(range(chunks))
    failed = sum(chunk % 3 for chunk in range(chunks))
    assert (progress.successful_rows, progress.failed_rows) == (5 * chunks - failed, failed)
    assert progress.with_failures == {chunk for chunk in range(chunks) if chunk % 3}


@pytest.mark.hazard("A chunk run twice, concurrently, or again after its part was written but not committed")
def test_chunk_committed_by_all_threads_at_once_is_accepted_once(table: JobsTable) -> None:
    job = scoring(table, chunks=20)
    for chunk in range(20):
        assert sum(at_once(*[partial(commit, table, job.id, chunk)] * THREADS)) == 1
    assert read(table, job).progress.processed_rows == 100


class ObservedResultFiles(FakeResultFiles):
    """Result files that set `begun` when the first assembly starts."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = Event()

    def assemble(self, view: JobView) -> Sequence[Note]:
        self.begun.set()
        return super().assemble(view)


def cancel(table: JobStore, job: Job, *, after: Event | None = None) -> None:
    if after is not None:
        assert after.wait(timeout=30)
    fail_job(table, job.id, error_code=None, error_message="x", clock=SettableClock(), cancelled=True)


def begin_race(race: int, table: JobStore) -> None:
    """Recreates the table every `_RACES_PER_TABLE` races."""
    if isinstance(table, JobsTable) and race % _RACES_PER_TABLE == 0:
        delete_table()
        create_table()


@pytest.mark.hazard("A cancel that races with the last chunk and with finalize")
@pytest.mark.parametrize("kind", RACES)
def test_cancel_racing_with_last_chunk_and_finalize_leaves_one_end(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None], kind: str
) -> None:
    table: JobStore = FakeJobStore() if kind == "fake" else request.getfixturevalue("table")
    race_cancels_against_the_end(table, RACES[kind])
    record_property("injected" if kind == "table" else "in_memory", RACES[kind])


def race_cancels_against_the_end(table: JobStore, races: int) -> None:
    ends: Counter[JobStatus] = Counter()
    for race in range(races):
        begin_race(race, table)
        job = scoring(table, chunks=2)
        # Every other race commits the last chunk before, otherwise the job could rarely complete.
        for chunk in range(1 + race % 2):
            assert commit(table, job.id, chunk)
        files = ObservedResultFiles()
        finalization = Finalization(store=table, files=files, clock=SettableClock())
        calls: list[Callable[[], object]] = [
            partial(commit, table, job.id, 1),
            partial(finalization.finalize, job.id),
            # Some races cancel late, otherwise the job would hardly ever end first.
            partial(cancel, table, job, after=files.begun if race % 4 == 1 else None),
        ]
        at_once(*calls[race % 3 :], *calls[: race % 3])

        ended = read(table, job)
        ends[ended.job.status] += 1
        assert ended.job.status.is_terminal
        assert all(shard.closed for shard in ended.progress.shards)
        # Every further change is refused or a no-op.
        assert not commit(table, job.id, 1)
        finalization.finalize(job.id)
        cancel(table, job)
        later = read(table, job)
        assert later.job.status is ended.job.status
        assert later.job.cancelled is ended.job.cancelled
        assert later.progress == ended.progress
        assert later.job.final_successful_rows == ended.progress.processed_rows
        assert ended.job.status is JobStatus.FAILED or ended.progress.processed_rows == 10
    assert len(ends) == 2, f"all races had the same outcome, so the calls did not race: {ends}"


@pytest.mark.hazard("A delete while a late chunk writes")
@pytest.mark.parametrize("kind", RACES)
def test_delete_racing_with_late_commits_leaves_only_a_tombstone(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None], kind: str
) -> None:
    table: JobStore = FakeJobStore() if kind == "fake" else request.getfixturevalue("table")
    race_deletes_against_late_commits(table, RACES[kind])
    record_property("injected" if kind == "table" else "in_memory", RACES[kind])


def race_deletes_against_late_commits(table: JobStore, races: int) -> None:
    for race in range(races):
        begin_race(race, table)
        job = scoring(table, chunks=2)
        cancel(table, job)
        at_once(
            partial(commit, table, job.id, 0),
            partial(service_on(table).delete, a_caller(), job.id),
            partial(commit, table, job.id, 1),
        )
        assert table.get(job.id) is None
        assert table.tombstone(job.id) is not None
        assert not commit(table, job.id, 0)
        if isinstance(table, JobsTable):
            remaining = clients.dynamodb().query(
                TableName=TABLE,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"JOB#{job.id}"}},
            )
            assert remaining["Count"] == 1


def delete(table: JobsTable, job: Job) -> str:
    try:
        service_on(table).delete(a_caller(), job.id)
    except JobProcessingError:
        return "processing"
    return "deleted"


def start(table: JobsTable, job: Job) -> str:
    try:
        table.start(job, now=NOON)
    except TransitionRefusedError:
        return "deleted"
    return "processing"


def test_delete_racing_with_a_start_has_one_winner(table: JobsTable) -> None:
    for _ in range(20):
        job = queued(table)
        [outcome] = set(at_once(partial(delete, table, job), partial(start, table, job)))
        assert (table.get(job.id) is None) is (outcome == "deleted")


@pytest.mark.hazard("A cancel that races with the last chunk and with finalize")
def test_concurrent_cancels_return_the_same_result(table: JobsTable) -> None:
    for _ in range(10):
        job = scoring(table)
        cancellations = at_once(*[partial(service_on(table).cancel, a_caller(), job.id)] * 4)
        assert len({(view.job.status, view.job.cancelled_at) for view in cancellations}) == 1
        assert cancellations[0].job.cancelled


@pytest.mark.hazard("The same event up to five times, shuffled or concurrent: one job, one execution")
def test_concurrent_deliveries_of_one_event_start_one_execution(table: JobsTable) -> None:
    for number in range(10):
        workflow = FakeWorkflow()
        intake = Intake(store=table, uploads=FakeUploadStore(), workflow=workflow, clock=SettableClock())
        arrived = an_arrived_object(key="drop/acme/annual/a.csv", version_id=f"v{number}")
        [job_id] = set(at_once(*[partial(intake.receive, arrived)] * 5))
        assert list(workflow.executions) == [job_id]
