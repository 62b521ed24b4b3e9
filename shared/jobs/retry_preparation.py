"""Preparing the file of a retry, as often as it is asked for: the same file each time, none once it is not wanted."""

import logging
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from shared.jobs.closing import fail_job
from shared.jobs.model import Job, JobStatus, Retry
from shared.jobs.ports import Clock, JobStore

logger = logging.getLogger(__name__)

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
