"""Rates and the time left."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from shared.jobs.ledger import Progress
from shared.jobs.model import Job, JobStatus


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
    if job.started_at is None:
        return Performance(processing_time_seconds=None, rows_per_second=None, estimated_completion_seconds=None)
    elapsed = max(0.0, ((job.completed_at or now) - job.started_at).total_seconds())
    rate = round(processed_rows / elapsed, 2) if elapsed > 0 and processed_rows else None
    left = None
    if job.status is JobStatus.PROCESSING and job.total_rows is not None:
        left = seconds_left(progress, remaining_rows=job.total_rows - processed_rows, now=now)
    return Performance(
        processing_time_seconds=round(elapsed, 1), rows_per_second=rate, estimated_completion_seconds=left
    )


def seconds_left(progress: Progress, *, remaining_rows: int, now: datetime) -> int | None:
    """The time left if the rest goes as fast as the last chunks did; None before two chunks are committed.

    The first of the remembered commits only opens the window: its own duration is not known. The window reaches to
    `now`, so that a job which stands still is seen to slow down.
    """
    recent = progress.recent
    if len(recent) < 2:  # one commit has no rate
        return None
    window = (max(now, recent[-1].at) - recent[0].at).total_seconds()
    rows = sum(commit.rows for commit in recent[1:])
    if window <= 0 or rows == 0:
        return None
    return ceil(remaining_rows * window / rows)


def in_words(seconds: int) -> str:
    """`45s`, `1m 25s`, `2h 5m 10s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours}h {minutes}m {rest}s"
    return f"{minutes}m {rest}s" if minutes else f"{rest}s"
