"""Retries: a child job made of rows of an ended job, which itself stays as it is.

The child is a pending job like that of any upload. The retry function writes its file where uploads go, and the event
of that object starts the work. If the request to write it is lost, reconcile repeats it.
"""

import logging
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from shared.jobs.access import Caller
from shared.jobs.errors import NothingToRetryError, ResultsNotReadyError, RetryLimitError, UnavailableError
from shared.jobs.job import Job, JobStatus, Outcome, Phase, Retry, Source, utc_now
from shared.jobs.lifecycle import create_once, fail_job
from shared.jobs.ports import Clock, JobStore, RequestRetryFile
from shared.jobs.progress import JobView, row_counts
from shared.jobs.uploads import stem_of

logger = logging.getLogger(__name__)

# Rows that failed ten times over need another file, and an endless chain would store endless files.
MAX_GENERATIONS = 10

RETRIED_OUTCOMES = (Outcome.FAILED, Outcome.UNPROCESSED)

NOT_PREPARED = "retry_not_prepared"
_PARENT_GONE = (
    "The rows to be retried are gone: the job they belong to was deleted, or its results have expired. "
    "Upload the rows as a new job."
)

# The files of an ended job are there within seconds, unless they are large.
_WAIT_SECONDS = 2.0
_WAITS = 90


@dataclass(frozen=True, kw_only=True)
class RetryService:
    """Creates child jobs."""

    store: JobStore
    request_retry_file: RequestRetryFile
    clock: Clock = utc_now
    new_id: Callable[[], UUID] = uuid4

    def retry(self, caller: Caller, parent: JobView, outcomes: Set[Outcome], *, job_id: UUID | None = None) -> Job:
        """Creates a job of the parent's rows with these outcomes. The caller must have been allowed to read the parent.

        With the `job_id` of an earlier attempt, continues with the job that attempt created.
        Raises `ResultsNotReadyError`, `RetryLimitError` and `NothingToRetryError`.
        """
        require_retryable(parent)
        child = self._child(caller, parent.job, _retry_of(parent, outcomes), job_id=job_id or self.new_id())
        child = create_once(self.store, child)
        try:
            self.request_retry_file(child.id)
        except UnavailableError:
            # The job exists, and reconcile repeats the request.
            logger.warning("The file of a retry could not be requested", extra={"job_id": str(child.id)})
        return child

    def _child(self, caller: Caller, parent: Job, retry: Retry, *, job_id: UUID) -> Job:
        now = self.clock()
        name = parent.original_filename
        return Job(
            id=job_id,
            status=JobStatus.PENDING,
            phase=Phase.AWAITING_UPLOAD,
            job_type=parent.job_type,
            source=Source.RETRY,
            # Who may read the parent may read the child. In an organization the user is the creator of the job; without
            # one it is the owner, who must not lose access because an administrator retried the job.
            user_id=caller.user_id if parent.organization_id is not None else parent.user_id,
            organization_id=parent.organization_id,
            created_by=caller.username,
            original_filename=name if retry.is_whole_input else f"{stem_of(name)}.csv",
            # Rows are written as UTF-8; only a file that is copied unchanged still has its own encoding.
            options=parent.options if retry.is_whole_input else replace(parent.options, encoding=None),
            parent_job_id=parent.id,
            retry=retry,
            created_at=now,
            updated_at=now,
        )


def require_retryable(parent: JobView) -> None:
    """Raises `ResultsNotReadyError` for a live job, `RetryLimitError` at the end of a chain, and `NothingToRetryError`.

    The last one if there are rows of no outcome that can be retried.
    """
    job = parent.job
    if not job.status.is_terminal:
        raise ResultsNotReadyError(
            f"The job is {job.status}. Its rows can be retried when it has ended; follow its status."
        )
    if job.retry is not None and job.retry.generation >= MAX_GENERATIONS:
        raise RetryLimitError(MAX_GENERATIONS)
    _retry_of(parent, frozenset(RETRIED_OUTCOMES))


def _retry_of(parent: JobView, outcomes: Set[Outcome]) -> Retry:
    job = parent.job
    was_counted = job.total_rows is not None
    if not was_counted and job.stored_input is None:
        raise NothingToRetryError("The job ended before its file arrived, so there is nothing to retry.")
    if not (_row_count(parent, outcomes) if was_counted else Outcome.UNPROCESSED in outcomes):
        wanted = " or ".join(outcome for outcome in RETRIED_OUTCOMES if outcome in outcomes)
        raise NothingToRetryError(f"The job has no {wanted} rows, so there is nothing to retry.")
    return Retry(
        outcomes=frozenset(outcomes),
        generation=job.retry.generation + 1 if job.retry else 1,
        is_whole_input=not was_counted,
        has_source_row=was_counted or (job.retry is not None and job.retry.has_source_row),
        # Rows that are corrected must not change how the others are read.
        decimal=job.decimal or (job.retry.decimal if job.retry else None),
    )


def _row_count(parent: JobView, outcomes: Set[Outcome]) -> int:
    successful, failed = row_counts(parent.job, parent.progress)
    unprocessed = (parent.job.total_rows or 0) - successful - failed
    return failed * (Outcome.FAILED in outcomes) + unprocessed * (Outcome.UNPROCESSED in outcomes)


class ParentNotReadyError(Exception):
    """The result files of the parent are not assembled yet; the request is to be repeated later."""


@dataclass(frozen=True, kw_only=True)
class RetryPreparation:
    """Writes the files of retries.

    `write_file` writes the file of the child from the results of its parent and raises FileNotFoundError if those are
    gone. `pause` waits for a number of seconds.
    """

    store: JobStore
    write_file: Callable[[Job, Job, Retry], None]
    pause: Callable[[float], None]
    clock: Clock = utc_now

    def prepare(self, job_id: UUID) -> None:
        """Writes the file of a retry that waits for it; its event starts the job. Raises `ParentNotReadyError`.

        May be repeated: the file is the same each time, and there is none once the job does not wait for it.
        """
        waiting = self._waiting(job_id)
        if waiting is None:
            return
        child, retry, parent_id = waiting
        parent = self._assembled(parent_id)
        if self._waiting(job_id) is None:
            return  # cancelled or deleted meanwhile; later than this, intake removes the file
        if parent is None:
            self._give_up(job_id)
            return
        try:
            self.write_file(parent, child, retry)
        except FileNotFoundError:
            self._give_up(job_id)

    def _give_up(self, job_id: UUID) -> None:
        logger.warning("The rows of a retry are gone", extra={"job_id": str(job_id)})
        fail_job(self.store, job_id, error_code=NOT_PREPARED, error_message=_PARENT_GONE, clock=self.clock)

    def _waiting(self, job_id: UUID) -> tuple[Job, Retry, UUID] | None:
        view = self.store.get(job_id)
        if view is None or view.job.status is not JobStatus.PENDING:
            logger.info("The retry waits for no file", extra={"job_id": str(job_id)})
            return None
        job = view.job
        return (job, job.retry, job.parent_job_id) if job.retry and job.parent_job_id else None

    def _assembled(self, parent_id: UUID) -> Job | None:
        """Returns the parent once its result files are there; None if it was deleted."""
        for _ in range(_WAITS):
            view = self.store.get(parent_id)
            if view is None or view.job.results_ready:
                return view.job if view else None
            self.pause(_WAIT_SECONDS)
        raise ParentNotReadyError(f"the result files of job {parent_id} are not there yet")
