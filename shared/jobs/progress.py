"""Progress of a job: counts of committed chunks, their pace, and the time left."""

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
    """Rows committed by period, and the time that the workers spent on their chunks, all together."""

    rows_by_period: Mapping[int, int] = field(default_factory=dict)
    worked: timedelta = timedelta()

    @classmethod
    def total(cls, paces: "Iterable[Pace]") -> "Pace":
        """The pace of all of them together."""
        rows, worked = Counter[int](), timedelta()
        for pace in paces:
            rows.update(pace.rows_by_period)
            worked += pace.worked
        return cls(rows_by_period=dict(rows), worked=worked)

    def rows_from(self, period: int) -> int:
        """Rows committed in this period or a later one."""
        return sum(rows for number, rows in self.rows_by_period.items() if number >= period)


def period_at(age: timedelta) -> int:
    """The period of a moment so long after the plan: the first second is period 0."""
    seconds = age.total_seconds()
    return 0 if seconds < 1 else 1 + floor(PERIODS_A_DOUBLING * log2(seconds))


def start_of(period: int) -> timedelta:
    """How long after the plan the period begins."""
    return timedelta(seconds=2 ** ((period - 1) / PERIODS_A_DOUBLING)) if period > 0 else timedelta()


CHUNKS_PER_SHARD = 50
# With the job itself a shard transaction has at most 65 items; DynamoDB allows 100.
MAX_SHARDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One progress item: the chunks done in it, and their counts."""

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
    """The rows of one chunk by outcome, and the failed ones by their row errors.

    `worked` is how long its worker took for it, and `age` how long after the plan it was done.
    """

    chunk: int
    successful_rows: int
    failed_rows: int
    row_errors: RowErrorCounts = field(default_factory=RowErrorCounts)
    worked: timedelta = timedelta()
    age: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Progress:
    """The shards of a job, read together."""

    shards: Sequence[Shard] = ()

    @property
    def successful_rows(self) -> int:
        """Rows scored in committed chunks."""
        return sum(shard.successful_rows for shard in self.shards)

    @property
    def failed_rows(self) -> int:
        """Rows refused in committed chunks."""
        return sum(shard.failed_rows for shard in self.shards)

    @property
    def processed_rows(self) -> int:
        """Rows of committed chunks."""
        return self.successful_rows + self.failed_rows

    @property
    def row_errors(self) -> RowErrorCounts:
        """The row errors of rows in committed chunks."""
        return RowErrorCounts.total(shard.row_errors for shard in self.shards)

    @property
    def done(self) -> frozenset[int]:
        """The committed chunks."""
        return _union(shard.done for shard in self.shards)

    @property
    def with_successes(self) -> frozenset[int]:
        """The committed chunks that have a part of scored rows."""
        return _union(shard.with_successes for shard in self.shards)

    @property
    def with_failures(self) -> frozenset[int]:
        """The committed chunks that have a part of failed rows."""
        return _union(shard.with_failures for shard in self.shards)

    @property
    def pace(self) -> Pace:
        """How fast the committed chunks came."""
        return Pace.total(shard.pace for shard in self.shards)

    @property
    def last_commit_at(self) -> datetime | None:
        """When the last chunk was committed: the job's heartbeat."""
        return max((shard.last_commit_at for shard in self.shards if shard.last_commit_at), default=None)

    def missing(self, chunk_count: int) -> tuple[int, ...]:
        """The chunks of 0 to `chunk_count - 1` that are not committed, in order."""
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
    """How many shards spread the commits of `chunk_count` chunks: few enough to read at once, each small."""
    return max(1, min(MAX_SHARDS, -(-chunk_count // CHUNKS_PER_SHARD)))


def shard_of(chunk: int, shards: int) -> int:
    """The shard a chunk is committed to."""
    return chunk % shards


def _union(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*sets)


# The estimate is made from this part of the scoring, and from so many chunks in a row of every worker at least.
_RECENT_SHARE = 0.25
_RECENT_CHUNKS = 2
# As many chunks in a row have passed before there is one.
_CHUNKS_BEFORE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How fast a job runs. Seconds are rounded to a tenth; the estimates are None unless known."""

    processing_time_seconds: float | None
    rows_per_second: float | None
    estimated_completion_seconds: int | None


def performance(job: Job, progress: Progress, *, processed_rows: int, now: datetime) -> Performance:
    """The job's rate over its whole processing time, and the time left at the rate of the last chunks."""
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
    """From the start of the job to its end, or to now; None before its start."""
    if job.started_at is None:
        return None
    return max(0.0, ((job.completed_at or now) - job.started_at).total_seconds())


def seconds_left(job: Job, progress: Progress, *, remaining_rows: int, now: datetime) -> int | None:
    """The time left if the rest goes as fast as the last chunks did; None before there is a rate.

    There is none before two chunks are committed and twice the time has passed that a chunk takes: until then chunks
    that all workers began at once are still to come. The rate is that of the last quarter of the scoring, and of
    at least the last two chunks of each worker. It ends at the last commit, for what is being worked on is not seen
    yet; but when none came for as long as a chunk takes, the job is seen to slow down.
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
    # In seconds: a timedelta has no room for the end of a job that stands still.
    left = (end - start_of(period)).total_seconds() * remaining_rows / rows - (age - end).total_seconds()
    return max(0, ceil(left))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job and its progress, read together in one consistent query."""

    job: Job
    progress: Progress
