"""Statistics over the jobs of a caller."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import floor

from shared.jobs.job import JobStatus
from shared.jobs.progress import JobView, processing_seconds, row_counts

# How many jobs are read, the newest first.
SUMMED_AT_MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Sums over jobs. `since` is when the oldest of them was created, if older ones exist that were not counted."""

    by_status: Mapping[JobStatus, int]
    cancelled: int
    total_rows: int
    successful_rows: int
    failed_rows: int
    processing_seconds: float
    since: datetime | None

    @property
    def processed_rows(self) -> int:
        """Successful and failed rows."""
        return self.successful_rows + self.failed_rows

    @property
    def success_rate(self) -> float | None:
        """Successful over processed rows, floored so that any failure makes it less than 1; None without rows."""
        return floor(self.successful_rows * 10_000 / self.processed_rows) / 10_000 if self.processed_rows else None

    @property
    def rows_per_second(self) -> float | None:
        """Processed rows over the processing time of their jobs; None without rows."""
        has_rate = self.processed_rows and self.processing_seconds > 0
        return round(self.processed_rows / self.processing_seconds, 2) if has_rate else None


def statistics_of(views: Iterable[JobView], *, is_complete: bool, now: datetime) -> Statistics:
    """Returns the sums over these jobs; `is_complete` says that they are all."""
    jobs = [view.job for view in views]
    rows = [row_counts(view.job, view.progress) for view in views]
    return Statistics(
        by_status=Counter(job.status for job in jobs),
        cancelled=sum(job.cancelled for job in jobs),
        total_rows=sum(job.total_rows or 0 for job in jobs),
        successful_rows=sum(successful for successful, _ in rows),
        failed_rows=sum(failed for _, failed in rows),
        processing_seconds=sum(processing_seconds(job, now=now) or 0 for job in jobs),
        since=None if is_complete else min((job.created_at for job in jobs), default=now),
    )
