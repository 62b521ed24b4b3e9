"""Rates and the time left."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.estimate import in_words, performance, seconds_left
from shared.jobs.ledger import Progress
from shared.jobs.model import JobStatus
from tests.builders import NOON, a_completed_job, a_job, a_processing_job, a_progress


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


class TestSecondsLeft:
    @pytest.mark.parametrize("progress", [Progress(), a_progress(), a_progress((after(5), 100))])
    def test_nothing_is_known_before_two_chunks_are_committed(self, progress: Progress) -> None:
        assert seconds_left(progress, remaining_rows=1000, now=NOON + after(60)) is None

    def test_the_rest_goes_as_fast_as_the_last_chunks_did(self) -> None:
        progress = a_progress((after(10), 999), (after(20), 100), (after(30), 100))
        assert seconds_left(progress, remaining_rows=1000, now=NOON + after(30)) == 100

    def test_a_job_that_stands_still_is_seen_to_slow_down(self) -> None:
        progress = a_progress((after(10), 100), (after(20), 100))
        estimates = [seconds_left(progress, remaining_rows=100, now=NOON + after(now)) for now in (20, 30, 110)]
        assert estimates == [10, 20, 100]

    def test_two_commits_in_the_same_instant_give_no_rate(self) -> None:
        progress = a_progress((after(10), 100), (after(10), 100))
        assert seconds_left(progress, remaining_rows=100, now=NOON + after(10)) is None

    def test_a_clock_behind_the_last_commit_does_not_make_time_run_backwards(self) -> None:
        progress = a_progress((after(10), 100), (after(20), 100))
        assert seconds_left(progress, remaining_rows=100, now=NOON) == 10

    def test_chunks_without_rows_give_no_rate(self) -> None:
        progress = a_progress((after(10), 100), (after(20), 0))
        assert seconds_left(progress, remaining_rows=100, now=NOON + after(20)) is None

    @given(
        commits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 50_000)), max_size=8),
        remaining=st.integers(0, 20_000_000),
        now=st.integers(0, 20_000),
    )
    def test_an_estimate_is_a_whole_number_of_seconds_never_below_zero(
        self, commits: list[tuple[int, int]], remaining: int, now: int
    ) -> None:
        progress = a_progress(*((after(at / 10), rows) for at, rows in commits))
        left = seconds_left(progress, remaining_rows=remaining, now=NOON + after(now / 10))
        assert left is None or left >= 0
        if left is not None and remaining == 0:
            assert left == 0


class TestPerformance:
    def test_a_job_that_has_not_started_has_none(self) -> None:
        speed = performance(a_job(), Progress(), processed_rows=0, now=NOON)
        assert (speed.processing_time_seconds, speed.rows_per_second) == (None, None)
        assert (speed.estimated_completion_seconds, speed.estimated_completion_time) == (None, None)

    def test_the_base_documents_figures_come_out(self) -> None:
        job = a_completed_job(completed_at=NOON + after(125.5))
        speed = performance(job, Progress(), processed_rows=1000, now=NOON + timedelta(days=1))
        assert (speed.processing_time_seconds, speed.rows_per_second) == (125.5, 7.97)
        assert speed.estimated_completion_time is None

    def test_a_processing_job_has_an_estimate_in_seconds_and_in_words(self) -> None:
        progress = a_progress((after(10), 100), (after(20), 100))
        job = a_processing_job(total_rows=1050)
        speed = performance(job, progress, processed_rows=200, now=NOON + after(20))
        assert (speed.estimated_completion_seconds, speed.estimated_completion_time) == (85, "1m 25s")
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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (45, "45s"),
        (60, "1m 0s"),
        (85, "1m 25s"),
        (3599, "59m 59s"),
        (3600, "1h 0m 0s"),
        (7510, "2h 5m 10s"),
        (90_061, "25h 1m 1s"),
    ],
)
def test_seconds_are_written_as_people_do(seconds: int, words: str) -> None:
    assert in_words(seconds) == words


@given(seconds=st.integers(0, 10**7))
def test_the_words_add_up_to_the_seconds(seconds: int) -> None:
    sizes = {"h": 3600, "m": 60, "s": 1}
    parts = re.findall(r"(\d+)([hms])", in_words(seconds))
    assert sum(int(number) * sizes[unit] for number, unit in parts) == seconds
