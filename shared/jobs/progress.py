"""Progress of a job: counts of committed chunks, their pace, and the time left.

A chunk is committed by one conditional write to its progress shard, an item of the jobs table. The shard keeps the set
of done chunks with the counts, so a second commit of the same chunk is refused and no count changes twice.

The pace is stored in constant size. Rows are counted by the period in which they were committed, and periods grow with
the time since the plan, by a quarter of a doubling each: a short job is known by the second, a long one by the hour,
and the last periods always are the last part of the whole. The last few commits would not do: a thousand workers
commit a thousand chunks at nearly the same time, and then none for as long as a chunk takes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil, floor, log2

from shared.jobs.job import Job, JobStatus
from shared.jobs.row_errors import RowErrorCounts

PERIODS_A_DOUBLING = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Committed rows by period, and the total time that workers spent on their chunks."""

    rows_by_period: Mapping[int, int] = field(default_factory=dict)
    worked: timedelta = timedelta()

    @classmethod
    def total(cls, paces: "Iterable[Pace]") -> "Pace":
        """Returns the sum of the paces."""
        rows, worked = Counter[int](), timedelta()
        for pace in paces:
            rows.update(pace.rows_by_period)
            worked += pace.worked
        return cls(rows_by_period=dict(rows), worked=worked)

    def rows_from(self, period: int) -> int:
        """Returns the rows committed in this period or a later one."""
        return sum(rows for number, rows in self.rows_by_period.items() if number >= period)


def period_at(age: timedelta) -> int:
    """Returns the period of a time after the plan. The first second is period 0."""
    seconds = age.total_seconds()
    return 0 if seconds < 1 else 1 + floor(PERIODS_A_DOUBLING * log2(seconds))


def start_of(period: int) -> timedelta:
    """Returns how long after the plan the period begins."""
    return timedelta(seconds=2 ** ((period - 1) / PERIODS_A_DOUBLING)) if period > 0 else timedelta()


CHUNKS_PER_SHARD = 50
# With the job itself, a transaction has at most 65 items; DynamoDB allows 100.
MAX_SHARDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One progress shard: its committed chunks and their counts."""

    number: int
    done: frozenset[int] = frozenset()
    with_successes: frozenset[int] = frozenset()
    with_failures: frozenset[int] = frozenset()
    successful_rows: int = 0
    failed_rows: int = 0
    row_errors: RowErrorCounts = field(default_factory=RowErrorCounts)
    pace: Pace = field(default_factory=Pace)
    last_commit_at: datetime | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCount:
    """Rows of one chunk by outcome, and the failed ones by row error.

    `worked` is how long its worker took, `age` how long after the plan it was done.
    """

    chunk: int
    successful_rows: int
    failed_rows: int
    row_errors: RowErrorCounts = field(default_factory=RowErrorCounts)
    worked: timedelta = timedelta()
    age: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress shards of a job, read together."""

    shards: Sequence[Shard] = ()

    @property
    def successful_rows(self) -> int:
        """Successful rows of committed chunks."""
        return sum(shard.successful_rows for shard in self.shards)

    @property
    def failed_rows(self) -> int:
        """Failed rows of committed chunks."""
        return sum(shard.failed_rows for shard in self.shards)

    @property
    def processed_rows(self) -> int:
        """Rows of committed chunks."""
        return self.successful_rows + self.failed_rows

    @property
    def row_errors(self) -> RowErrorCounts:
        """Row errors of committed chunks."""
        return RowErrorCounts.total(shard.row_errors for shard in self.shards)

    @property
    def done(self) -> frozenset[int]:
        """Committed chunks."""
        return _union(shard.done for shard in self.shards)

    @property
    def with_successes(self) -> frozenset[int]:
        """Committed chunks with a part of successful rows."""
        return _union(shard.with_successes for shard in self.shards)

    @property
    def with_failures(self) -> frozenset[int]:
        """Committed chunks with a part of failed rows."""
        return _union(shard.with_failures for shard in self.shards)

    @property
    def pace(self) -> Pace:
        """Pace of the committed chunks."""
        return Pace.total(shard.pace for shard in self.shards)

    @property
    def last_commit_at(self) -> datetime | None:
        """Time of the last commit: the heartbeat of the job."""
        return max((shard.last_commit_at for shard in self.shards if shard.last_commit_at), default=None)

    def missing(self, chunk_count: int) -> tuple[int, ...]:
        """Returns the chunks of 0 to `chunk_count - 1` that are not committed, in order."""
        done = self.done
        return tuple(chunk for chunk in range(chunk_count) if chunk not in done)


