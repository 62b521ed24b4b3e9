"""Rates and the time left."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.job import JobStatus
from shared.jobs.progress import Progress, performance, seconds_left
from tests.builders import NOON, a_completed_job, a_job, a_processing_job, a_progress


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def left(*commits: tuple[float, int], remaining_rows: int, now: float) -> int | None:
    """The time left of a job planned at `NOON`, after commits of one worker at these seconds."""
    progress = a_progress(*((after(at), rows) for at, rows in commits))
    return seconds_left(a_processing_job(), progress, remaining_rows=remaining_rows, now=NOON + after(now))


class TestSecondsLeft:
    @pytest.mark.parametrize("commits", [[], [(5, 100)]])
    def test_nothing_is_known_before_two_chunks_are_committed(self, commits: list[tuple[float, int]]) -> None:
        assert left(*commits, remaining_rows=1000, now=60) is None

    def test_nothing_is_known_before_a_job_is_planned(self) -> None:
        progress = a_progress((after(5), 100), (after(10), 100))
        unplanned = a_processing_job(planned_at=None)
        assert seconds_left(unplanned, progress, remaining_rows=1000, now=NOON + after(60)) is None

    def test_nothing_is_known_while_first_chunks_of_other_workers_are_to_come(self) -> None:
        # Two of many workers are done with their first chunk: they say nothing of how many there are.
        progress = a_progress((after(10), 100), (after(10), 100))
        shard = replace(progress.shards[0], pace=replace(progress.pace, worked=after(20)))
        job, two = a_processing_job(), Progress((shard,))
        known = [seconds_left(job, two, remaining_rows=1000, now=NOON + after(now)) for now in (10, 19.9, 20)]
        assert known == [None, None, 40]

    def test_the_rest_goes_as_fast_as_the_chunks_did(self) -> None:
        assert left((10, 100), (20, 100), remaining_rows=1000, now=20) == 100

    def test_what_is_being_worked_on_brings_the_end_nearer(self) -> None:
        lefts = [left((10, 100), (20, 100), remaining_rows=1000, now=now) for now in (20, 24, 30)]
        assert lefts == [100, 96, 90]

    def test_a_job_that_stands_still_is_seen_to_slow_down(self) -> None:
        lefts = [left((10, 100), (20, 100), remaining_rows=1000, now=now) for now in (30, 60, 120, 100_000)]
        assert lefts == sorted(lefts, key=lambda seconds: seconds or 0)
        assert lefts[0] == 90
        assert lefts[-1] is not None
        assert lefts[-1] > 100_000

    def test_an_old_rate_is_forgotten(self) -> None:
        slow = [(float(at), 10) for at in range(10, 101, 10)]
        fast = [(float(at), 100) for at in range(110, 201, 10)]
        assert left(*slow, remaining_rows=1000, now=100) == pytest.approx(1000, rel=0.2)
        assert left(*slow, *fast, remaining_rows=1000, now=200) == pytest.approx(100, rel=0.2)

    def test_two_commits_in_the_instant_of_the_plan_give_no_rate(self) -> None:
        assert left((0, 100), (0, 100), remaining_rows=100, now=0) is None

    def test_a_clock_behind_the_last_commit_does_not_make_time_run_backwards(self) -> None:
        assert left((10, 100), (20, 100), remaining_rows=100, now=0) == 10

    def test_chunks_without_rows_give_no_rate(self) -> None:
        assert left((10, 0), (20, 0), remaining_rows=100, now=20) is None

    @given(
        commits=st.lists(st.tuples(st.integers(-20, 10_000), st.integers(0, 50_000)), max_size=8),
        remaining=st.integers(0, 20_000_000),
        now=st.integers(-20, 20_000),
    )
    def test_an_estimate_is_a_whole_number_of_seconds_never_below_zero(
        self, commits: list[tuple[int, int]], remaining: int, now: int
    ) -> None:
        seconds = left(*((at / 10, rows) for at, rows in commits), remaining_rows=remaining, now=now / 10)
        assert seconds is None or seconds >= 0
        if seconds is not None and remaining == 0:
            assert seconds == 0


class TestPerformance:
    def test_a_job_that_has_not_started_has_none(self) -> None:
        speed = performance(a_job(), Progress(), processed_rows=0, now=NOON)
        assert (speed.processing_time_seconds, speed.rows_per_second) == (None, None)
        assert speed.estimated_completion_seconds is None

    def test_the_base_documents_figures_come_out(self) -> None:
        job = a_completed_job(completed_at=NOON + after(125.5))
        speed = performance(job, Progress(), processed_rows=1000, now=NOON + timedelta(days=1))
        assert (speed.processing_time_seconds, speed.rows_per_second) == (125.5, 7.97)
        assert speed.estimated_completion_seconds is None

    def test_a_processing_job_has_an_estimate_in_seconds(self) -> None:
        progress = a_progress((after(10), 100), (after(20), 100))
        job = a_processing_job(total_rows=1050)
        speed = performance(job, progress, processed_rows=200, now=NOON + after(20))
        assert speed.estimated_completion_seconds == 85
        assert (speed.processing_time_seconds, speed.rows_per_second) == (20.0, 10.0)

    def test_an_ended_job_has_no_estimate(self) -> None:
        progress = a_progress((after(10), 100), (after(20), 100))
        for job in (
            a_completed_job(total_rows=1050),
            a_processing_job(status=JobStatus.FAILED, completed_at=NOON + after(30), total_rows=1050),
        ):
            speed = performance(job, progress, processed_rows=200, now=NOON + after(20))
            assert speed.estimated_completion_seconds is None

    def test_no_rows_or_no_time_is_no_rate(self) -> None:
        job = a_processing_job()
        assert performance(job, Progress(), processed_rows=0, now=NOON + after(5)).rows_per_second is None
        assert performance(job, Progress(), processed_rows=5, now=NOON).rows_per_second is None
        early = performance(job, Progress(), processed_rows=5, now=NOON - after(5))
        assert early.processing_time_seconds == 0.0
