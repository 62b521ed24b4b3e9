"""Download links of result files, and requests for their exports."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.jobs.downloads import MAX_ATTEMPTS, Downloads, rows_of
from shared.jobs.errors import (
    ExportRefusedError,
    ResultsAssemblingError,
    ResultsGoneError,
    ResultsNotReadyError,
    UnavailableError,
)
from shared.jobs.job import Export, ExportKind, FileFormat, Job, JobStatus, Outcome
from shared.jobs.ports import LONGEST_WORKER
from tests.builders import NOON, a_completed_job, a_job
from tests.fakes import FakeExporter, FakeJobStore, FakeResultStore, SettableClock

FAILED_XLSX = ExportKind(Outcome.FAILED, FileFormat.XLSX)

XLSX_MAX_ROWS = 1_048_575


@pytest.fixture
def exporter() -> FakeExporter:
    return FakeExporter()


@pytest.fixture
def downloads(store: FakeJobStore, results: FakeResultStore, exporter: FakeExporter, clock: SettableClock) -> Downloads:
    return Downloads(store=store, results=results, request_export=exporter, clock=clock, xlsx_max_rows=XLSX_MAX_ROWS)


def stored(store: FakeJobStore, job: Job) -> Job:
    store.add(job)
    return job


def current(store: FakeJobStore, job: Job) -> Job:
    view = store.get(job.id)
    assert view is not None
    return view.job


def request_xlsx(downloads: Downloads, job: Job) -> None:
    with pytest.raises(ResultsAssemblingError, match="being made"):
        downloads.link(job, Outcome.FAILED, FileFormat.XLSX)


class TestCsv:
    def test_result_file_is_named_after_its_input_and_outcome(
        self, downloads: Downloads, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = stored(store, a_completed_job(original_filename="figures.xlsx"))
        results.files[job.id, Outcome.FAILED] = b"x"
        assert downloads.link(job, Outcome.FAILED, FileFormat.CSV).endswith("as=figures_failed.csv")

    @pytest.mark.parametrize("file_format", FileFormat)
    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.PROCESSING])
    def test_live_job_has_nothing_to_download(
        self, downloads: Downloads, status: JobStatus, file_format: FileFormat
    ) -> None:
        with pytest.raises(ResultsNotReadyError) as refused:
            downloads.link(a_job(status=status), Outcome.ALL, file_format)
        assert not isinstance(refused.value, ResultsAssemblingError)

    @pytest.mark.parametrize("file_format", FileFormat)
    def test_download_before_the_files_are_assembled_is_refused(
        self, downloads: Downloads, exporter: FakeExporter, file_format: FileFormat
    ) -> None:
        with pytest.raises(ResultsAssemblingError, match="put together"):
            downloads.link(a_job(status=JobStatus.FAILED), Outcome.ALL, file_format)
        assert exporter.requested == []

    def test_job_that_ended_before_planning_offers_its_input_as_unprocessed(
        self, downloads: Downloads, results: FakeResultStore
    ) -> None:
        job = a_job(status=JobStatus.FAILED, results_ready=True, original_filename="figures.xlsx")
        results.files[job.id, Outcome.UNPROCESSED] = b"x"
        assert downloads.link(job, Outcome.UNPROCESSED, FileFormat.CSV).endswith("as=figures.xlsx")
        with pytest.raises(ResultsNotReadyError):
            downloads.link(job, Outcome.ALL, FileFormat.CSV)

    def test_expired_result_files_are_refused_as_gone(self, downloads: Downloads, store: FakeJobStore) -> None:
        job = stored(store, a_completed_job())
        for outcome in Outcome:
            with pytest.raises(ResultsGoneError, match="Upload the rows again"):
                downloads.link(job, outcome, FileFormat.CSV)


class TestExports:
    def test_export_is_requested_once_until_it_exists(
        self,
        downloads: Downloads,
        store: FakeJobStore,
        results: FakeResultStore,
        exporter: FakeExporter,
        clock: SettableClock,
    ) -> None:
        job = stored(store, a_completed_job(original_filename="figures.csv"))
        for _ in range(3):
            request_xlsx(downloads, current(store, job))
            clock.advance(timedelta(minutes=4))
        # Of two requests that read the record at the same time, only one claims the export.
        request_xlsx(downloads, job)
        assert exporter.requested == [(job.id, FAILED_XLSX, NOON)]
        results.exports[job.id, FAILED_XLSX] = b"x"
        link = downloads.link(current(store, job), Outcome.FAILED, FileFormat.XLSX)
        assert link.endswith("as=figures_failed.xlsx")

    def test_every_outcome_and_format_is_exported_separately(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter
    ) -> None:
        job = stored(store, a_completed_job())
        kinds = [ExportKind(outcome, form) for outcome in Outcome for form in (FileFormat.PARQUET, FileFormat.XLSX)]
        for kind in kinds * 2:
            with pytest.raises(ResultsAssemblingError):
                downloads.link(current(store, job), kind.outcome, kind.file_format)
        assert [kind for _, kind, _ in exporter.requested] == kinds

    def test_export_request_is_repeated_after_the_longest_run(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter, clock: SettableClock
    ) -> None:
        job = stored(store, a_completed_job())
        request_xlsx(downloads, job)
        clock.advance(LONGEST_WORKER)
        request_xlsx(downloads, current(store, job))
        request_xlsx(downloads, current(store, job))
        assert [claimed_at for _, _, claimed_at in exporter.requested] == [NOON, NOON + LONGEST_WORKER]

    def test_export_request_that_failed_is_repeated_by_the_next_download(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter
    ) -> None:
        job = stored(store, a_completed_job())
        exporter.error = UnavailableError()
        with pytest.raises(UnavailableError):
            downloads.link(job, Outcome.FAILED, FileFormat.XLSX)
        exporter.error = None
        request_xlsx(downloads, current(store, job))
        assert len(exporter.requested) == 1

    def test_export_is_refused_after_the_maximum_of_attempts(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter, clock: SettableClock
    ) -> None:
        begun = Export(claimed_at=NOON, is_begun=True, attempts=MAX_ATTEMPTS)
        job = stored(store, a_completed_job(exports={FAILED_XLSX: begun}))
        request_xlsx(downloads, job)
        clock.advance(LONGEST_WORKER)
        for _ in range(2):
            with pytest.raises(ExportRefusedError, match="format=csv") as refused:
                downloads.link(current(store, job), Outcome.FAILED, FileFormat.XLSX)
            assert refused.value.code == "not_exportable"
        assert exporter.requested == []

    def test_refused_export_keeps_its_code_and_message(self, downloads: Downloads, store: FakeJobStore) -> None:
        refusal = Export(attempts=1, refusal_code="too_large", refusal="Too long a cell.")
        job = stored(store, a_completed_job(exports={FAILED_XLSX: refusal}))
        with pytest.raises(ExportRefusedError, match="Too long a cell") as refused:
            downloads.link(job, Outcome.FAILED, FileFormat.XLSX)
        assert refused.value.code == "too_large"
        with pytest.raises(ResultsAssemblingError):
            downloads.link(job, Outcome.FAILED, FileFormat.PARQUET)

    @pytest.mark.parametrize("outcome", Outcome)
    def test_export_of_more_rows_than_excel_allows_is_refused_at_once(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter, outcome: Outcome
    ) -> None:
        most = {
            Outcome.SUCCESSFUL: (XLSX_MAX_ROWS, 0, 0),
            Outcome.FAILED: (0, XLSX_MAX_ROWS, 0),
            Outcome.UNPROCESSED: (0, 0, XLSX_MAX_ROWS),
            Outcome.ALL: (XLSX_MAX_ROWS - 2, 1, 1),
        }[outcome]
        for more in (0, 1):
            successful, failed, left = (rows + more * (rows == max(most)) for rows in most)
            job = a_completed_job(
                total_rows=successful + failed + left, final_successful_rows=successful, final_failed_rows=failed
            )
            assert rows_of(job, outcome) == XLSX_MAX_ROWS + more
            stored(store, job)
            with pytest.raises(ExportRefusedError if more else ResultsAssemblingError) as refused:
                downloads.link(job, outcome, FileFormat.XLSX)
            with pytest.raises(ResultsAssemblingError):
                downloads.link(job, outcome, FileFormat.PARQUET)
        assert isinstance(refused.value, ExportRefusedError)
        assert refused.value.code == "too_large"
        assert "1,048,576 rows" in str(refused.value)
        assert "CSV" in str(refused.value)
        assert [kind.file_format for _, kind, _ in exporter.requested] == [
            FileFormat.XLSX,
            FileFormat.PARQUET,
            FileFormat.PARQUET,
        ]

    @pytest.mark.parametrize("file_format", [FileFormat.PARQUET, FileFormat.XLSX])
    def test_whole_input_is_not_exported_to_another_format(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter, file_format: FileFormat
    ) -> None:
        job = stored(store, a_completed_job(status=JobStatus.FAILED, total_rows=None))
        with pytest.raises(ExportRefusedError, match="as it came"):
            downloads.link(job, Outcome.UNPROCESSED, file_format)
        without_file = stored(store, replace(a_completed_job(total_rows=None), stored_input=None))
        for outcome in Outcome:
            with pytest.raises(ResultsNotReadyError, match="nothing to download"):
                downloads.link(without_file, outcome, file_format)
        assert exporter.requested == []

    def test_download_of_a_job_deleted_meanwhile_requests_no_export(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter
    ) -> None:
        job = stored(store, a_completed_job())
        store.delete(job, now=NOON)
        request_xlsx(downloads, job)
        assert exporter.requested == []
