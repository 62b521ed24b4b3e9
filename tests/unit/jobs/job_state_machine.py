"""A stateful test of jobs: random steps of every service over one store, with what must hold after each step.

The rules are what callers, S3, the workflow and the clock may do, in any order and repeatedly. A call of the store may
fail before or after it took effect; the step is then repeated, as callers and the platform do. After every step the
representations are checked against those that callers saw before.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import cast
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.jobs.errors import (
    CommitRefusedError,
    JobNotCancellableError,
    JobNotFoundError,
    JobProcessingError,
    UnavailableError,
)
from shared.jobs.intake import Intake
from shared.jobs.job import JobType, UploadOptions
from shared.jobs.ports import ExecutionState, JobStore
from shared.jobs.processing import Finalization, Planning
from shared.jobs.progress import shard_of
from shared.jobs.reconcile import Reconciliation
from shared.jobs.representations import job_details, job_summary
from shared.jobs.service import JobService
from shared.jobs.uploads import ArrivedObject, upload_key
from tests.builders import a_caller, a_count, plan_facts
from tests.fakes import (
    FakeAssembler,
    FakePreparer,
    FakeResultFiles,
    FakeResultStore,
    FakeUploadStore,
    FakeWorkflow,
    SettableClock,
)
from tests.unit.jobs.lossy_store import LossyStore, repeated_when_lost
from tests.unit.jobs.observed_job import ObservedJob

CALLER = a_caller()
ROWS_A_CHUNK = 5
# Few, so that many steps concern the same job.
MAX_JOBS = 2


class JobStateMachine(RuleBasedStateMachine):
    """Jobs from submission to deletion; `make_store` returns an empty store."""

    make_store: Callable[[], JobStore]
    ids: Bundle[UUID] = Bundle("ids")

    @initialize()
    def build(self) -> None:
        self.clock = SettableClock()
        self.lossy = LossyStore(type(self).make_store())
        self.store = cast("JobStore", self.lossy)
        self.uploads, self.results = FakeUploadStore(), FakeResultStore()
        self.workflow, self.assembler, self.preparer = FakeWorkflow(), FakeAssembler(), FakePreparer()
        self.files = FakeResultFiles(rows_per_chunk=ROWS_A_CHUNK)
        self.service = JobService(
            store=self.store,
            uploads=self.uploads,
            results=self.results,
            workflow=self.workflow,
            request_assembly=self.assembler,
            clock=self.clock,
        )
        self.intake = Intake(store=self.store, uploads=self.uploads, workflow=self.workflow, clock=self.clock)
        self.planning = Planning(store=self.store, clock=self.clock)
        self.finalization = Finalization(store=self.store, files=self.files, clock=self.clock)
        self.reconciliation = Reconciliation(
            store=self.store,
            uploads=self.uploads,
            results=self.results,
            workflow=self.workflow,
            request_assembly=self.assembler,
            request_retry_file=self.preparer,
            clock=self.clock,
        )
        self.observed: dict[UUID, ObservedJob] = {}

    def observe_store(self) -> None:
        """Updates the observed jobs after a step whose caller got no response."""
        for job_id, observed in self.observed.items():
            view = self.lossy.store.get(job_id)
            observed.is_deleted = view is None
            if view is not None:
                observed.committed |= view.progress.done

    @rule(calls=st.integers(1, 6), loses_response=st.booleans())
    def lose_a_call(self, calls: int, loses_response: bool) -> None:  # noqa: FBT001  both ways
        self.lossy.calls_left, self.lossy.loses_response = calls, loses_response

    # Steps of callers

    @precondition(lambda self: len(self.observed) < MAX_JOBS)
    @rule(
        target=ids,
        failed=st.lists(st.integers(0, ROWS_A_CHUNK), min_size=1, max_size=3),
        allowed=st.none() | st.sampled_from([0.0, 50.0]),
    )
    @repeated_when_lost
    def submit(self, failed: list[int], allowed: float | None) -> UUID:
        return self.submitted(failed, allowed)

    def submitted(self, failed: list[int], allowed: float | None = None) -> UUID:
        job = self.service.upload(
            CALLER,
            job_type=JobType.ANNUAL,
            filename="a.csv",
            body=b"x",
            options=UploadOptions(max_failed_percent=allowed),
        )
        self.remember(job.id, upload_key(job.id), failed)
        return job.id

    @precondition(lambda self: len(self.observed) < MAX_JOBS)
    @rule(target=ids, failed=st.lists(st.integers(0, ROWS_A_CHUNK), min_size=1, max_size=3))
    def drop(self, failed: list[int]) -> UUID:
        stored = self.uploads.arrive("drop/acme/annual/a.csv", b"x")
        job_id = self.receive(ArrivedObject(bucket="uploads", key=stored.key, version_id=stored.version_id, size=1))
        self.remember(job_id, stored.key, failed, version_id=stored.version_id)
        return job_id

    # Only the event is repeated: a second object would make another job.
    @repeated_when_lost
    def receive(self, arrived: ArrivedObject) -> UUID:
        job_id = self.intake.receive(arrived)
        assert job_id is not None
        return job_id

    @precondition(lambda self: len(self.observed) < MAX_JOBS)
    @rule(target=ids, failed=st.lists(st.integers(0, ROWS_A_CHUNK), min_size=1, max_size=3))
    @repeated_when_lost
    def submit_and_plan(self, failed: list[int]) -> UUID:
        """Submits and plans a job in one step, so that more runs reach the steps after it."""
        job_id = self.submitted(failed)
        self.deliver(job_id, 1)
        self.plan(job_id, 1)
        return job_id

    def remember(self, job_id: UUID, key: str, failed: list[int], *, version_id: str = "v1") -> None:
        event = ArrivedObject(bucket="uploads", key=key, version_id=version_id, size=1)
        self.observed[job_id] = ObservedJob(event=event, chunks=len(failed), failed_rows=dict(enumerate(failed)))

    @rule(job_id=ids)
    @repeated_when_lost
    def cancel(self, job_id: UUID) -> None:
        before = self.observed[job_id].status
        try:
            job = self.service.cancel(CALLER, job_id).job
        except JobNotFoundError:
            assert self.observed[job_id].is_deleted
        except JobNotCancellableError:
            assert before in {"completed", "failed"}
        else:
            assert job.cancelled
            assert self.workflow.describe(job_id).state is not ExecutionState.RUNNING

    @rule(job_id=ids)
    @repeated_when_lost
    def delete(self, job_id: UUID) -> None:
        try:
            self.service.delete(CALLER, job_id)
        except JobNotFoundError:
            assert self.observed[job_id].is_deleted
        except JobProcessingError:
            assert self.observed[job_id].status == "processing"
        else:
            assert not self.observed[job_id].is_deleted
            self.observed[job_id].is_deleted = True

    # Steps of S3 and the workflow, which may come late or twice

    @rule(job_id=ids, times=st.integers(1, 2))
    @repeated_when_lost
    def deliver(self, job_id: UUID, times: int) -> None:
        for _ in range(times):
            self.intake.receive(self.observed[job_id].event)

    @rule(job_id=ids, times=st.integers(1, 2))
    @repeated_when_lost
    def plan(self, job_id: UUID, times: int) -> None:
        # Only an execution plans, but a stopped one may still be running.
        if self.workflow.describe(job_id).state is ExecutionState.UNKNOWN:
            return
        chunks = self.observed[job_id].chunks
        for _ in range(times):
            job = self.planning.begin(job_id)
            if job is not None:
                facts = plan_facts(total_rows=ROWS_A_CHUNK * chunks, chunk_count=chunks)
                self.planning.record(job, facts)

    @rule(job_id=ids)
    @repeated_when_lost
    def refuse_file(self, job_id: UUID) -> None:
        if self.workflow.describe(job_id).state is ExecutionState.RUNNING:
            job = self.planning.begin(job_id)
            if job is not None and job.total_rows is None:
                self.planning.refuse(job, error_code="empty_file", error_message="The file has no data rows")

    @rule(job_id=ids, chunk=st.integers(0, 2), times=st.integers(1, 2))
    @repeated_when_lost
    def commit(self, job_id: UUID, chunk: int, times: int) -> None:
        observed = self.observed[job_id]
        if chunk >= observed.chunks:
            return
        failed = observed.failed_rows[chunk]
        for _ in range(times):
            try:
                self.store.commit_chunk(
                    job_id, a_count(chunk, ROWS_A_CHUNK - failed, failed), shard=shard_of(chunk, 1), now=self.clock()
                )
            except CommitRefusedError:
                assert (
                    chunk in observed.committed
                    or observed.is_deleted
                    or observed.status != "processing"
                    or not observed.numbers[0]
                )
            else:
                assert chunk not in observed.committed
                assert observed.status == "processing"
                observed.committed.add(chunk)

    @rule(job_id=ids)
    def commit_everything(self, job_id: UUID) -> None:
        for chunk in range(self.observed[job_id].chunks):
            self.commit(job_id, chunk, 1)

    @rule(job_id=ids)
    @repeated_when_lost
    def finalize(self, job_id: UUID) -> None:
        # Reached only after planning: the map cannot end before its manifest is written.
        view = self.store.get(job_id)
        if view is None or view.job.total_rows is not None:
            self.finalization.finalize(job_id)

    @rule()
    @repeated_when_lost
    def assemble_requested_files(self) -> None:
        while self.assembler.requested:
            self.finalization.assemble_failed(self.assembler.requested[-1])
            self.assembler.requested.pop()

    @rule(job_id=ids)
    def execution_dies(self, job_id: UUID) -> None:
        if self.workflow.describe(job_id).state is ExecutionState.RUNNING:
            self.workflow.end(job_id, cause="killed")

    # Steps of the clock

    @rule(minutes=st.sampled_from([1, 6, 17, 31, 400, 1_500]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @rule()
    @repeated_when_lost
    def reconcile(self) -> None:
        may_lose = self.lossy.calls_left > 0
        if self.reconciliation.reconcile_due():
            assert may_lose
            raise UnavailableError

    @rule()
    def reconcile_after_a_long_time(self) -> None:
        self.clock.advance(timedelta(days=2))
        self.reconcile()
        for job_id, observed in self.observed.items():
            view = self.lossy.store.get(job_id)
            assert observed.is_deleted if view is None else view.job.status.is_terminal
        self.assemble_requested_files()
        assert list(self.lossy.store.due(self.clock() + timedelta(days=2))) == []
        for job_id, observed in self.observed.items():
            assert (self.lossy.store.tombstone(job_id) is not None) is observed.is_deleted

    # Invariants

    @invariant()
    def representations_are_consistent(self) -> None:
        for job_id, observed in getattr(self, "observed", {}).items():
            view = self.lossy.store.get(job_id)
            assert (view is None) is observed.is_deleted
            if view is None:
                continue
            job, progress = view.job, view.progress
            status = job_summary(job, progress)
            details = job_details(job, progress, now=self.clock(), row_errors=None)
            total, processed = status["total_rows"], status["processed_rows"]
            successful, failed = status["successful_rows"], status["failed_rows"]
            percentage = status["progress_percentage"]

            assert processed == successful + failed <= total
            assert failed == sum(observed.failed_rows[chunk] for chunk in observed.committed)
            assert processed == ROWS_A_CHUNK * len(observed.committed)
            assert details["errors"]["error_count"] == failed
            assert details["progress"]["remaining_rows"] == total - processed
            assert percentage < 100 or job.results_ready
            assert status["status"] != "completed" or (processed == total and job.results_ready)

            numbers = (total, processed, successful, failed, percentage)
            assert all(now >= before for now, before in zip(numbers, observed.numbers, strict=True)), (
                observed,
                numbers,
            )
            if observed.status in {"completed", "failed"}:
                assert status["status"] == observed.status
                assert numbers[:4] == observed.numbers[:4]
            observed.status, observed.numbers = status["status"], numbers

    @invariant()
    def every_execution_belongs_to_a_job(self) -> None:
        for job_id in getattr(self, "workflow", FakeWorkflow()).executions:
            assert job_id in self.observed
