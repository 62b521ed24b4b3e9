"""Finalization: a job completes only when no chunk or part is missing, and after its files are assembled."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from shared.jobs.job import Job, JobStatus, Note, Phase, UploadOptions
from shared.jobs.processing import Finalization
from shared.jobs.progress import JobView
from tests.builders import NOON, NOTE, a_completed_job, a_count, a_job, a_processing_job
from tests.fakes import FakeJobStore, FakeResultFiles, SettableClock


@pytest.fixture
def files() -> FakeResultFiles:
    return FakeResultFiles()


@pytest.fixture
def finalization(store: FakeJobStore, files: FakeResultFiles, clock: SettableClock) -> Finalization:
    return Finalization(store=store, files=files, clock=clock)


def scored(store: FakeJobStore, *counts: tuple[int, int, int], chunks: int = 2, **overrides: object) -> Job:
    """Returns a processing job of `chunks` chunks of five rows with these (chunk, successful, failed) committed."""
    job = a_processing_job(chunk_count=chunks, total_rows=5 * chunks, **overrides)
    store.add(job)
    for chunk, successful, failed in counts:
        store.commit_chunk(job.id, a_count(chunk, successful, failed), shard=0, now=NOON)
    return job


def current(store: FakeJobStore, job: Job) -> Job:
    view = store.get(job.id)
    assert view is not None
    return view.job


class TestComplete:
    def test_job_with_every_chunk_completes_with_its_counts_and_files(
        self, finalization: Finalization, store: FakeJobStore, files: FakeResultFiles
    ) -> None:
        job = scored(store, (0, 5, 0), (1, 3, 2))
        finalization.finalize(job.id)
        ended = current(store, job)
        assert (ended.status, ended.phase, ended.results_ready) == (JobStatus.COMPLETED, Phase.DONE, True)
        assert (ended.final_successful_rows, ended.final_failed_rows) == (8, 2)
        assert len(files.assembled) == 1

    def test_files_are_assembled_before_the_job_is_completed(
        self,
        finalization: Finalization,
        store: FakeJobStore,
        files: FakeResultFiles,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        job = scored(store, (0, 5, 0), (1, 5, 0))
        seen: list[tuple[JobStatus, Phase]] = []

        def watched(view: JobView) -> Sequence[Note]:
            read = current(store, view.job)
            seen.append((read.status, read.phase))
            return (NOTE,)

        monkeypatch.setattr(files, "assemble", watched)
        finalization.finalize(job.id)
        assert seen == [(JobStatus.PROCESSING, Phase.FINALIZING)]
        assert current(store, job).notes == (NOTE,)

    def test_second_finalize_is_a_no_op(
        self, finalization: Finalization, store: FakeJobStore, files: FakeResultFiles
    ) -> None:
        job = scored(store, (0, 5, 0), (1, 5, 0))
        finalization.finalize(job.id)
        ended = store.get(job.id)
        finalization.finalize(job.id)
        finalization.assemble_failed(job.id)
        assert store.get(job.id) == ended
        assert len(files.assembled) == 1

    def test_next_attempt_completes_a_job_after_a_crash_while_assembling(
        self,
        finalization: Finalization,
        store: FakeJobStore,
        files: FakeResultFiles,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        job = scored(store, (0, 5, 0), (1, 5, 0))

        def crash(_view: JobView) -> None:
            raise OSError("out of disk")

        with monkeypatch.context() as patch:
            patch.setattr(files, "assemble", crash)
            with pytest.raises(OSError, match="out of disk"):
                finalization.finalize(job.id)
        assert current(store, job).status is JobStatus.PROCESSING
        finalization.finalize(job.id)
        assert current(store, job).status is JobStatus.COMPLETED

    @pytest.mark.parametrize("job", [a_job(), a_job(status=JobStatus.QUEUED), a_completed_job()])
    def test_finalize_does_not_change_a_job_that_is_not_processing(
        self, finalization: Finalization, store: FakeJobStore, files: FakeResultFiles, job: Job
    ) -> None:
        store.add(job)
        finalization.finalize(job.id)
        assert current(store, job) == job
        assert files.assembled == []

    def test_finalize_ignores_a_deleted_job(
        self, finalization: Finalization, store: FakeJobStore, files: FakeResultFiles
    ) -> None:
        job = a_job()
        store.create(job)
        store.delete(job, now=NOON)
        finalization.finalize(job.id)
        finalization.assemble_failed(job.id)
        assert store.get(job.id) is None
        assert files.assembled == []


class TestMissing:
    @pytest.mark.hazard("Finalize with a part missing or a chunk uncommitted")
    def test_uncommitted_chunk_fails_the_job_and_its_rows_are_named(
        self, finalization: Finalization, store: FakeJobStore, files: FakeResultFiles
    ) -> None:
        job = scored(store, (0, 5, 0), (3, 4, 1), chunks=4)
        finalization.finalize(job.id)
        ended = current(store, job)
        assert (ended.status, ended.error_code) == (JobStatus.FAILED, "chunks_failed")
        assert ended.error_message is not None
        assert "Rows 6-15 could not be scored" in ended.error_message
        assert (ended.final_successful_rows, ended.final_failed_rows, ended.results_ready) == (9, 1, True)
        assert [view.job.status for view in files.assembled] == [JobStatus.FAILED]

    @pytest.mark.hazard("Finalize with a part missing or a chunk uncommitted")
    def test_missing_part_fails_the_job_and_its_rows_are_named(
        self, finalization: Finalization, store: FakeJobStore, files: FakeResultFiles
    ) -> None:
        job = scored(store, (0, 5, 0), (1, 5, 0))
        files.lost_parts = {1}
        finalization.finalize(job.id)
        ended = current(store, job)
        assert ended.status is JobStatus.FAILED
        assert "Rows 6-10 " in (ended.error_message or "")

    def test_message_names_some_missing_ranges_and_counts_the_rest(
        self, finalization: Finalization, store: FakeJobStore
    ) -> None:
        job = scored(store, *((chunk, 5, 0) for chunk in range(0, 20, 2)), chunks=20)
        finalization.finalize(job.id)
        message = current(store, job).error_message or ""
        assert "Rows 6-10, 16-20, 26-30, 36-40, 46-50 and 5 more ranges could not be scored" in message

    def test_counts_that_do_not_add_up_fail_the_job_with_a_whole_sentence(
        self, finalization: Finalization, store: FakeJobStore
    ) -> None:
        job = scored(store, (0, 5, 0), (1, 4, 0))
        finalization.finalize(job.id)
        ended = current(store, job)
        assert ended.status is JobStatus.FAILED
        assert ended.error_message is not None
        assert "Rows  " not in ended.error_message
        assert "9 of 10 rows" in ended.error_message


class TestBudget:
    @pytest.mark.parametrize(
        ("allowed", "status"),
        [(None, "completed"), (20.0, "completed"), (19.9, "failed"), (0.0, "failed"), (100.0, "completed")],
    )
    def test_job_over_its_budget_fails_and_keeps_its_results(
        self, finalization: Finalization, store: FakeJobStore, allowed: float | None, status: str
    ) -> None:
        options = UploadOptions(max_failed_percent=allowed)
        job = scored(store, (0, 5, 0), (1, 3, 2), options=options)
        finalization.finalize(job.id)
        ended = current(store, job)
        assert ended.status == status
        assert ended.error_code == (None if status == "completed" else "too_many_failed_rows")
        assert (ended.final_successful_rows, ended.final_failed_rows, ended.results_ready) == (8, 2, True)

    def test_job_without_failed_rows_is_within_any_budget(
        self, finalization: Finalization, store: FakeJobStore
    ) -> None:
        job = scored(store, (0, 5, 0), (1, 5, 0), options=UploadOptions(max_failed_percent=0.0))
        finalization.finalize(job.id)
        assert current(store, job).status is JobStatus.COMPLETED


class TestRaces:
    def cancel(self, store: FakeJobStore, job: Job) -> None:
        store.fail(job, error_code=None, error_message="Job cancelled by user", cancelled=True, now=NOON)

    @pytest.mark.parametrize("moment", ["enter_finalizing", "complete"])
    def test_job_cancelled_during_finalize_stays_cancelled_and_gets_its_files(
        self,
        finalization: Finalization,
        store: FakeJobStore,
        files: FakeResultFiles,
        monkeypatch: pytest.MonkeyPatch,
        moment: str,
    ) -> None:
        job = scored(store, (0, 5, 0), (1, 3, 2))
        step: Callable[..., None] = getattr(store, moment)

        def overtaken(read: Job, **facts: object) -> None:
            self.cancel(store, job)
            step(read, **facts)

        monkeypatch.setattr(store, moment, overtaken)
        finalization.finalize(job.id)
        ended = current(store, job)
        assert (ended.status, ended.cancelled, ended.results_ready) == (JobStatus.FAILED, True, True)
        assert (ended.final_successful_rows, ended.final_failed_rows) == (8, 2)
        assert files.assembled[-1].job.cancelled

    def test_job_deleted_while_its_files_are_assembled_stays_deleted(
        self,
        finalization: Finalization,
        store: FakeJobStore,
        files: FakeResultFiles,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        job = scored(store, (0, 5, 0))
        self.cancel(store, job)

        def delete(view: JobView) -> None:
            store.delete(view.job, now=NOON)

        monkeypatch.setattr(files, "assemble", delete)
        finalization.assemble_failed(job.id)
        assert store.get(job.id) is None
        assert store.unsettled() == [job.id]

    def test_late_chunk_of_an_ended_job_is_refused_and_changes_nothing(
        self, finalization: Finalization, store: FakeJobStore
    ) -> None:
        job = scored(store, (0, 5, 0))
        finalization.finalize(job.id)
        ended = store.get(job.id)
        with pytest.raises(Exception, match="job closed or gone"):
            store.commit_chunk(job.id, a_count(1), shard=0, now=NOON)
        assert store.get(job.id) == ended


def test_files_of_a_failed_job_are_assembled_once(
    finalization: Finalization, store: FakeJobStore, files: FakeResultFiles
) -> None:
    job = scored(store, (1, 2, 3))
    store.fail(job, error_code="x", error_message="x", cancelled=False, now=NOON)
    finalization.assemble_failed(job.id)
    ended = current(store, job)
    assert (ended.final_successful_rows, ended.final_failed_rows, ended.results_ready) == (2, 3, True)
    finalization.assemble_failed(job.id)
    assert len(files.assembled) == 1
    assert store.unsettled() == []


class TestLost:
    def test_failed_job_with_lost_parts_ends_once_and_says_what_to_do(
        self, finalization: Finalization, store: FakeJobStore, files: FakeResultFiles
    ) -> None:
        job = scored(store, (1, 2, 3))
        store.fail(job, error_code="x", error_message="It ended.", cancelled=False, now=NOON)
        files.are_lost = True
        for _ in range(2):
            finalization.assemble_failed(job.id)
            ended = current(store, job)
            assert (ended.final_successful_rows, ended.final_failed_rows, ended.results_ready) == (2, 3, True)
            assert ended.error_message is not None
            assert ended.error_message.startswith("It ended. What was stored for the job has been lost since")
            assert ended.error_message.endswith("upload the file again as a new job.")
        assert (ended.error_code, store.unsettled()) == ("x", [])

    def test_cancelled_job_with_lost_parts_keeps_its_message(
        self, finalization: Finalization, store: FakeJobStore, files: FakeResultFiles
    ) -> None:
        job = scored(store, (1, 2, 3))
        store.fail(job, error_code=None, error_message="Job cancelled by user", cancelled=True, now=NOON)
        files.are_lost = True
        finalization.assemble_failed(job.id)
        ended = current(store, job)
        assert (ended.error_message, ended.results_ready) == ("Job cancelled by user", True)


def test_assembling_the_files_of_a_failed_job_ignores_a_live_job(
    finalization: Finalization, store: FakeJobStore, files: FakeResultFiles
) -> None:
    job = scored(store, (0, 5, 0), (1, 5, 0))
    finalization.assemble_failed(job.id)
    assert current(store, job) == replace(job)
    assert files.assembled == []
