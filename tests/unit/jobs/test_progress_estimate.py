"""The estimated seconds left of a job, and its performance figures."""

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


def estimate(*commits: tuple[float, int], remaining_rows: int, now: float) -> int | None:
    """Returns the seconds left for a job planned at `NOON`, after commits of one worker at these seconds."""
    progress = a_progress(*((after(at), rows) for at, rows in commits))
    return seconds_left(a_processing_job(), progress, remaining_rows=remaining_rows, now=NOON + after(now))


class TestSecondsLeft:
    @pytest.mark.parametrize("commits", [[], [(5, 100)]])
    def test_estimate_is_none_before_two_chunks_are_committed(self, commits: list[tuple[float, int]]) -> None:
        assert estimate(*commits, remaining_rows=1000, now=60) is None

    def test_estimate_is_none_before_the_job_is_planned(self) -> None:
        progress = a_progress((after(5), 100), (after(10), 100))
        unplanned = a_processing_job(planned_at=None)
        assert seconds_left(unplanned, progress, remaining_rows=1000, now=NOON + after(60)) is None

    def test_estimate_is_none_while_other_workers_score_their_first_chunk(self) -> None:
        # Two of many workers are done with their first chunk: the number of workers is still unknown.
        progress = a_progress((after(10), 100), (after(10), 100))
        shard = replace(progress.shards[0], pace=replace(progress.pace, worked=after(20)))
        job, two = a_processing_job(), Progress((shard,))
        known = [seconds_left(job, two, remaining_rows=1000, now=NOON + after(now)) for now in (10, 19.9, 20)]
        assert known == [None, None, 40]

    def test_estimate_extends_the_rate_of_the_committed_chunks(self) -> None:
        assert estimate((10, 100), (20, 100), remaining_rows=1000, now=20) == 100

    def test_estimate_decreases_while_chunks_are_being_scored(self) -> None:
        estimates = [estimate((10, 100), (20, 100), remaining_rows=1000, now=now) for now in (20, 24, 30)]
        assert estimates == [100, 96, 90]

    def test_estimate_increases_when_no_chunk_is_committed_for_long(self) -> None:
        estimates = [estimate((10, 100), (20, 100), remaining_rows=1000, now=now) for now in (30, 60, 120, 100_000)]
        assert estimates == sorted(estimates, key=lambda seconds: seconds or 0)
        assert estimates[0] == 90
        assert estimates[-1] is not None
        assert estimates[-1] > 100_000

    def test_estimate_follows_the_recent_rate(self) -> None:
        slow = [(float(at), 10) for at in range(10, 101, 10)]
        fast = [(float(at), 100) for at in range(110, 201, 10)]
        assert estimate(*slow, remaining_rows=1000, now=100) == pytest.approx(1000, rel=0.2)
        assert estimate(*slow, *fast, remaining_rows=1000, now=200) == pytest.approx(100, rel=0.2)

    def test_estimate_is_none_when_all_commits_coincide_with_the_plan(self) -> None:
        assert estimate((0, 100), (0, 100), remaining_rows=100, now=0) is None

    def test_estimate_tolerates_a_clock_behind_the_last_commit(self) -> None:
        assert estimate((10, 100), (20, 100), remaining_rows=100, now=0) == 10

    def test_estimate_is_none_when_chunks_have_no_rows(self) -> None:
        assert estimate((10, 0), (20, 0), remaining_rows=100, now=20) is None

    @given(
        commits=st.lists(st.tuples(st.integers(-20, 10_000), st.integers(0, 50_000)), max_size=8),
        remaining=st.integers(0, 20_000_000),
        now=st.integers(-20, 20_000),
    )
    def test_estimate_is_never_negative(self, commits: list[tuple[int, int]], remaining: int, now: int) -> None:
        seconds = estimate(*((at / 10, rows) for at, rows in commits), remaining_rows=remaining, now=now / 10)
        assert seconds is None or seconds >= 0
        if seconds is not None and remaining == 0:
            assert seconds == 0


class TestPerformance:
    def test_job_that_has_not_started_has_no_performance_figures(self) -> None:
        speed = performance(a_job(), Progress(), processed_rows=0, now=NOON)
        assert (speed.processing_time_seconds, speed.rows_per_second) == (None, None)
        assert speed.estimated_completion_seconds is None

    def test_performance_matches_the_example_of_the_base_document(self) -> None:
        job = a_completed_job(completed_at=NOON + after(125.5))
        speed = performance(job, Progress(), processed_rows=1000, now=NOON + timedelta(days=1))
        assert (speed.processing_time_seconds, speed.rows_per_second) == (125.5, 7.97)
        assert speed.estimated_completion_seconds is None

    def test_processing_job_has_an_estimate_in_seconds(self) -> None:
        progress = a_progress((after(10), 100), (after(20), 100))
        job = a_processing_job(total_rows=1050)
        speed = performance(job, progress, processed_rows=200, now=NOON + after(20))
        assert speed.estimated_completion_seconds == 85
        assert (speed.processing_time_seconds, speed.rows_per_second) == (20.0, 10.0)

    def test_ended_job_has_no_estimate(self) -> None:
        progress = a_progress((after(10), 100), (after(20), 100))
        for job in (
            a_completed_job(total_rows=1050),
            a_processing_job(status=JobStatus.FAILED, completed_at=NOON + after(30), total_rows=1050),
        ):
            speed = performance(job, progress, processed_rows=200, now=NOON + after(20))
            assert speed.estimated_completion_seconds is None

    def test_rate_is_none_without_rows_or_without_time(self) -> None:
        job = a_processing_job()
        assert performance(job, Progress(), processed_rows=0, now=NOON + after(5)).rows_per_second is None
        assert performance(job, Progress(), processed_rows=5, now=NOON).rows_per_second is None
        early = performance(job, Progress(), processed_rows=5, now=NOON - after(5))
        assert early.processing_time_seconds == 0.0
