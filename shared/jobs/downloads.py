"""Where the result files of a job are downloaded from, and the asking for those that are yet to be made."""

from contextlib import suppress
from dataclasses import replace

from shared.jobs.errors import (
    ExportRefusedError,
    ResultsAssemblingError,
    ResultsGoneError,
    ResultsNotReadyError,
    TransitionRefusedError,
    UnavailableError,
)
from shared.jobs.exports import MAX_ATTEMPTS
from shared.jobs.model import Export, ExportKind, FileFormat, Job, Outcome
from shared.jobs.ports import Clock, Exporter, JobStore, ResultStore
from shared.jobs.scored_rows import ASSEMBLING, NO_FILE
from shared.jobs.service import require_ended
from shared.jobs.sweep import LONGEST_WORKER
from shared.jobs.uploads import download_name

# Excel's own limit, its header taken off.
# https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
XLSX_MAX_ROWS = 1_048_575


class Downloads:
    """The result files of jobs that a caller was shown before."""

    def __init__(self, *, store: JobStore, results: ResultStore, exporter: Exporter, clock: Clock) -> None:
        self._store = store
        self._results = results
        self._exporter = exporter
        self._clock = clock

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
            _check_exportable(job, outcome, file_format, is_whole_input=is_whole_input)
        name = job.original_filename if is_whole_input else download_name(job.original_filename, outcome, file_format)
        link = self._results.download_link(job.id, outcome, filename=name, file_format=file_format)
        if link is not None:
            return link
        if file_format is FileFormat.CSV or job.stored_input is None:
            raise ResultsNotReadyError(NO_FILE) if job.stored_input is None else ResultsGoneError
        self._ask_for(job, ExportKind(outcome, file_format))
        raise ResultsAssemblingError(f"The {file_format} file is being made. Try again in a few seconds.")

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


def _check_exportable(job: Job, outcome: Outcome, file_format: FileFormat, *, is_whole_input: bool) -> None:
    if is_whole_input:
        raise ExportRefusedError(
            "The job ended before its rows were counted, so its unprocessed file is the input as it came. "
            "Download that: format=csv."
        )
    rows = rows_of(job, outcome)
    if file_format is FileFormat.XLSX and rows > XLSX_MAX_ROWS:
        raise ExportRefusedError(
            f"The file has {rows:,} rows, and Excel takes {XLSX_MAX_ROWS:,}. "
            "Download it as CSV (format=csv) or Parquet (format=parquet).",
            code="too_large",
        )


def rows_of(job: Job, outcome: Outcome) -> int:
    """How many rows the outcome of an ended job has, as its record says."""
    total, successful, failed = job.total_rows or 0, job.final_successful_rows or 0, job.final_failed_rows or 0
    return {
        Outcome.SUCCESSFUL: successful,
        Outcome.FAILED: failed,
        Outcome.UNPROCESSED: total - successful - failed,
        Outcome.ALL: total,
    }[outcome]
