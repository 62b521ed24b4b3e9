"""Periodic repair of jobs that got stuck.

Every commit of a chunk is a heartbeat. A job whose execution died, whose upload never came or whose heartbeat is stale
is failed with the reason; a failed job without result files gets them; objects that late workers of a deleted job wrote
are removed. Status events make this fast, the schedule makes it certain.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.jobs.deadlines import CHECK_INTERVAL, START_GRACE
from shared.jobs.errors import TransitionRefusedError
from shared.jobs.job import UPLOAD_DEADLINE, JobStatus, Phase, Source, utc_now
from shared.jobs.ports import (
    LONGEST_WORKER,
    Clock,
    DueJob,
    ExecutionState,
    JobStore,
    RequestAssembly,
    RequestRetryFile,
    ResultStore,
    Tombstone,
    UploadStore,
    Workflow,
)
from shared.jobs.progress import JobView
from shared.jobs.retries import NOT_PREPARED

logger = logging.getLogger(__name__)

STALE_AFTER = timedelta(minutes=30)
# Longer than the execution retries the start of Finalize, which Lambda refuses while other jobs use up the concurrency.
FINALIZE_BEGINS_WITHIN = timedelta(minutes=90)
QUEUED_AT_MOST = timedelta(hours=6)
RETRY_PREPARED_WITHIN = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """Moves each job that is due as far as it will go. Every step may be repeated."""

    store: JobStore
    uploads: UploadStore
    results: ResultStore
    workflow: Workflow
    request_assembly: RequestAssembly
    request_retry_file: RequestRetryFile
    clock: Clock = utc_now

    def reconcile_due(self, *, has_time: Callable[[], bool] = lambda: True) -> int:
        """Reconciles every job that is due, the longest due first, while there is time.

        Returns how many failed. One failure never hides another job, nor does it keep the next run from it: a job that
        failed is due again at once, but after all others.
        """
        failures = 0
        for job in self.store.due(self.clock()):
            if not has_time():
                logger.warning("The run ended before every due job had its turn; the next one continues")
                break
            wait = CHECK_INTERVAL
            try:
                self.reconcile(job.id, trust_heartbeat=True)
            except Exception:  # the other jobs must have their turn; the handler fails the run by the count
                logger.exception("A job could not be reconciled", extra={"job_id": str(job.id)})
                failures += 1
                wait = timedelta()
            self._look_again(job, at=self.clock() + wait)
        return failures

    def _look_again(self, job: DueJob, *, at: datetime) -> None:
        try:
            self.store.look_again(job, at=at)
        except TransitionRefusedError:
            return  # settled, or changed and so due at a time of its own

    def reconcile(self, job_id: UUID, *, trust_heartbeat: bool = False) -> None:
        """Moves one job as far as it will go.

        With `trust_heartbeat` the execution of a job that has just committed a chunk is taken to be running: how often
        executions can be described is limited.
        """
        view = self.store.get(job_id)
        if view is None:
            tombstone = self.store.tombstone(job_id)
            if tombstone is not None:
                self._reconcile_deleted(tombstone)
            return
        match view.job.status:
            case JobStatus.PENDING:
                self._reconcile_pending(view)
            case JobStatus.QUEUED:
                self._reconcile_queued(view)
            case JobStatus.PROCESSING:
                self._reconcile_processing(view, trust_heartbeat=trust_heartbeat)
            case JobStatus.FAILED if not view.job.results_ready:
                self.request_assembly(job_id)
            case _:
                pass

    def _reconcile_deleted(self, tombstone: Tombstone) -> None:
        # No worker of the job can write after this.
        if self._age(tombstone.deleted_at) < LONGEST_WORKER:
            return
        if tombstone.stored_input is not None:
            self.uploads.delete(tombstone.stored_input)
        self.results.delete_all(tombstone.id)
        self.store.forget(tombstone.id)

    def _reconcile_pending(self, view: JobView) -> None:
        if view.job.source is Source.RETRY:
            self._reconcile_pending_retry(view)
        elif self._age(view.job.created_at) >= UPLOAD_DEADLINE:
            self._fail(
                view,
                error_code="upload_expired",
                error_message="The file was not uploaded within 24 hours. Create a new job and upload it there.",
            )

    def _reconcile_pending_retry(self, view: JobView) -> None:
        waiting = self._age(view.job.created_at)
        if waiting >= RETRY_PREPARED_WITHIN:
            self._fail(
                view,
                error_code=NOT_PREPARED,
                error_message=(
                    "The rows to be retried could not be made into a file within two hours. The job they belong to is "
                    "as it was: retry it again."
                ),
            )
        elif waiting >= LONGEST_WORKER:
            # The request was lost, or its invocation has died: none can be at work any more.
            self.request_retry_file(view.job.id)

    def _reconcile_queued(self, view: JobView) -> None:
        job = view.job
        waiting = self._age(job.updated_at)
        execution = self.workflow.describe(job.id)
        if execution.state is ExecutionState.ENDED or (
            execution.state is ExecutionState.UNKNOWN and waiting >= QUEUED_AT_MOST
        ):
            self._fail_ended(view, cause=execution.cause)
        elif execution.state is ExecutionState.UNKNOWN and waiting >= START_GRACE:
            # Intake died between the write to the record and the start.
            self.workflow.start(job)
        elif waiting >= QUEUED_AT_MOST:
            self._fail_stalled(view)

    def _reconcile_processing(self, view: JobView, *, trust_heartbeat: bool) -> None:
        silent = self._age(max(view.job.updated_at, view.progress.last_commit_at or view.job.updated_at))
        if trust_heartbeat and silent < START_GRACE:
            return
        execution = self.workflow.describe(view.job.id)
        if execution.state is ExecutionState.ENDED:
            self._fail_ended(view, cause=execution.cause)
        elif execution.state is ExecutionState.UNKNOWN and silent >= START_GRACE:
            self._fail_ended(view, cause="no such execution")
        elif silent >= (FINALIZE_BEGINS_WITHIN if _waits_for_finalize(view) else STALE_AFTER):
            self._fail_stalled(view)

    def _fail_stalled(self, view: JobView) -> None:
        self._fail(
            view,
            error_code="stalled",
            error_message=(
                "The job stopped making progress and was ended. Everything scored until then was kept: "
                "download it, and upload the unprocessed rows again."
            ),
        )
        # After the record: it decides, and commits of what still runs are refused from then on.
        self.workflow.stop(view.job.id, reason="No progress")

    def _fail_ended(self, view: JobView, *, cause: str | None) -> None:
        logger.error(
            "The execution of a live job has ended", extra={"job_id": str(view.job.id), "cause": cause or "not given"}
        )
        self._fail(
            view,
            error_code="execution_ended",
            error_message=(
                "The job could not be finished because of an internal error. Everything scored until then was kept: "
                "download it, and upload the unprocessed rows again."
            ),
        )

    def _fail(self, view: JobView, *, error_code: str, error_message: str) -> None:
        try:
            self.store.fail(
                view.job, error_code=error_code, error_message=error_message, cancelled=False, now=self.clock()
            )
        except TransitionRefusedError:
            return  # it moved on after it was read, so it is not stuck
        self.request_assembly(view.job.id)

    def _age(self, since: datetime) -> timedelta:
        return self.clock() - since


def _waits_for_finalize(view: JobView) -> bool:
    """Whether every row is scored and Finalize has not begun."""
    job = view.job
    return job.phase is Phase.SCORING and not view.progress.missing(job.chunk_count)
