"""Result files of ended jobs: download links, exports, scored rows and the risk summary."""

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from shared.jobs.errors import (
    ExportRefusedError,
    ResultsAssemblingError,
    ResultsGoneError,
    ResultsNotReadyError,
    TransitionRefusedError,
    UnavailableError,
)
from shared.jobs.job import Export, ExportKind, FileFormat, Job, Outcome
from shared.jobs.ports import LONGEST_WORKER, Clock, Exporter, JobStore, ResultStore
from shared.jobs.progress import JobView
from shared.jobs.service import require_ended
from shared.jobs.uploads import download_name


class Downloads:
    """The result files of jobs that a caller was shown before. `xlsx_max_rows` is the most data rows of a sheet."""

    def __init__(
        self, *, store: JobStore, results: ResultStore, exporter: Exporter, clock: Clock, xlsx_max_rows: int
    ) -> None:
        self._store = store
        self._results = results
        self._exporter = exporter
        self._clock = clock
        self._xlsx_max_rows = xlsx_max_rows

    def link(self, job: Job, outcome: Outcome, file_format: FileFormat) -> str:
        """Where the outcome's file can be downloaded for a short time.

        Raises `ResultsNotReadyError` before the job ended, `ResultsAssemblingError` after, until the file is there (one
        that nobody asked for yet is then being made), `ResultsGoneError` when it never will be, and
        `ExportRefusedError` when there is none in this format.
        """
        require_ended(job)
        if not job.results_ready:
            raise ResultsAssemblingError(ASSEMBLING)
        # What was cancelled or failed before its rows were counted gives its input back as it came.
        is_whole_input = outcome is Outcome.UNPROCESSED and job.total_rows is None
        if file_format is not FileFormat.CSV and job.stored_input is not None:
            self._check_exportable(job, outcome, file_format, is_whole_input=is_whole_input)
        name = job.original_filename if is_whole_input else download_name(job.original_filename, outcome, file_format)
        link = self._results.download_link(job.id, outcome, filename=name, file_format=file_format)
        if link is not None:
            return link
        if file_format is FileFormat.CSV or job.stored_input is None:
            raise ResultsNotReadyError(NO_FILE) if job.stored_input is None else ResultsGoneError
        self._ask_for(job, ExportKind(outcome, file_format))
        raise ResultsAssemblingError(f"The {file_format} file is being made. Try again in a few seconds.")

    def _check_exportable(self, job: Job, outcome: Outcome, file_format: FileFormat, *, is_whole_input: bool) -> None:
        if is_whole_input:
            raise ExportRefusedError(
                "The job ended before its rows were counted, so its unprocessed file is the input as it came. "
                "Download that: format=csv."
            )
        rows = rows_of(job, outcome)
        if file_format is FileFormat.XLSX and rows > self._xlsx_max_rows:
            raise ExportRefusedError(
                f"The file has {rows:,} rows, and Excel takes {self._xlsx_max_rows:,}. "
                "Download it as CSV (format=csv) or Parquet (format=parquet).",
                code="too_large",
            )

    def _ask_for(self, job: Job, kind: ExportKind) -> None:
        """Have the export made, unless that is being done. Raises `ExportRefusedError` for one that was given up."""
        known = job.exports.get(kind)
        now = self._clock()
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
            self._store.change_export(job.id, kind, expected=known, changed=claim)
        except TransitionRefusedError:
            return  # another request was first, or the job was deleted: the next one will tell
        try:
            self._exporter.request(job.id, kind, claimed_at=now)
        except UnavailableError:
            # So that the next request asks again, and not only one that finds the claim lost.
            with suppress(TransitionRefusedError):
                self._store.change_export(job.id, kind, expected=claim, changed=replace(claim, claimed_at=None))
            raise


def rows_of(job: Job, outcome: Outcome) -> int:
    """How many rows the outcome of an ended job has, as its record says."""
    total, successful, failed = job.total_rows or 0, job.final_successful_rows or 0, job.final_failed_rows or 0
    return {
        Outcome.SUCCESSFUL: successful,
        Outcome.FAILED: failed,
        Outcome.UNPROCESSED: total - successful - failed,
        Outcome.ALL: total,
    }[outcome]


logger = logging.getLogger(__name__)

# Begun and not ended well so often, an export is given up: it kills its function, or takes longer than one may run.
MAX_ATTEMPTS = 3


class ExportFiles(Protocol):
    """Whoever turns result files into other formats."""

    def make(self, job_id: UUID, kind: ExportKind) -> None:
        """Make the file from the CSV of its outcome. Raises `ExportRefusedError` when the format cannot hold it."""

    def remove(self, job_id: UUID, kind: ExportKind) -> None:
        """Remove the file if it is there."""


class Exports:
    """Makes the exports that were claimed."""

    def __init__(self, *, store: JobStore, files: ExportFiles, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    def make(self, job_id: UUID, kind: ExportKind, *, claimed_at: datetime) -> None:
        """Make the file of that claim, unless it was begun or given up already or the job is gone."""
        begun = self._begin(job_id, kind, claimed_at=claimed_at)
        if begun is None:
            logger.info("Nothing to export: the claim is not the job's own", extra={"job_id": str(job_id)})
            return
        try:
            self._files.make(job_id, kind)
        except ExportRefusedError as refused:
            refusal = replace(begun, claimed_at=None, is_begun=False, refusal_code=refused.code, refusal=str(refused))
            self._change(job_id, kind, expected=begun, changed=refusal)
        except Exception as error:
            # What a service did not answer is no fault of the file.
            attempts = begun.attempts - isinstance(error, UnavailableError)
            ended = replace(begun, claimed_at=None, is_begun=False, attempts=attempts)
            self._change(job_id, kind, expected=begun, changed=ended)
            if self._is_gone(job_id, kind):
                return  # what could not be read was deleted with it
            raise
        else:
            self._change(job_id, kind, expected=begun, changed=None)
            self._is_gone(job_id, kind)

    def _begin(self, job_id: UUID, kind: ExportKind, *, claimed_at: datetime) -> Export | None:
        view = self._store.get(job_id)
        claimed = view.job.exports.get(kind) if view is not None else None
        if claimed is None or claimed.is_begun or claimed.claimed_at != claimed_at:
            return None
        # A claim may have waited for its function: from now on its age is that of the attempt.
        begun = replace(claimed, claimed_at=self._clock(), is_begun=True, attempts=claimed.attempts + 1)
        return begun if self._change(job_id, kind, expected=claimed, changed=begun) else None

    def _change(self, job_id: UUID, kind: ExportKind, *, expected: Export, changed: Export | None) -> bool:
        try:
            self._store.change_export(job_id, kind, expected=expected, changed=changed)
        except TransitionRefusedError:
            return False  # the job was deleted, or someone else came first
        return True

    def _is_gone(self, job_id: UUID, kind: ExportKind) -> bool:
        """Whether the job was deleted meanwhile; the file is then removed, and nothing of the job comes back."""
        if self._store.get(job_id) is not None:
            return False
        self._files.remove(job_id, kind)
        return True


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
