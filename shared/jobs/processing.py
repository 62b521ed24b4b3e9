"""Processing of a job: planning, the failure budget, and finalization."""

import logging
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from shared.jobs.errors import TransitionRefusedError
from shared.jobs.job import Job, JobStatus, Phase
from shared.jobs.lifecycle import fail_job, request_files
from shared.jobs.ports import Assembler, Clock, JobStore, Plan, Workflow
from shared.jobs.progress import JobView, Progress, row_counts


class Planning:
    """What Plan does to the job's record. Every step may be repeated."""

    def __init__(self, *, store: JobStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def begin(self, job_id: UUID) -> Job | None:
        """Move the job to processing; None when it ended or was deleted, so that there is nothing to plan."""
        view = self._store.get(job_id)
        if view is None or view.job.status.is_terminal:
            return None
        try:
            self._store.start(view.job, now=self._clock())
        except TransitionRefusedError:
            # It moved on after the read: cancelled, deleted, or planned by another attempt.
            view = self._store.get(job_id)
            return view.job if view and view.job.status is JobStatus.PROCESSING else None
        view = self._store.get(job_id)
        return view.job if view and not view.job.status.is_terminal else None

    def record(self, job: Job, facts: Plan) -> bool:
        """Make the plan known; whether there is scoring to do now."""
        try:
            self._store.record_plan(job, facts, now=self._clock())
        except TransitionRefusedError:
            # The same plan made known by an earlier attempt whose answer was lost, or the job has ended.
            view = self._store.get(job.id)
            return view is not None and view.job.status is JobStatus.PROCESSING and view.job.phase is not Phase.PLANNING
        return True

    def refuse(self, job: Job, *, error_code: str, error_message: str) -> None:
        """End the job because its file cannot be scored."""
        fail_job(self._store, job.id, error_code=error_code, error_message=error_message, clock=self._clock)


# A job is not given up for the first few rows of its file.
JUDGED_FROM_ROWS = 1_000


def is_over_budget(job: Job, progress: Progress) -> bool:
    """Whether more of the rows processed so far failed than the job's uploader allows."""
    allowed = job.options.max_failed_percent
    return allowed is not None and progress.failed_rows * 100 > allowed * progress.processed_rows


def fail_over_budget(store: JobStore, job: Job, progress: Progress, *, clock: Clock) -> bool:
    """End a job that is over its budget; whether it was this call that ended it."""
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


class FailureBudget:
    """Ends a hopeless job early. Asked after every chunk that had failures, by any number of workers at once."""

    def __init__(self, *, store: JobStore, workflow: Workflow, assembler: Assembler, clock: Clock) -> None:
        self._store = store
        self._workflow = workflow
        self._assembler = assembler
        self._clock = clock

    def judge(self, job_id: UUID) -> None:
        """End the job if it is over its budget. The record decides; what is stopped after that is refused anyway."""
        view = self._store.get(job_id)
        if (
            view is None
            or view.job.status is not JobStatus.PROCESSING
            or view.progress.processed_rows < JUDGED_FROM_ROWS
            or not is_over_budget(view.job, view.progress)
        ):
            return
        if fail_over_budget(self._store, view.job, view.progress, clock=self._clock):
            self._workflow.stop(job_id, reason="Too many failed rows")
            request_files(self._assembler, job_id)


logger = logging.getLogger(__name__)

# A sentence is read by people: it names this many ranges of rows and counts the rest.
_NAMED_RANGES = 5

_FILES_LOST = (
    "What was stored for the job has been lost since, so that not all of its files could be made: download those that "
    "are there, or upload the file again as a new job."
)


class ResultFiles(Protocol):
    """Whoever puts a job's parts together."""

    def missing_parts(self, view: JobView) -> Sequence[int]:
        """The committed chunks of which a part is not there."""

    def row_ranges(self, view: JobView, chunks: Sequence[int]) -> Sequence[tuple[int, int]]:
        """The first and last row of each of these chunks, adjoining ones joined."""

    def assemble(self, view: JobView) -> None:
        """Write the result files of every outcome; the same again when repeated.

        Rows whose parts are gone are given back unprocessed. Raises FileNotFoundError when what is gone cannot be made
        up for; the files that could be made are there then.
        """


class Finalization:
    """Ends jobs whose chunks are done, and gives ended ones their files. Every step may be repeated."""

    def __init__(self, *, store: JobStore, files: ResultFiles, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    def finish(self, job_id: UUID) -> None:
        """Complete a job of which every chunk is committed; fail one of which some are not."""
        view = self._store.get(job_id)
        if view is None:
            return
        if view.job.status is JobStatus.PROCESSING:
            self._finish_processing(view)
        self.settle(job_id)

    def settle(self, job_id: UUID) -> None:
        """Give a failed job its result files and final counts, if it has none yet."""
        view = self._store.get(job_id)
        if view is None or view.job.status is not JobStatus.FAILED or view.job.results_ready:
            return
        loss = self._assembled(view)
        successful, failed = row_counts(view.job, view.progress)
        try:
            self._store.settle(
                view.job,
                successful=successful,
                failed=failed,
                error_message=_with_loss(view.job) if loss else None,
                now=self._clock(),
            )
        except TransitionRefusedError:
            # Deleted meanwhile: the tombstone has the sweep look for late files once more.
            logger.info("The job was deleted while its files were put together", extra={"job_id": str(job_id)})
            return
        if loss:
            logger.error("Stored objects of an ended job are gone", extra={"job_id": str(job_id), "cause": str(loss)})

    def _assembled(self, view: JobView) -> FileNotFoundError | None:
        """Why some of the files could not be made, and never will be."""
        try:
            self._files.assemble(view)
        except FileNotFoundError as loss:
            return loss
        return None

    def _finish_processing(self, view: JobView) -> None:
        job = view.job
        try:
            self._store.enter_finalizing(job, now=self._clock())
        except TransitionRefusedError:
            return  # cancelled or failed meanwhile: settled as such
        lost = sorted({*view.progress.missing(job.chunk_count), *self._files.missing_parts(view)})
        if lost or job.total_rows != view.progress.processed_rows:
            self._fail_incomplete(view, lost)
            return
        if is_over_budget(job, view.progress):
            fail_over_budget(self._store, job, view.progress, clock=self._clock)
            return
        self._files.assemble(view)
        try:
            self._store.complete(
                job,
                successful=view.progress.successful_rows,
                failed=view.progress.failed_rows,
                now=self._clock(),
            )
        except TransitionRefusedError:
            return  # cancelled at the last moment: settled as such

    def _fail_incomplete(self, view: JobView, lost: Sequence[int]) -> None:
        fail_job(
            self._store,
            view.job.id,
            error_code="chunks_failed",
            error_message=(
                f"{self._what_is_missing(view, lost)} "
                "Everything else was kept: download what was scored, and upload the unprocessed rows again."
            ),
            clock=self._clock,
        )

    def _what_is_missing(self, view: JobView, lost: Sequence[int]) -> str:
        if not lost:
            return f"Only {view.progress.processed_rows} of {view.job.total_rows or 0} rows were accounted for."
        ranges = self._files.row_ranges(view, lost)
        named = ", ".join(f"{first}-{last}" for first, last in ranges[:_NAMED_RANGES])
        more = f" and {len(ranges) - _NAMED_RANGES} more ranges" if len(ranges) > _NAMED_RANGES else ""
        return f"Rows {named}{more} could not be scored after several attempts."


def _with_loss(job: Job) -> str | None:
    """The sentence of a failed job whose files are lost; that of a cancelled one stays as callers know it."""
    return None if job.cancelled else f"{job.error_message} {_FILES_LOST}"
