"""How many of a job's rows may fail: judged while it runs and at its end, by the same rule."""

from uuid import UUID

from shared.jobs.closing import fail_job, request_files
from shared.jobs.ledger import Progress
from shared.jobs.model import Job, JobStatus
from shared.jobs.ports import Assembler, Clock, JobStore, Workflow

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
