"""Retrying rows of an ended job: a child job made of just those, its parent left as it is.

The child is a pending job like that of any upload. Whoever prepares its file puts it where uploads go, and the object's
own event starts the work. When the request to prepare it is lost, the sweep repeats it.
"""

import logging
from collections.abc import Callable, Set
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Protocol
from uuid import UUID, uuid4

from shared.jobs.access import Caller
from shared.jobs.errors import NothingToRetryError, ResultsNotReadyError, RetryLimitError, UnavailableError
from shared.jobs.job import Job, JobStatus, Outcome, Phase, Retry, Source
from shared.jobs.lifecycle import create_once, fail_job
from shared.jobs.ports import Clock, JobStore, Preparer
from shared.jobs.progress import JobView, row_counts

logger = logging.getLogger(__name__)


# Rows that failed ten times over need another file, and a chain without end would be one of files without end.
MAX_GENERATIONS = 10

RETRIED_OUTCOMES = (Outcome.FAILED, Outcome.UNPROCESSED)


class RetryService:
    """Makes child jobs."""

    def __init__(
        self, *, store: JobStore, preparer: Preparer, clock: Clock, new_id: Callable[[], UUID] = uuid4
    ) -> None:
        self._store = store
        self._preparer = preparer
        self._clock = clock
        self._new_id = new_id

    def retry(self, caller: Caller, parent: JobView, outcomes: Set[Outcome], *, job_id: UUID | None = None) -> Job:
        """Make a job of the parent's rows with these outcomes; the caller was shown the parent before.

        Given the `job_id` of an earlier attempt, go on with the job it made.
        Raises `ResultsNotReadyError`, `RetryLimitError` and `NothingToRetryError`.
        """
        require_retryable(parent)
        child = self._child(caller, parent.job, _retry_of(parent, outcomes), job_id=job_id or self._new_id())
        child = create_once(self._store, child)
        try:
            self._preparer.request(child.id)
        except UnavailableError:
            # The job is there, and the sweep asks again.
            logger.warning("The file of a retry could not be asked for", extra={"job_id": str(child.id)})
        return child

    def _child(self, caller: Caller, parent: Job, retry: Retry, *, job_id: UUID) -> Job:
        now = self._clock()
        name = parent.original_filename
        return Job(
            id=job_id,
            status=JobStatus.PENDING,
            phase=Phase.AWAITING_UPLOAD,
            job_type=parent.job_type,
            source=Source.RETRY,
            # Whoever sees the parent sees the child. In an organization the user is who made the job; without one it
            # is the owner, who must not lose sight of it because an administrator retried it.
            user_id=caller.user_id if parent.organization_id is not None else parent.user_id,
            organization_id=parent.organization_id,
            created_by=caller.username,
            original_filename=name if retry.is_whole_input else f"{PurePosixPath(name).stem}.csv",
            # Rows are written as UTF-8; only a file that is taken as it came still has its own encoding.
            options=parent.options if retry.is_whole_input else replace(parent.options, encoding=None),
            parent_job_id=parent.id,
            retry=retry,
            created_at=now,
            updated_at=now,
        )


def require_retryable(parent: JobView) -> None:
    """Raise `ResultsNotReadyError` while the job lives, `RetryLimitError` at the end of a chain, `NothingToRetryError`.

    The last where there are no rows of either kind, whichever are asked for.
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
    if not (_wanted_rows(parent, outcomes) if was_counted else Outcome.UNPROCESSED in outcomes):
        wanted = " or ".join(outcome for outcome in RETRIED_OUTCOMES if outcome in outcomes)
        raise NothingToRetryError(f"The job has no {wanted} rows, so there is nothing to retry.")
    return Retry(
        outcomes=frozenset(outcomes),
        generation=job.retry.generation + 1 if job.retry else 1,
        is_whole_input=not was_counted,
        has_source_row=was_counted or (job.retry is not None and job.retry.has_source_row),
    )


def _wanted_rows(parent: JobView, outcomes: Set[Outcome]) -> int:
    successful, failed = row_counts(parent.job, parent.progress)
    unprocessed = (parent.job.total_rows or 0) - successful - failed
    return failed * (Outcome.FAILED in outcomes) + unprocessed * (Outcome.UNPROCESSED in outcomes)


NOT_PREPARED = "retry_not_prepared"
_PARENT_GONE = (
    "The rows to be retried are gone: the job they belong to was deleted, or its results have expired. "
    "Upload the rows as a new job."
)

# The files of an ended job are there within seconds; this is for one whose files are large.
_WAIT_SECONDS = 2.0
_WAITS = 90


class RetryFiles(Protocol):
    """Whoever has the results of jobs and may write where uploads go."""

    def write_rows(self, parent: Job, child: Job, retry: Retry) -> None:
        """Write the parent's rows of the wanted outcomes as the child's upload. Raises FileNotFoundError."""

    def copy_input(self, parent: Job, child: Job) -> None:
        """Copy the parent's whole input as the child's upload. Raises FileNotFoundError."""


class ParentNotReadyError(Exception):
    """The parent's result files are still being put together; the request is to be repeated later."""


class RetryPreparation:
    """Writes the files of retries. `pause` waits so many seconds."""

    def __init__(self, *, store: JobStore, files: RetryFiles, clock: Clock, pause: Callable[[float], None]) -> None:
        self._store = store
        self._files = files
        self._clock = clock
        self._pause = pause

    def prepare(self, job_id: UUID) -> None:
        """Write the file of a retry that waits for it; its event starts the job. Raises `ParentNotReadyError`."""
        waiting = self._waiting(job_id)
        if waiting is None:
            return
        child, retry, parent_id = waiting
        parent = self._settled(parent_id)
        if self._waiting(job_id) is None:
            return  # cancelled or deleted meanwhile; later than this, the file's event finds nobody and removes it
        if parent is None:
            self._give_up(job_id)
            return
        try:
            if retry.is_whole_input:
                self._files.copy_input(parent, child)
            else:
                self._files.write_rows(parent, child, retry)
        except FileNotFoundError:
            self._give_up(job_id)

    def _give_up(self, job_id: UUID) -> None:
        logger.warning("The rows of a retry are gone", extra={"job_id": str(job_id)})
        fail_job(self._store, job_id, error_code=NOT_PREPARED, error_message=_PARENT_GONE, clock=self._clock)

    def _waiting(self, job_id: UUID) -> tuple[Job, Retry, UUID] | None:
        view = self._store.get(job_id)
        if view is None or view.job.status is not JobStatus.PENDING:
            logger.info("The retry waits for no file", extra={"job_id": str(job_id)})
            return None
        job = view.job
        return (job, job.retry, job.parent_job_id) if job.retry and job.parent_job_id else None

    def _settled(self, parent_id: UUID) -> Job | None:
        """The parent once its result files are there; None when it was deleted."""
        for _ in range(_WAITS):
            view = self._store.get(parent_id)
            if view is None or view.job.results_ready:
                return view.job if view else None
            self._pause(_WAIT_SECONDS)
        raise ParentNotReadyError(f"the result files of job {parent_id} are not there yet")
