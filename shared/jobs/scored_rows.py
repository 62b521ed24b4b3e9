"""What callers may read of an ended job beside its downloads: its scored rows piece by piece, and its risk summary."""

from typing import Any

from shared.jobs.errors import ResultsAssemblingError, ResultsNotReadyError
from shared.jobs.model import Job, Outcome
from shared.jobs.ports import JobView, ResultStore

ASSEMBLING = "The result files are being put together. Try again in a few seconds."
NO_FILE = "The job ended before its file arrived, so there is nothing to download."


class ScoredRows:
    """The results of jobs that the caller was shown before."""

    def __init__(self, *, results: ResultStore) -> None:
        self._results = results

    def read(self, view: JobView, offset: int, length: int) -> bytes:
        """Bytes of the CSV of scored rows, fewer at its end. Raises as `require_files`, and `ResultsGoneError`."""
        require_files(view.job)
        return self._results.read_result(view.job.id, Outcome.SUCCESSFUL, offset, length)

    def summary(self, view: JobView) -> dict[str, Any] | None:
        """The risk summary; None for a job that ended before its rows were counted."""
        return self._results.get_summary(view.job.id)


def require_files(job: Job) -> None:
    """Raise `ResultsAssemblingError` until an ended job has its files, `ResultsNotReadyError` if it never will."""
    if not job.results_ready:
        raise ResultsAssemblingError(ASSEMBLING)
    if job.stored_input is None:
        raise ResultsNotReadyError(NO_FILE)
