"""Shards and the progress read from them."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.ledger import MAX_SHARDS, Commit, Progress, shard_count, shard_of
from tests.builders import NOON, a_shard

chunk_counts = st.integers(1, 20_000)


def commits(*seconds: float, rows: int = 10) -> tuple[Commit, ...]:
    return tuple(Commit(at=NOON + timedelta(seconds=second), rows=rows) for second in seconds)


@given(chunks=chunk_counts)
def test_there_is_a_shard_for_every_fifty_chunks_between_one_and_sixty_four(chunks: int) -> None:
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
def test_done_and_missing_chunks_are_all_the_chunks(done: set[int], chunks: int, shards: int) -> None:
    progress = Progress(
        tuple(
            a_shard(number=number, done=frozenset(chunk for chunk in done if shard_of(chunk, shards) == number))
            for number in range(shards)
        )
    )
    assert progress.done == done
    assert progress.missing(chunks) == tuple(sorted(set(range(chunks)) - done))


def test_the_counts_of_all_shards_add_up() -> None:
    progress = Progress(
        (
            a_shard(successful_rows=3, failed_rows=1, with_successes=frozenset({0}), with_failures=frozenset({0, 2})),
            a_shard(successful_rows=4, failed_rows=0, with_successes=frozenset({1})),
        )
    )
    assert (progress.successful_rows, progress.failed_rows, progress.processed_rows) == (7, 1, 8)
    assert progress.with_successes == {0, 1}
    assert progress.with_failures == {0, 2}


def test_a_job_without_shards_has_no_progress() -> None:
    progress = Progress()
    assert (progress.processed_rows, progress.done, progress.recent, progress.last_commit_at) == (
        0,
        frozenset(),
        (),
        None,
    )


def test_the_last_commit_of_any_shard_is_the_heartbeat() -> None:
    progress = Progress((a_shard(recent=commits(1, 9)), a_shard(recent=commits(4)), a_shard()))
    assert progress.last_commit_at == NOON + timedelta(seconds=9)
    assert progress.recent == commits(1, 4, 9)


def test_recent_commits_reach_back_only_as_far_as_every_shard_remembers() -> None:
    # The second shard committed seven chunks and has forgotten when the first three came.
    slow = a_shard(done=frozenset({0, 2}), recent=commits(1, 2))
    busy = a_shard(done=frozenset(range(1, 15, 2)), recent=commits(100, 101, 102, 103))
    assert Progress((slow, busy)).recent == commits(100, 101, 102, 103)
