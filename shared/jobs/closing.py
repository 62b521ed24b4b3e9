"""Ending a live job as failed, whoever else is changing it at the time."""

import logging
from uuid import UUID

from shared.jobs.errors import TransitionRefusedError, UnavailableError
from shared.jobs.ports import Assembler, Clock, JobStore, JobView

logger = logging.getLogger(__name__)

# Each lost race means that someone else moved the job on; it has only a handful of states to move through.
_ATTEMPTS = 10

CANCELLED_MESSAGE = "Job cancelled by user"


def fail_job(
    store: JobStore,
    job_id: UUID,
    *,
    error_code: str | None,
    error_message: str,
    clock: Clock,
    cancelled: bool = False,
) -> tuple[JobView | None, bool]:
    """End the job as failed unless it has ended already.

    Returns the job as it now is (None when deleted) and whether it was this call that ended it.
    Raises `UnavailableError` when the record kept changing under every attempt.
    """
    for _ in range(_ATTEMPTS):
        view = store.get(job_id)
        if view is None or view.job.status.is_terminal:
            return view, False
        try:
            store.fail(view.job, error_code=error_code, error_message=error_message, cancelled=cancelled, now=clock())
        except TransitionRefusedError:
            continue
        return store.get(job_id), True
    raise UnavailableError


def request_files(assembler: Assembler, job_id: UUID) -> None:
    """Ask for the files of an ended job. The end holds if that fails, and the sweep asks again."""
    try:
        assembler.request(job_id)
    except UnavailableError:
        logger.warning("The files of an ended job could not be asked for", extra={"job_id": str(job_id)})
