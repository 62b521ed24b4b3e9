"""Result files of ended jobs: download links, exports, scored rows and the risk summary.

An export is a result file in another format than CSV. It is made once, when it is first requested: a request that finds
no file claims the export by one conditional write to the record of the job, and invokes the export function. The
attempt then begun belongs to that very claim, so that an event which comes twice or late makes no second file. A claim
older than any invocation can run is lost, and another request may replace it.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.jobs.errors import (
    ExportRefusedError,
    ResultsAssemblingError,
    ResultsGoneError,
    ResultsNotReadyError,
    TransitionRefusedError,
    UnavailableError,
)
from shared.jobs.job import Export, ExportKind, FileFormat, Job, Outcome, utc_now
from shared.jobs.ports import LONGEST_WORKER, Clock, JobStore, RequestExport, ResultStore
from shared.jobs.progress import JobView
from shared.jobs.service import require_ended
from shared.jobs.uploads import download_name

logger = logging.getLogger(__name__)

# An export that failed this often is given up: it kills its function, or takes longer than one may run.
MAX_ATTEMPTS = 3

ASSEMBLING = "The result files are being put together. Try again in a few seconds."
_NO_FILE = "The job ended before its file arrived, so there is nothing to download."


@dataclass(frozen=True, kw_only=True)
class Downloads:
    """Results of jobs that the caller is allowed to read. `xlsx_max_rows` is the most data rows of a sheet."""

    store: JobStore
    results: ResultStore
    request_export: RequestExport
    xlsx_max_rows: int
    clock: Clock = utc_now

    def read_rows(self, view: JobView, offset: int, length: int) -> bytes:
        """Returns bytes of the CSV of successful rows. Raises as `require_files`, and `ResultsGoneError`."""
        require_files(view.job)
        return self.results.read_result(view.job.id, Outcome.SUCCESSFUL, offset, length)

    def summary(self, view: JobView) -> dict[str, Any] | None:
        """Returns the risk summary; None for a job that ended before its rows were counted."""
        return self.results.get_summary(view.job.id)

    def link(self, job: Job, outcome: Outcome, file_format: FileFormat) -> str:
        """Returns a link that downloads the result file for a short time.

        Raises `ResultsNotReadyError` for a live job, `ResultsAssemblingError` until the file is there (an export that
        was not requested before is requested now), `ResultsGoneError` if the file is lost, and `ExportRefusedError` if
        there never will be one in this format.
        """
        require_ended(job)
        if not job.results_ready:
            raise ResultsAssemblingError(ASSEMBLING)
        # A job that was cancelled or failed before its rows were counted returns its input unchanged.
        is_whole_input = outcome is Outcome.UNPROCESSED and job.total_rows is None
        if file_format is not FileFormat.CSV and job.stored_input is not None:
            self._require_exportable(job, outcome, file_format, is_whole_input=is_whole_input)
        name = job.original_filename if is_whole_input else download_name(job.original_filename, outcome, file_format)
        link = self.results.download_link(job.id, outcome, filename=name, file_format=file_format)
        if link is not None:
            return link
        if file_format is FileFormat.CSV or job.stored_input is None:
            raise ResultsNotReadyError(_NO_FILE) if job.stored_input is None else ResultsGoneError
        self._claim_export(job, ExportKind(outcome, file_format))
        raise ResultsAssemblingError(f"The {file_format} file is being made. Try again in a few seconds.")

    def _require_exportable(self, job: Job, outcome: Outcome, file_format: FileFormat, *, is_whole_input: bool) -> None:
        if is_whole_input:
            raise ExportRefusedError(
                "The job ended before its rows were counted, so its unprocessed file is the input as it came. "
                "Download that: format=csv."
            )
        rows = rows_of(job, outcome)
        if file_format is FileFormat.XLSX and rows > self.xlsx_max_rows:
            raise ExportRefusedError(
                f"The file has {rows:,} rows, and Excel takes {self.xlsx_max_rows:,}. "
                "Download it as CSV (format=csv) or Parquet (format=parquet).",
                code="too_large",
            )

    def _claim_export(self, job: Job, kind: ExportKind) -> None:
        """Requests the export unless it is being made. Raises `ExportRefusedError` if it was given up."""
        known = job.exports.get(kind)
        now = self.clock()
        if known is not None:
            if known.refusal is not None:
                raise ExportRefusedError(known.refusal, code=known.refusal_code or ExportRefusedError.code)
            if known.claimed_at is not None and now - known.claimed_at < LONGEST_WORKER:
                return
            if known.attempts >= MAX_ATTEMPTS:
                raise ExportRefusedError(
                    f"The file could not be made as {kind.file_format} in {known.attempts} attempts. "
                    "Download it as CSV: format=csv."
                )
        claim = replace(known or Export(), claimed_at=now, is_begun=False)
        try:
            self.store.change_export(job.id, kind, expected=known, changed=claim)
        except TransitionRefusedError:
            return  # another request was first, or the job was deleted: the next request finds out
        try:
            self.request_export(job.id, kind, now)
        except UnavailableError:
            # Release the claim, so that the next request need not wait until it is lost.
            with suppress(TransitionRefusedError):
                self.store.change_export(job.id, kind, expected=claim, changed=replace(claim, claimed_at=None))
            raise


def require_files(job: Job) -> None:
    """Raises `ResultsAssemblingError` until an ended job has its files, `ResultsNotReadyError` if it never will."""
    if not job.results_ready:
        raise ResultsAssemblingError(ASSEMBLING)
    if job.stored_input is None:
        raise ResultsNotReadyError(_NO_FILE)


def rows_of(job: Job, outcome: Outcome) -> int:
    """Returns how many rows the outcome of an ended job has, by the final counts of its record."""
    total, successful, failed = job.total_rows or 0, job.final_successful_rows or 0, job.final_failed_rows or 0
    return {
        Outcome.SUCCESSFUL: successful,
        Outcome.FAILED: failed,
        Outcome.UNPROCESSED: total - successful - failed,
        Outcome.ALL: total,
    }[outcome]


@dataclass(frozen=True, kw_only=True)
class Exports:
    """Makes claimed exports.

    `write_file` writes the file from the CSV of its outcome and raises `ExportRefusedError` if the format cannot hold
    it. `remove_file` removes it if it is there.
    """

    store: JobStore
    write_file: Callable[[UUID, ExportKind], None]
    remove_file: Callable[[UUID, ExportKind], None]
    clock: Clock = utc_now

    def make(self, job_id: UUID, kind: ExportKind, *, claimed_at: datetime) -> None:
        """Makes the file of that claim, unless it was begun or given up, or the job is gone."""
        begun = self._begin(job_id, kind, claimed_at=claimed_at)
        if begun is None:
            logger.info("Nothing to export: the job has no such claim", extra={"job_id": str(job_id)})
            return
        try:
            self.write_file(job_id, kind)
        except ExportRefusedError as refused:
            refusal = replace(begun, claimed_at=None, is_begun=False, refusal_code=refused.code, refusal=str(refused))
            self._change(job_id, kind, expected=begun, changed=refusal)
        except Exception as error:
            # An attempt that a dependency made impossible does not count.
            attempts = begun.attempts - isinstance(error, UnavailableError)
            ended = replace(begun, claimed_at=None, is_begun=False, attempts=attempts)
            self._change(job_id, kind, expected=begun, changed=ended)
            if self._is_gone(job_id, kind):
                return  # the file could not be read because it was deleted with the job
            raise
        else:
            self._change(job_id, kind, expected=begun, changed=None)
            self._is_gone(job_id, kind)

    def _begin(self, job_id: UUID, kind: ExportKind, *, claimed_at: datetime) -> Export | None:
        view = self.store.get(job_id)
        claimed = view.job.exports.get(kind) if view is not None else None
        if claimed is None or claimed.is_begun or claimed.claimed_at != claimed_at:
            return None
        # A claim may have waited for its function: from now on its age is that of the attempt.
        begun = replace(claimed, claimed_at=self.clock(), is_begun=True, attempts=claimed.attempts + 1)
        return begun if self._change(job_id, kind, expected=claimed, changed=begun) else None

    def _change(self, job_id: UUID, kind: ExportKind, *, expected: Export, changed: Export | None) -> bool:
        try:
            self.store.change_export(job_id, kind, expected=expected, changed=changed)
        except TransitionRefusedError:
            return False  # the job was deleted, or another invocation was first
        return True

    def _is_gone(self, job_id: UUID, kind: ExportKind) -> bool:
        """Whether the job was deleted meanwhile; if so, removes the file, so that nothing of the job is left."""
        if self.store.get(job_id) is not None:
            return False
        self.remove_file(job_id, kind)
        return True