def row_counts(job: Job, progress: Progress) -> tuple[int, int]:
    """Returns successful and failed rows: the final counts of the record once it has them, else those of the ledger."""
    if job.final_successful_rows is not None and job.final_failed_rows is not None:
        return job.final_successful_rows, job.final_failed_rows
    return progress.successful_rows, progress.failed_rows


def has_errors(job: Job, progress: Progress) -> bool:
    """Whether rows failed, or the job as a whole."""
    return row_counts(job, progress)[1] > 0 or job.error_message is not None


def shard_count(chunk_count: int) -> int:
    """Returns how many shards spread the commits of `chunk_count` chunks: few enough to read at once, each small."""
    return max(1, min(MAX_SHARDS, -(-chunk_count // CHUNKS_PER_SHARD)))


def shard_of(chunk: int, shards: int) -> int:
    """Returns the shard that a chunk is committed to."""
    return chunk % shards


def _union(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*sets)


# The estimate uses this last part of the scoring, and at least this many chunks of each worker.
_RECENT_SHARE = 0.25
_RECENT_CHUNKS = 2
# There is no estimate before the time of this many chunks.
_CHUNKS_BEFORE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How fast a job runs. Seconds are rounded to a tenth; the estimates are None unless known."""

    processing_time_seconds: float | None
    rows_per_second: float | None
    estimated_completion_seconds: int | None


def performance(job: Job, progress: Progress, *, processed_rows: int, now: datetime) -> Performance:
    """Returns the rate over the whole processing time, and the time left at the rate of the last chunks."""
    elapsed = processing_seconds(job, now=now)
    if elapsed is None:
        return Performance(processing_time_seconds=None, rows_per_second=None, estimated_completion_seconds=None)
    rate = round(processed_rows / elapsed, 2) if elapsed > 0 and processed_rows else None
    left = None
    if job.status is JobStatus.PROCESSING and job.total_rows is not None:
        left = seconds_left(job, progress, remaining_rows=job.total_rows - processed_rows, now=now)
    return Performance(
        processing_time_seconds=round(elapsed, 1), rows_per_second=rate, estimated_completion_seconds=left
    )


def processing_seconds(job: Job, *, now: datetime) -> float | None:
    """Returns the time from the start of the job to its end, or to now; None before its start."""
    if job.started_at is None:
        return None
    return max(0.0, ((job.completed_at or now) - job.started_at).total_seconds())


def seconds_left(job: Job, progress: Progress, *, remaining_rows: int, now: datetime) -> int | None:
    """Returns the time left at the rate of the last chunks; None before there is a rate.

    There is none before two chunks are committed and twice the time of a chunk has passed: until then, chunks that all
    workers began at once are outstanding. The rate is that of the last quarter of the scoring, and of at least the
    last two chunks of each worker. It ends at the last commit, since unfinished work is not counted yet; but once no
    commit came for as long as a chunk takes, the estimate grows.
    """
    last, done = progress.last_commit_at, len(progress.done)
    if job.planned_at is None or last is None or done < 2:
        return None
    pace = progress.pace
    a_chunk = pace.worked / done
    age = max(now, last) - job.planned_at
    end = max(last - job.planned_at, age - a_chunk)
    if age < _CHUNKS_BEFORE * a_chunk or end <= timedelta():
        return None
    period = period_at(end - max(end * _RECENT_SHARE, a_chunk * _RECENT_CHUNKS))
    while period > 0 and (pace.rows_from(period) == 0 or start_of(period) >= end):
        period -= 1
    rows = pace.rows_from(period)
    if rows == 0:
        return None
    # In seconds: a timedelta overflows for a job that hardly moves.
    left = (end - start_of(period)).total_seconds() * remaining_rows / rows - (age - end).total_seconds()
    return max(0, ceil(left))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job and its progress, read together in one consistent query."""

    job: Job
    progress: Progress
