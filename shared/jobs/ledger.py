"""Progress that cannot be wrong: which chunks are done, counted once each, over a few items of the jobs table.

A chunk is committed by one conditional write to the shard it belongs to; the shard keeps the set of done chunks
beside the counts, so that a second commit of the same chunk is refused and no count moves twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.jobs.fault_counts import FaultCounts
from shared.jobs.model import Job
from shared.jobs.pace import Pace

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
    faults: FaultCounts = field(default_factory=FaultCounts)
    pace: Pace = field(default_factory=Pace)
    last_commit_at: datetime | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCount:
    """The rows of one chunk by outcome, and the failed ones by their faults.

    `worked` is how long its worker took for it, and `age` how long after the plan it was done.
    """

    chunk: int
    successful_rows: int
    failed_rows: int
    faults: FaultCounts = field(default_factory=FaultCounts)
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
    def faults(self) -> FaultCounts:
        """The faults of rows in committed chunks."""
        return FaultCounts.total(shard.faults for shard in self.shards)

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
