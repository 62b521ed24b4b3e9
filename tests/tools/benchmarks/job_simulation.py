"""Discrete-event simulation of the chunks of one job scored by several workers at once.

The map hands out chunks in order. A worker's first chunk waits for a cold start. Commits of one shard are serialized,
and all shards of a job are in one partition of the table, which accepts 1,000 write units per second.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from shared.jobs.progress import shard_count, shard_of
from tests.tools.benchmarks.commits import write_units
from tests.tools.benchmarks.cost_model import Assumed, Estimate

PARTITION_UNITS_PER_SECOND: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Seconds from the first chunk to the last commit, and the total time that commits waited."""

    seconds: float
    waited_for_commits: float
    cold_starts: int


def score_all(job: Estimate, *, workers: int, assumed: Assumed) -> Scored:
    """Simulates scoring every chunk of the job. Raises ValueError without workers."""
    if workers < 1:
        raise ValueError("a job needs a worker")
    shards = shard_count(job.chunks)
    # A write holds the partition for its share of a second.
    hold = write_units(job.chunks) / job.chunks / PARTITION_UNITS_PER_SECOND
    used = min(workers, job.chunks)
    idle = [assumed.cold_start_seconds] * used
    commits: list[tuple[float, int]] = []
    for chunk in range(job.chunks):
        ready = heapq.heappop(idle) + job.score_seconds
        heapq.heappush(idle, ready)
        commits.append((ready, chunk))
    free: defaultdict[int, float] = defaultdict(float)
    partition = waited = end = 0.0
    for ready, chunk in sorted(commits):
        shard = shard_of(chunk, shards)
        start = max(ready, free[shard], partition)
        partition = start + hold
        free[shard] = start + assumed.commit_seconds
        waited += start - ready
        end = max(end, start + assumed.commit_seconds)
    return Scored(seconds=end, waited_for_commits=waited, cold_starts=used)


def whole_seconds(job: Estimate, *, workers: int, assumed: Assumed) -> float:
    """Returns the seconds from the start of the execution to the result files.

    Three cold starts, the states, and the work that workers cannot share are added to scoring.
    """
    scored = score_all(job, workers=workers, assumed=assumed)
    fixed = 2 * assumed.cold_start_seconds + 5 * assumed.state_seconds
    return fixed + job.plan_seconds + scored.seconds + job.finalize_seconds
