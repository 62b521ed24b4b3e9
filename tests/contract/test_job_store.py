"""Contract of `JobStore`: changes of a job until its end, one at a time."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.jobs.errors import CommitRefusedError, TransitionRefusedError
from shared.jobs.job import JobStatus, Outcome, Phase, Retry, Source, StoredInput, UploadOptions
from shared.jobs.ports import JobStore
from shared.jobs.progress import Pace, period_at
from shared.jobs.row_errors import RowErrorCounts
from shared.vocabulary import DecimalConvention
from tests.builders import NOON, NOTE, a_count, a_job, a_retry, a_retry_job, a_stored_input, plan_facts
from tests.contract.job_states import SECOND, failed, planning, queued, read, scoring


class TestCreate:
    def test_created_job_is_read_with_all_its_fields(self, job_store: JobStore) -> None:
        job = a_job(
            source=Source.PRESIGNED,
            file_size=2**40,
            options=UploadOptions(
                validate_only=True,
                max_failed_percent=12.5,
                encoding="cp1252",
                sheet="Daten 2026",
                decimal=",",
                labels={"quarter": "Q3", "team": ""},
            ),
            parent_job_id=uuid4(),
            upload_expires_at=NOON + timedelta(hours=1),
            original_filename="Büro «1».csv",
        )
        job_store.create(job)
        assert read(job_store, job).job == job

    @pytest.mark.parametrize(
        "retry",
        [
            a_retry(generation=7, decimal=DecimalConvention(sign=",", ambiguous=".,", has_typed_cells=True)),
            a_retry(outcomes=frozenset({Outcome.FAILED}), is_whole_input=True, has_source_row=False),
        ],
    )
    def test_created_retry_job_is_read_with_all_its_fields(self, job_store: JobStore, retry: Retry) -> None:
        job = a_retry_job(retry=retry)
        job_store.create(job)
        assert read(job_store, job).job == job

    def test_job_without_organization_is_read_as_it_was_created(self, job_store: JobStore) -> None:
        job = a_job(organization_id=None)
        job_store.create(job)
        view = read(job_store, job)
        assert view.job == job
        assert view.progress.shards == ()

    def test_second_job_with_the_same_id_is_refused(self, job_store: JobStore) -> None:
        job = a_job()
        job_store.create(job)
        with pytest.raises(TransitionRefusedError):
            job_store.create(replace(job, original_filename="other.csv"))
        assert read(job_store, job).job == job

    def test_job_with_the_id_of_a_deleted_job_is_refused(self, job_store: JobStore) -> None:
        job = a_job()
        job_store.create(job)
        job_store.delete(job, now=NOON)
        with pytest.raises(TransitionRefusedError):
            job_store.create(job)
        assert job_store.get(job.id) is None

    def test_unknown_job_is_none(self, job_store: JobStore) -> None:
        assert job_store.get(uuid4()) is None
        assert job_store.tombstone(uuid4()) is None


class TestQueueAndStart:
    def test_queued_job_has_its_file_and_execution(self, job_store: JobStore) -> None:
        job = a_job(file_size=1)
        job_store.create(job)
        stored = StoredInput(key=f"api/{job.id}", version_id="xyz", size=77)
        job_store.queue(job, stored_input=stored, execution_arn="arn:1", now=NOON + SECOND)
        assert read(job_store, job).job == replace(
            job,
            status=JobStatus.QUEUED,
            phase=Phase.QUEUED,
            stored_input=stored,
            file_size=77,
            execution_arn="arn:1",
            updated_at=NOON + SECOND,
        )

    def test_second_file_does_not_replace_the_first(self, job_store: JobStore) -> None:
        job = queued(job_store)
        with pytest.raises(TransitionRefusedError):
            job_store.queue(
                replace(job, status=JobStatus.PENDING),
                stored_input=a_stored_input(job.id, version_id="v2"),
                execution_arn="arn:2",
                now=NOON,
            )
        assert read(job_store, job).job == job

    def test_second_start_keeps_the_first_start_time(self, job_store: JobStore) -> None:
        job = planning(job_store)
        job_store.start(job, now=NOON + timedelta(hours=1))
        assert read(job_store, job).job == job
        assert (job.status, job.phase, job.started_at) == (
            JobStatus.PROCESSING,
            Phase.PLANNING,
            NOON + 2 * SECOND,
        )

    def test_job_that_is_being_scored_cannot_be_started(self, job_store: JobStore) -> None:
        job = scoring(job_store)
        with pytest.raises(TransitionRefusedError):
            job_store.start(job, now=NOON)
        assert read(job_store, job).job == job

    def test_start_of_a_job_that_changed_since_it_was_read_is_refused(self, job_store: JobStore) -> None:
        job = queued(job_store)
        job_store.start(job, now=NOON + SECOND)
        with pytest.raises(TransitionRefusedError):
            job_store.start(job, now=NOON + 5 * SECOND)
        assert read(job_store, job).job.started_at == NOON + SECOND


class TestPlan:
    def test_recorded_plan_sets_fields_of_job_and_creates_open_shards(self, job_store: JobStore) -> None:
        job = planning(job_store)
        decimal = DecimalConvention(sign=",", ambiguous=".,")
        facts = plan_facts(total_rows=600, chunk_count=120, notes=(NOTE,), decimal=decimal)
        job_store.record_plan(job, facts, now=NOON + 3 * SECOND)
        view = read(job_store, job)
        assert view.job == replace(
            job,
            phase=Phase.SCORING,
            planned_at=facts.planned_at,
            total_rows=600,
            chunk_count=120,
            shard_count=3,
            profile="statements",
            model_version="1.0.0",
            notes=(NOTE,),
            decimal=decimal,
            updated_at=NOON + 3 * SECOND,
        )
        assert [(shard.number, shard.closed, shard.done) for shard in view.progress.shards] == [
            (number, False, frozenset()) for number in range(3)
        ]

    def test_largest_plan_can_be_recorded_ended_and_deleted(self, job_store: JobStore) -> None:
        job = scoring(job_store, chunks=9_000)
        assert len(read(job_store, job).progress.shards) == 64
        assert failed(job_store, job).status is JobStatus.FAILED
        job_store.delete(read(job_store, job).job, now=NOON)
        assert job_store.get(job.id) is None

    def test_second_plan_is_refused_and_keeps_counts(self, job_store: JobStore) -> None:
        job = planning(job_store)
        job_store.record_plan(job, plan_facts(), now=NOON)
        job_store.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
        with pytest.raises(TransitionRefusedError):
            job_store.record_plan(job, plan_facts(), now=NOON)
        assert read(job_store, job).progress.processed_rows == 5

    def test_plan_of_ended_job_is_refused_and_creates_no_shards(self, job_store: JobStore) -> None:
        job = planning(job_store)
        failed(job_store, job)
        with pytest.raises(TransitionRefusedError):
            job_store.record_plan(job, plan_facts(), now=NOON)
        assert read(job_store, job).progress.shards == ()

    def test_plan_of_deleted_job_is_refused_and_creates_no_job(self, job_store: JobStore) -> None:
        job = planning(job_store)
        job_store.delete(failed(job_store, job), now=NOON)
        with pytest.raises(TransitionRefusedError):
            job_store.record_plan(job, plan_facts(), now=NOON)
        assert job_store.get(job.id) is None


class TestCommit:
    def test_committed_chunks_add_up_to_progress(self, job_store: JobStore) -> None:
        job = scoring(job_store, chunks=4)
        for chunk, (successful, failed_rows) in enumerate([(5, 0), (0, 5), (3, 2)]):
            job_store.commit_chunk(
                job.id, a_count(chunk, successful, failed_rows), shard=0, now=NOON + (4 + chunk) * SECOND
            )
        progress = read(job_store, job).progress
        assert (progress.successful_rows, progress.failed_rows, progress.processed_rows) == (8, 7, 15)
        assert progress.done == {0, 1, 2}
        assert progress.with_successes == {0, 2}
        assert progress.with_failures == {1, 2}
        assert progress.missing(4) == (3,)
        assert progress.last_commit_at == NOON + 6 * SECOND

    def test_row_errors_of_committed_chunks_add_up(self, job_store: JobStore) -> None:
        job = scoring(job_store)
        blank, whole = ("missing_field", "sector"), ("malformed_row", None)
        for chunk, row_errors in enumerate(
            [RowErrorCounts.of({(blank,): 2}), RowErrorCounts.of({(blank, whole): 1, (whole,): 4})]
        ):
            job_store.commit_chunk(job.id, replace(a_count(chunk, 0, 5), row_errors=row_errors), shard=0, now=NOON)
        assert read(job_store, job).progress.row_errors == RowErrorCounts(
            by_code={"missing_field": 3, "malformed_row": 5}, by_group={blank: 3, whole: 5}
        )

    def test_second_commit_of_a_chunk_is_refused_as_already_committed(self, job_store: JobStore) -> None:
        job = scoring(job_store)
        job_store.commit_chunk(job.id, a_count(1), shard=0, now=NOON)
        with pytest.raises(CommitRefusedError) as refused:
            job_store.commit_chunk(job.id, a_count(1, 1, 4), shard=0, now=NOON)
        assert refused.value.already_committed
        assert read(job_store, job).progress.processed_rows == 5

    def test_pace_of_commits_is_recorded_by_period(self, job_store: JobStore) -> None:
        job = scoring(job_store, chunks=6)
        ages = [0, 0.9, 1, 60, 61, 3600]
        for chunk, seconds in enumerate(ages):
            count = replace(a_count(chunk, chunk, 1), worked=2.5 * SECOND, age=seconds * SECOND)
            job_store.commit_chunk(job.id, count, shard=0, now=NOON)
        view = read(job_store, job)
        by_period = {period_at(timedelta(seconds=60)): 4 + 5, period_at(timedelta(seconds=3600)): 6}
        assert view.progress.pace == Pace(rows_by_period={0: 1 + 2, 1: 3, **by_period}, worked=15 * SECOND)
        assert view.job.planned_at == NOON

    def test_commit_to_closed_shard_is_refused_but_not_as_committed(self, job_store: JobStore) -> None:
        job = scoring(job_store)
        failed(job_store, job)
        with pytest.raises(CommitRefusedError) as refused:
            job_store.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
        assert not refused.value.already_committed
        assert read(job_store, job).progress.processed_rows == 0

    def test_repeated_commit_after_the_end_is_refused_as_committed(self, job_store: JobStore) -> None:
        job = scoring(job_store)
        job_store.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
        failed(job_store, job)
        with pytest.raises(CommitRefusedError) as refused:
            job_store.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
        assert refused.value.already_committed

    def test_commit_to_deleted_or_unplanned_job_creates_nothing(self, job_store: JobStore) -> None:
        gone, unplanned = scoring(job_store), planning(job_store)
        job_store.delete(failed(job_store, gone), now=NOON)
        for job in (gone, unplanned):
            with pytest.raises(CommitRefusedError) as refused:
                job_store.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
            assert not refused.value.already_committed
        assert job_store.get(gone.id) is None
        assert read(job_store, unplanned).progress.shards == ()
