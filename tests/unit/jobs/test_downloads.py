"""What is answered to who asks for a result file."""

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


def now(store: FakeJobStore, job: Job) -> Job:
    view = store.get(job.id)
    assert view is not None
    return view.job


def ask(downloads: Downloads, job: Job) -> None:
    with pytest.raises(ResultsAssemblingError, match="being made"):
        downloads.link(job, Outcome.FAILED, FileFormat.XLSX)


class TestCsv:
    def test_an_ended_job_is_downloaded_under_a_telling_name(
        self, downloads: Downloads, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = stored(store, a_completed_job(original_filename="figures.xlsx"))
        results.files[job.id, Outcome.FAILED] = b"x"
        assert downloads.link(job, Outcome.FAILED, FileFormat.CSV).endswith("as=figures_failed.csv")

    @pytest.mark.parametrize("file_format", FileFormat)
    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.PROCESSING])
    def test_a_live_job_has_nothing_to_download(
        self, downloads: Downloads, status: JobStatus, file_format: FileFormat
    ) -> None:
        with pytest.raises(ResultsNotReadyError) as refused:
            downloads.link(a_job(status=status), Outcome.ALL, file_format)
        assert not isinstance(refused.value, ResultsAssemblingError)

    @pytest.mark.parametrize("file_format", FileFormat)
    def test_an_ended_job_whose_files_are_not_there_yet_says_so(
        self, downloads: Downloads, exporter: FakeExporter, file_format: FileFormat
    ) -> None:
        with pytest.raises(ResultsAssemblingError, match="put together"):
            downloads.link(a_job(status=JobStatus.FAILED), Outcome.ALL, file_format)
        assert exporter.requested == []

    def test_a_job_that_ended_before_its_rows_were_counted_gives_its_input_back_under_its_own_name(
        self, downloads: Downloads, results: FakeResultStore
    ) -> None:
        job = a_job(status=JobStatus.FAILED, results_ready=True, original_filename="figures.xlsx")
        results.files[job.id, Outcome.UNPROCESSED] = b"x"
        assert downloads.link(job, Outcome.UNPROCESSED, FileFormat.CSV).endswith("as=figures.xlsx")
        with pytest.raises(ResultsNotReadyError):
            downloads.link(job, Outcome.ALL, FileFormat.CSV)

    def test_files_that_are_gone_are_told_from_those_of_a_job_without_any(
        self, downloads: Downloads, store: FakeJobStore
    ) -> None:
        job = stored(store, a_completed_job())
        for outcome in Outcome:
            with pytest.raises(ResultsGoneError, match="Upload the rows again"):
                downloads.link(job, outcome, FileFormat.CSV)


class TestExports:
    def test_a_file_is_asked_for_once_until_it_is_there(
        self,
        downloads: Downloads,
        store: FakeJobStore,
        results: FakeResultStore,
        exporter: FakeExporter,
        clock: SettableClock,
    ) -> None:
        job = stored(store, a_completed_job(original_filename="figures.csv"))
        for _ in range(3):
            ask(downloads, now(store, job))
            clock.advance(timedelta(minutes=4))
        # Two requests that read the record at the same time claim it no twice.
        ask(downloads, job)
        assert exporter.requested == [(job.id, FAILED_XLSX, NOON)]
        results.exports[job.id, FAILED_XLSX] = b"x"
        link = downloads.link(now(store, job), Outcome.FAILED, FileFormat.XLSX)
        assert link.endswith("as=figures_failed.xlsx")

    def test_every_outcome_and_format_is_a_file_of_its_own(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter
    ) -> None:
        job = stored(store, a_completed_job())
        kinds = [ExportKind(outcome, form) for outcome in Outcome for form in (FileFormat.PARQUET, FileFormat.XLSX)]
        for kind in kinds * 2:
            with pytest.raises(ResultsAssemblingError):
                downloads.link(now(store, job), kind.outcome, kind.file_format)
        assert [kind for _, kind, _ in exporter.requested] == kinds

    def test_what_was_lost_on_the_way_is_asked_for_again(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter, clock: SettableClock
    ) -> None:
        job = stored(store, a_completed_job())
        ask(downloads, job)
        clock.advance(LONGEST_WORKER)
        ask(downloads, now(store, job))
        ask(downloads, now(store, job))
        assert [claimed_at for _, _, claimed_at in exporter.requested] == [NOON, NOON + LONGEST_WORKER]

    def test_what_could_not_be_asked_for_is_asked_for_by_the_next_request(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter
    ) -> None:
        job = stored(store, a_completed_job())
        exporter.error = UnavailableError()
        with pytest.raises(UnavailableError):
            downloads.link(job, Outcome.FAILED, FileFormat.XLSX)
        exporter.error = None
        ask(downloads, now(store, job))
        assert len(exporter.requested) == 1

    def test_what_ends_badly_again_and_again_is_given_up(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter, clock: SettableClock
    ) -> None:
        begun = Export(claimed_at=NOON, is_begun=True, attempts=MAX_ATTEMPTS)
        job = stored(store, a_completed_job(exports={FAILED_XLSX: begun}))
        ask(downloads, job)
        clock.advance(LONGEST_WORKER)
        for _ in range(2):
            with pytest.raises(ExportRefusedError, match="format=csv") as refused:
                downloads.link(now(store, job), Outcome.FAILED, FileFormat.XLSX)
            assert refused.value.code == "not_exportable"
        assert exporter.requested == []

    def test_what_was_refused_stays_so_in_the_words_it_was_refused_with(
        self, downloads: Downloads, store: FakeJobStore
    ) -> None:
        refusal = Export(attempts=1, refusal_code="too_large", refusal="Too long a cell.")
        job = stored(store, a_completed_job(exports={FAILED_XLSX: refusal}))
        with pytest.raises(ExportRefusedError, match="Too long a cell") as refused:
            downloads.link(job, Outcome.FAILED, FileFormat.XLSX)
        assert refused.value.code == "too_large"
        with pytest.raises(ResultsAssemblingError):
            downloads.link(job, Outcome.FAILED, FileFormat.PARQUET)

    @pytest.mark.parametrize("outcome", Outcome)
    def test_more_rows_than_excel_takes_are_refused_at_the_door(
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
            with pytest.raises(ExportRefusedError if more else ResultsAssemblingError) as answered:
                downloads.link(job, outcome, FileFormat.XLSX)
            with pytest.raises(ResultsAssemblingError):
                downloads.link(job, outcome, FileFormat.PARQUET)
        assert isinstance(answered.value, ExportRefusedError)
        assert answered.value.code == "too_large"
        assert "1,048,576 rows" in str(answered.value)
        assert "CSV" in str(answered.value)
        assert [kind.file_format for _, kind, _ in exporter.requested] == [
            FileFormat.XLSX,
            FileFormat.PARQUET,
            FileFormat.PARQUET,
        ]

    @pytest.mark.parametrize("file_format", [FileFormat.PARQUET, FileFormat.XLSX])
    def test_a_whole_input_is_had_as_it_came_and_in_no_other_format(
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

    def test_a_job_that_is_deleted_meanwhile_is_asked_nothing_for(
        self, downloads: Downloads, store: FakeJobStore, exporter: FakeExporter
    ) -> None:
        job = stored(store, a_completed_job())
        store.delete(job, now=NOON)
        ask(downloads, job)
        assert exporter.requested == []
