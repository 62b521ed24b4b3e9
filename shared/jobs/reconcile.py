"""The guarantee of an end: what status events may miss, a schedule finds.

Every commit is a heartbeat. A job whose execution died, whose upload never came or whose heartbeat is stale is ended
with the reason in words; one that ended without result files gets them; what a deleted job's late workers wrote goes.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from shared.jobs.job import UPLOAD_DEADLINE, JobStatus, Phase, Source
from shared.jobs.lifecycle import fail_job
from shared.jobs.ports import (
    LONGEST_WORKER,
    Assembler,
    Clock,
    ExecutionState,
    JobStore,
    Preparer,
    ResultStore,
    Tombstone,
    UploadStore,
    Workflow,
)
from shared.jobs.progress import JobView
from shared.jobs.retries import NOT_PREPARED
from shared.jobs.service import workflow_input

logger = logging.getLogger(__name__)

# A start is seen by DescribeExecution within seconds; before that it may not be known.
START_GRACE = timedelta(minutes=5)
STALE_AFTER = timedelta(minutes=30)
# Longer than the execution tries to begin Finalize, which Lambda refuses while other jobs use up the concurrency.
FINALIZE_BEGINS_WITHIN = timedelta(minutes=90)
QUEUED_AT_MOST = timedelta(hours=6)
RETRY_PREPARED_WITHIN = timedelta(hours=2)


class Reconciliation:
    """Looks at jobs that are not settled and moves each as far as it will go. Every step may be repeated."""

    def __init__(
        self,
        *,
        store: JobStore,
        uploads: UploadStore,
        results: ResultStore,
        workflow: Workflow,
        assembler: Assembler,
        preparer: Preparer,
        clock: Clock,
    ) -> None:
        self._store = store
        self._uploads = uploads
        self._results = results
        self._workflow = workflow
        self._assembler = assembler
        self._preparer = preparer
        self._clock = clock

    def run(self) -> int:
        """Look at every unsettled job; how many could not be looked at. One failure never hides another."""
        failures = 0
        for job_id in self._store.unsettled():
            try:
                self.look_at(job_id)
            except Exception:  # the others must have their turn; the caller fails the run by the count
                logger.exception("A job could not be swept", extra={"job_id": str(job_id)})
                failures += 1
        return failures

    def look_at(self, job_id: UUID) -> None:
        """Move one job as far as it will go."""
        view = self._store.get(job_id)
        if view is None:
            tombstone = self._store.tombstone(job_id)
            if tombstone is not None:
                self._sweep_deleted(tombstone)
            return
        match view.job.status:
            case JobStatus.PENDING:
                self._look_at_pending(view)
            case JobStatus.QUEUED:
                self._look_at_queued(view)
            case JobStatus.PROCESSING:
                self._look_at_processing(view)
            case JobStatus.FAILED if not view.job.results_ready:
                self._assembler.request(job_id)
            case _:
                pass

    def _sweep_deleted(self, tombstone: Tombstone) -> None:
        if self._age(tombstone.deleted_at) < LONGEST_WORKER:
            return
        if tombstone.stored_input is not None:
            self._uploads.delete(tombstone.stored_input)
        self._results.delete_all(tombstone.id)
        self._store.forget(tombstone.id)

    def _look_at_pending(self, view: JobView) -> None:
        if view.job.source is Source.RETRY:
            self._look_at_pending_retry(view)
        elif self._age(view.job.created_at) >= UPLOAD_DEADLINE:
            self._fail(
                view,
                error_code="upload_expired",
                error_message="The file was not uploaded within 24 hours. Create a new job and upload it there.",
            )

    def _look_at_pending_retry(self, view: JobView) -> None:
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
            # The request was lost, or whoever had it: nobody is at it any more.
            self._preparer.request(view.job.id)

    def _look_at_queued(self, view: JobView) -> None:
        job = view.job
        waiting = self._age(job.updated_at)
        execution = self._workflow.describe(job.id)
        if execution.state is ExecutionState.ENDED or (
            execution.state is ExecutionState.UNKNOWN and waiting >= QUEUED_AT_MOST
        ):
            self._fail_ended(view, cause=execution.cause)
        elif execution.state is ExecutionState.UNKNOWN and waiting >= START_GRACE:
            # The intake was lost between the record and the start.
            self._workflow.start(job.id, workflow_input(job))
        elif waiting >= QUEUED_AT_MOST:
            self._fail_stalled(view)

    def _look_at_processing(self, view: JobView) -> None:
        silent = self._age(max(view.job.updated_at, view.progress.last_commit_at or view.job.updated_at))
        execution = self._workflow.describe(view.job.id)
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
        # After the record: it decides, and what still runs is refused from then on.
        self._workflow.stop(view.job.id, reason="No progress")

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
        fail_job(self._store, view.job.id, error_code=error_code, error_message=error_message, clock=self._clock)
        self._assembler.request(view.job.id)

    def _age(self, since: datetime) -> timedelta:
        return self._clock() - since


def _waits_for_finalize(view: JobView) -> bool:
    """Whether every row is scored and the result files are not begun."""
    job = view.job
    return job.phase is Phase.SCORING and not view.progress.missing(job.chunk_count)
