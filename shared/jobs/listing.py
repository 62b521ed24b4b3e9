"""Lists of jobs: filters, pages and counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.jobs.job import Job, JobStatus, JobType
from shared.jobs.progress import JobView, Progress, has_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Conditions of a list; an empty one matches every job.

    `created_after` is inclusive, `created_before` exclusive. A job must have every one of `labels`.
    `filename_contains` ignores case.
    """

    statuses: frozenset[JobStatus] = frozenset()
    job_type: JobType | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    created_by: str | None = None
    filename_contains: str | None = None
    has_errors: bool | None = None
    labels: frozenset[tuple[str, str]] = frozenset()
    oldest_first: bool = False

    @property
    def needs_records(self) -> bool:
        """Whether the indexes cannot decide which jobs match, so that their records must be read."""
        return bool(self.created_by or self.filename_contains or self.has_errors is not None or self.labels)

    def matches(self, job: Job, progress: Progress) -> bool:
        """Whether the list shows the job."""
        return (
            (not self.statuses or job.status in self.statuses)
            and self.job_type in (None, job.job_type)
            and (self.created_after is None or job.created_at >= self.created_after)
            and (self.created_before is None or job.created_at < self.created_before)
            and self.created_by in (None, job.created_by)
            and (
                self.filename_contains is None or self.filename_contains.casefold() in job.original_filename.casefold()
            )
            and self.has_errors in (None, has_errors(job, progress))
            and self.labels <= set(job.options.labels.items())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """One page of a list. `following` is the sort key to continue after, None at the end.

    A page may be short although more jobs follow, if finding more would have cost too much; `still_to_skip` is then
    the rest of the offset.
    """

    views: Sequence[JobView]
    following: str | None
    still_to_skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCount:
    """How many jobs match; a lower bound unless `is_complete`."""

    jobs: int
    is_complete: bool
