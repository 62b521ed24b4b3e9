"""Processing of a job: the changes of its record in planning, the failure budget, and finalization."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.jobs.errors import TransitionRefusedError
from shared.jobs.job import Job, JobStatus, Note, Phase, utc_now
from shared.jobs.lifecycle import fail_job, try_request_assembly
from shared.jobs.ports import Clock, JobStore, Plan, RequestAssembly, Workflow
from shared.jobs.progress import JobView, Progress, row_counts

logger = logging.getLogger(__name__)

# A job is not given up for the first few rows of its file.
BUDGET_FROM_ROWS = 1_000
# An error message names this many ranges of rows and counts the rest.
_NAMED_RANGES = 5

_FILES_LOST = (
    "What was stored for the job has been lost since, so that not all of its files could be made: download those that "
    "are there, or upload the file again as a new job."
)


@dataclass(frozen=True, kw_only=True)
class Planning:
    """Changes the record of a job that is planned. Every step may be repeated."""

    store: JobStore
    clock: Clock = utc_now

    def begin(self, job_id: UUID) -> Job | None:
        """Moves the job to processing. Returns None if it has ended or was deleted: there is nothing to plan."""
        view = self.store.get(job_id)
        if view is None or view.job.status.is_terminal:
            return None
        try:
            self.store.start(view.job, now=self.clock())
        except TransitionRefusedError:
            # It changed after the read: cancelled, deleted, or planned by another attempt.
            view = self.store.get(job_id)
            return view.job if view and view.job.status is JobStatus.PROCESSING else None
        view = self.store.get(job_id)
        return view.job if view and not view.job.status.is_terminal else None

    def record(self, job: Job, plan: Plan) -> bool:
        """Records the plan. Returns whether there are chunks to score."""
        try:
            self.store.record_plan(job, plan, now=self.clock())
        except TransitionRefusedError:
            # An earlier attempt recorded the same plan and its response was lost, or the job has ended.
            view = self.store.get(job.id)
            return view is not None and view.job.status is JobStatus.PROCESSING and view.job.phase is not Phase.PLANNING
        return True

    def refuse(self, job: Job, *, error_code: str, error_message: str) -> None:
        """Fails the job because its file cannot be scored."""
        fail_job(self.store, job.id, error_code=error_code, error_message=error_message, clock=self.clock)


def is_over_budget(job: Job, progress: Progress) -> bool:
    """Whether more of the processed rows failed than the options of the upload allow."""
    allowed = job.options.max_failed_percent
    return allowed is not None and progress.failed_rows * 100 > allowed * progress.processed_rows


def fail_over_budget(store: JobStore, job: Job, progress: Progress, *, clock: Clock) -> bool:
    """Fails a job that is over its budget. Returns whether this call ended it."""
    _, ended = fail_job(
        store,
        job.id,
        error_code="too_many_failed_rows",
        error_message=(
            f"{progress.failed_rows} of the first {progress.processed_rows} rows processed failed, more than "
            f"{job.options.max_failed_percent:g} %. Everything processed until then was kept: download the failed "
            "rows, correct them, and upload them and the unprocessed ones again."
        ),
        clock=clock,
    )
    return ended


@dataclass(frozen=True, kw_only=True)
class FailureBudget:
    """Fails jobs early in which too many rows fail. Any number of workers may enforce it at once."""

    store: JobStore
    workflow: Workflow
    request_assembly: RequestAssembly
    clock: Clock = utc_now

    def enforce(self, job_id: UUID) -> None:
        """Fails the job if it is over its budget. The record decides: commits of still running workers are refused."""
        view = self.store.get(job_id)
        if (
            view is None
            or view.job.status is not JobStatus.PROCESSING
            or view.progress.processed_rows < BUDGET_FROM_ROWS
            or not is_over_budget(view.job, view.progress)
        ):
            return
        if fail_over_budget(self.store, view.job, view.progress, clock=self.clock):
            self.workflow.stop(job_id, reason="Too many failed rows")
            try_request_assembly(self.request_assembly, job_id)


class ResultFiles(Protocol):
    """Assembles the result files of a job from the parts of its chunks."""

    def missing_parts(self, view: JobView) -> Sequence[int]:
        """Returns the committed chunks that lack a part."""

    def row_ranges(self, view: JobView, chunks: Sequence[int]) -> Sequence[tuple[int, int]]:
        """Returns the first and last row of each of these chunks, adjoining ones joined."""

    def assemble(self, view: JobView) -> Sequence[Note]:
        """Writes the result files of every outcome; the same files when repeated. Returns notes of the scored rows.

        Rows whose parts are gone become unprocessed. Raises FileNotFoundError if the files cannot be completed without
        what is gone; those that could be made are there then.
        """


@dataclass(frozen=True, kw_only=True)
class Finalization:
    """Ends jobs whose chunks are done, and assembles the files of failed ones. Every step may be repeated."""

    store: JobStore
    files: ResultFiles
    clock: Clock = utc_now

    def finalize(self, job_id: UUID) -> None:
        """Completes a job whose chunks are all committed; fails it if some are not."""
        view = self.store.get(job_id)
        if view is None:
            return
        if view.job.status is JobStatus.PROCESSING:
            self._finalize_processing(view)
        self.assemble_failed(job_id)

    def assemble_failed(self, job_id: UUID) -> None:
        """Assembles the result files of a failed job and records its final counts, unless that is done."""
        view = self.store.get(job_id)
        if view is None or view.job.status is not JobStatus.FAILED or view.job.results_ready:
            return
        notes, loss = self._assemble(view)
        successful, failed = row_counts(view.job, view.progress)
        try:
            self.store.record_assembly(
                view.job,
                successful=successful,
                failed=failed,
                notes=notes,
                error_message=_with_loss(view.job) if loss else None,
                now=self.clock(),
            )
        except TransitionRefusedError:
            # Reconcile finds the tombstone and removes files that were written after the delete.
            logger.info("The job was deleted while its files were assembled", extra={"job_id": str(job_id)})
            return
        if loss:
            logger.error("Stored objects of an ended job are gone", extra={"job_id": str(job_id), "cause": str(loss)})

    def _assemble(self, view: JobView) -> tuple[Sequence[Note], FileNotFoundError | None]:
        """Returns notes of the scored rows, and why some of the files never can be made; None if all were."""
        try:
            return self.files.assemble(view), None
        except FileNotFoundError as loss:
            return (), loss

    def _finalize_processing(self, view: JobView) -> None:
        job = view.job
        try:
            self.store.enter_finalizing(job, now=self.clock())
        except TransitionRefusedError:
            return  # cancelled or failed meanwhile: its files are assembled as those of a failed job
        lost = sorted({*view.progress.missing(job.chunk_count), *self.files.missing_parts(view)})
        if lost or job.total_rows != view.progress.processed_rows:
            self._fail_incomplete(view, lost)
            return
        if is_over_budget(job, view.progress):
            fail_over_budget(self.store, job, view.progress, clock=self.clock)
            return
        notes = self.files.assemble(view)
        try:
            self.store.complete(
                job,
                successful=view.progress.successful_rows,
                failed=view.progress.failed_rows,
                notes=notes,
                now=self.clock(),
            )
        except TransitionRefusedError:
            return  # cancelled at the last moment

    def _fail_incomplete(self, view: JobView, lost: Sequence[int]) -> None:
        fail_job(
            self.store,
            view.job.id,
            error_code="chunks_failed",
            error_message=(
                f"{self._incomplete(view, lost)} "
                "Everything else was kept: download what was scored, and upload the unprocessed rows again."
            ),
            clock=self.clock,
        )

    def _incomplete(self, view: JobView, lost: Sequence[int]) -> str:
        if not lost:
            return f"Only {view.progress.processed_rows} of {view.job.total_rows or 0} rows were accounted for."
        ranges = self.files.row_ranges(view, lost)
        named = ", ".join(f"{first}-{last}" for first, last in ranges[:_NAMED_RANGES])
        more = f" and {len(ranges) - _NAMED_RANGES} more ranges" if len(ranges) > _NAMED_RANGES else ""
        return f"Rows {named}{more} could not be scored after several attempts."


def _with_loss(job: Job) -> str | None:
    """Returns the message of a failed job whose files are lost; None for a cancelled one, which keeps its message."""
    return None if job.cancelled else f"{job.error_message} {_FILES_LOST}"
