"""Contract of `JobStore`: ending and deleting jobs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.jobs.errors import TransitionRefusedError
from shared.jobs.job import JobStatus, Note, Phase
from shared.jobs.ports import JobStore
from tests.builders import NOON, a_count, a_job, a_stored_input, plan_facts
from tests.contract.job_states import SECOND, failed, planning, queued, read, scoring, unsettled

LATER_NOTE = Note(code="figures_too_large", message="Row 7 is large.", rows=(7,))


class TestEnd:
    def test_completed_job_has_final_counts_and_closed_shards(self, job_store: JobStore) -> None:
        job = scoring(job_store)
        for chunk in range(2):
            job_store.commit_chunk(job.id, a_count(chunk, 4, 1), shard=0, now=NOON)
        job_store.enter_finalizing(job, now=NOON + 4 * SECOND)
        assert read(job_store, job).job.phase is Phase.FINALIZING
        job_store.enter_finalizing(job, now=NOON + 5 * SECOND)
        job_store.complete(job, successful=8, failed=2, notes=(LATER_NOTE,), now=NOON + 6 * SECOND)
        view = read(job_store, job)
        assert view.job == replace(
            job,
            status=JobStatus.COMPLETED,
            phase=Phase.DONE,
            completed_at=NOON + 6 * SECOND,
            updated_at=NOON + 6 * SECOND,
            final_successful_rows=8,
            final_failed_rows=2,
            results_ready=True,
            notes=(*job.notes, LATER_NOTE),
        )
        assert all(shard.closed for shard in view.progress.shards)
        assert job.id not in unsettled(job_store)

    @pytest.mark.parametrize("cancelled", [True, False])
    def test_failed_job_keeps_its_counts_and_has_closed_shards(self, job_store: JobStore, cancelled: bool) -> None:  # noqa: FBT001
        job = scoring(job_store, chunks=120)
        job_store.commit_chunk(job.id, a_count(7), shard=1, now=NOON)
        job_store.fail(job, error_code=None, error_message="Enough.", cancelled=cancelled, now=NOON + 6 * SECOND)
        view = read(job_store, job)
        assert view.job == replace(
            job,
            status=JobStatus.FAILED,
            phase=Phase.DONE,
            completed_at=NOON + 6 * SECOND,
            updated_at=NOON + 6 * SECOND,
            cancelled_at=NOON + 6 * SECOND if cancelled else None,
            error_message="Enough.",
        )
        assert [shard.closed for shard in view.progress.shards] == [True] * 3
        assert view.progress.processed_rows == 5
        assert job.id in unsettled(job_store)

    def test_failing_a_job_that_was_planned_since_it_was_read_is_refused(self, job_store: JobStore) -> None:
        before = planning(job_store)
        job_store.record_plan(before, plan_facts(), now=NOON)
        with pytest.raises(TransitionRefusedError):
            job_store.fail(before, error_code=None, error_message="x", cancelled=True, now=NOON)
        view = read(job_store, before)
        assert view.job.status is JobStatus.PROCESSING
        assert not view.progress.shards[0].closed

    def test_assembly_of_failed_job_records_its_final_counts(self, job_store: JobStore) -> None:
        job = failed(job_store, scoring(job_store))
        job_store.note_stopped(job, now=NOON + 10 * SECOND)
        job_store.record_assembly(job, successful=3, failed=1, notes=(LATER_NOTE,), now=NOON + 11 * SECOND)
        assert read(job_store, job).job == replace(
            job,
            execution_stopped=True,
            results_ready=True,
            final_successful_rows=3,
            final_failed_rows=1,
            notes=(*job.notes, LATER_NOTE),
            updated_at=NOON + 11 * SECOND,
        )
        assert job.id not in unsettled(job_store)

    def test_every_change_after_the_end_is_refused(self, job_store: JobStore) -> None:
        live = scoring(job_store)
        job_store.complete(live, successful=10, failed=0, now=NOON)
        ended = read(job_store, live)
        changes: tuple[Callable[[], None], ...] = (
            lambda: job_store.fail(live, error_code="x", error_message="x", cancelled=True, now=NOON),
            lambda: job_store.complete(live, successful=1, failed=1, now=NOON),
            lambda: job_store.enter_finalizing(live, now=NOON),
            lambda: job_store.record_assembly(live, successful=1, failed=1, now=NOON),
            lambda: job_store.note_stopped(live, now=NOON),
            lambda: job_store.start(live, now=NOON),
            lambda: job_store.record_plan(live, plan_facts(), now=NOON),
            lambda: job_store.queue(live, stored_input=a_stored_input(live.id), execution_arn="a", now=NOON),
        )
        for change in changes:
            with pytest.raises(TransitionRefusedError):
                change()
        assert read(job_store, live) == ended


class TestDelete:
    def test_deleted_job_leaves_only_a_tombstone(self, job_store: JobStore) -> None:
        job = failed(job_store, scoring(job_store, chunks=120))
        job_store.delete(job, now=NOON + timedelta(minutes=3))
        assert job_store.get(job.id) is None
        tombstone = job_store.tombstone(job.id)
        assert tombstone is not None
        assert (tombstone.id, tombstone.deleted_at) == (job.id, NOON + timedelta(minutes=3))
        assert tombstone.stored_input == job.stored_input
        assert job.id in unsettled(job_store)

    def test_processing_job_cannot_be_deleted(self, job_store: JobStore) -> None:
        for job in (planning(job_store), scoring(job_store)):
            with pytest.raises(TransitionRefusedError):
                job_store.delete(job, now=NOON)
            assert read(job_store, job).job == job
            assert job_store.tombstone(job.id) is None

    def test_job_that_started_since_it_was_read_is_not_deleted(self, job_store: JobStore) -> None:
        job = queued(job_store)
        job_store.start(job, now=NOON)
        with pytest.raises(TransitionRefusedError):
            job_store.delete(job, now=NOON)
        assert read(job_store, job).job.status is JobStatus.PROCESSING

    def test_job_that_was_planned_since_it_was_read_is_not_deleted(self, job_store: JobStore) -> None:
        before = planning(job_store)
        job_store.record_plan(before, plan_facts(), now=NOON)
        failed(job_store, read(job_store, before).job)
        with pytest.raises(TransitionRefusedError):
            job_store.delete(before, now=NOON)
        assert len(read(job_store, before).progress.shards) == 1

    def test_every_change_of_a_deleted_job_is_refused(self, job_store: JobStore) -> None:
        job = failed(job_store, scoring(job_store))
        job_store.delete(job, now=NOON)
        changes: tuple[Callable[[], None], ...] = (
            lambda: job_store.delete(job, now=NOON),
            lambda: job_store.record_assembly(job, successful=1, failed=1, now=NOON),
            lambda: job_store.note_stopped(job, now=NOON),
            lambda: job_store.fail(job, error_code="x", error_message="x", cancelled=False, now=NOON),
            lambda: job_store.enter_finalizing(job, now=NOON),
            lambda: job_store.queue(job, stored_input=a_stored_input(job.id), execution_arn="a", now=NOON),
        )
        for change in changes:
            with pytest.raises(TransitionRefusedError):
                change()
        assert job_store.get(job.id) is None

    def test_forgotten_tombstone_is_not_reconciled_but_blocks_its_id(self, job_store: JobStore) -> None:
        job = a_job()
        job_store.create(job)
        job_store.delete(job, now=NOON)
        job_store.forget(job.id)
        job_store.forget(job.id)
        assert job.id not in unsettled(job_store)
        assert job_store.tombstone(job.id) is not None
        with pytest.raises(TransitionRefusedError):
            job_store.create(job)

    def test_job_that_is_not_deleted_cannot_be_forgotten(self, job_store: JobStore) -> None:
        job = a_job()
        job_store.create(job)
        for job_id in (job.id, uuid4()):
            with pytest.raises(TransitionRefusedError):
                job_store.forget(job_id)
        assert unsettled(job_store) == [job.id]
