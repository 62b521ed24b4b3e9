"""Progress shards, and the progress read from them."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.progress import MAX_SHARDS, Pace, Progress, period_at, shard_count, shard_of, start_of
from tests.builders import NOON, a_shard

chunk_counts = st.integers(1, 20_000)


@given(chunks=chunk_counts)
def test_shard_count_is_one_per_fifty_chunks_from_one_to_sixty_four(chunks: int) -> None:
    shards = shard_count(chunks)
    assert 1 <= shards <= MAX_SHARDS
    if 50 < chunks <= 50 * MAX_SHARDS:
        assert (shards - 1) * 50 < chunks <= shards * 50


@given(chunks=chunk_counts)
def test_chunks_spread_evenly_over_all_shards(chunks: int) -> None:
    shards = shard_count(chunks)
    sizes = [0] * shards
    for chunk in range(chunks):
        sizes[shard_of(chunk, shards)] += 1
    assert max(sizes) - min(sizes) <= 1


@given(done=st.sets(st.integers(0, 60)), chunks=st.integers(0, 60), shards=st.integers(1, 5))
def test_done_and_missing_chunks_together_are_all_chunks(done: set[int], chunks: int, shards: int) -> None:
    progress = Progress(
        tuple(
            a_shard(number=number, done=frozenset(chunk for chunk in done if shard_of(chunk, shards) == number))
            for number in range(shards)
        )
    )
    assert progress.done == done
    assert progress.missing(chunks) == tuple(sorted(set(range(chunks)) - done))


def test_counts_of_all_shards_add_up() -> None:
    progress = Progress(
        (
            a_shard(successful_rows=3, failed_rows=1, with_successes=frozenset({0}), with_failures=frozenset({0, 2})),
            a_shard(successful_rows=4, failed_rows=0, with_successes=frozenset({1})),
        )
    )
    assert (progress.successful_rows, progress.failed_rows, progress.processed_rows) == (7, 1, 8)
    assert progress.with_successes == {0, 1}
    assert progress.with_failures == {0, 2}


def test_job_without_shards_has_no_progress() -> None:
    progress = Progress()
    assert (progress.processed_rows, progress.done, progress.pace, progress.last_commit_at) == (
        0,
        frozenset(),
        Pace(),
        None,
    )


def test_last_commit_of_any_shard_is_the_heartbeat() -> None:
    ninth, fourth = NOON + timedelta(seconds=9), NOON + timedelta(seconds=4)
    progress = Progress((a_shard(last_commit_at=ninth), a_shard(last_commit_at=fourth), a_shard()))
    assert progress.last_commit_at == ninth


def test_paces_of_all_shards_add_up() -> None:
    one = Pace(rows_by_period={0: 10, 7: 20}, worked=timedelta(seconds=3))
    other = Pace(rows_by_period={7: 1}, worked=timedelta(seconds=4))
    progress = Progress((a_shard(pace=one), a_shard(pace=other), a_shard()))
    assert progress.pace == Pace(rows_by_period={0: 10, 7: 21}, worked=timedelta(seconds=7))
    assert [progress.pace.rows_from(period) for period in (0, 1, 8)] == [31, 21, 0]


@given(milliseconds=st.integers(0, 10**9))
def test_period_is_at_most_a_fifth_of_the_time_before_its_end(milliseconds: int) -> None:
    age = timedelta(milliseconds=milliseconds)
    period = period_at(age)
    begin, end = start_of(period), start_of(period + 1)
    # To the microsecond, the resolution of a timedelta.
    assert begin - timedelta(microseconds=1) <= age <= end
    assert end - begin <= max(0.2 * end, timedelta(seconds=1))
