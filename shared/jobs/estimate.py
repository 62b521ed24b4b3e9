"""Rates and the time left."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from shared.jobs.ledger import Progress
from shared.jobs.model import Job, JobStatus
from shared.jobs.pace import period_at, start_of

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

    @property
    def estimated_completion_time(self) -> str | None:
        """The seconds left as people write them: `1m 25s`."""
        if self.estimated_completion_seconds is None:
            return None
        return in_words(self.estimated_completion_seconds)


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


def in_words(seconds: int) -> str:
    """`45s`, `1m 25s`, `2h 5m 10s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours}h {minutes}m {rest}s"
    return f"{minutes}m {rest}s" if minutes else f"{rest}s"
