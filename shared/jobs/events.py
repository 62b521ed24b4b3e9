"""Status events: every change of a job's status is published after the record shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.jobs.job import Job, JobStatus

EVENT_SOURCE = "default-risk.jobs"
EVENT_TYPE = "Job Status Changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """A job as it stood after its status changed; `previous` is None for a job that was just made."""

    job: Job
    previous: JobStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent:
    """An event as subscribers receive it: `detail` is its JSON body, by `representations.status_change`."""

    job_id: str
    detail: Mapping[str, Any]


class EventBus(Protocol):
    """Delivers events to subscribers."""

    def put(self, events: Sequence[StatusEvent]) -> int:
        """Puts the events on the bus in order. Returns how many of them, from the first, are certainly on it.

        A later event of a job is never put before an earlier one is on the bus.
        """
