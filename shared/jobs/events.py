"""What is told to the outside of a job's life: every change of its status, after its record shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.jobs.ledger import Progress
from shared.jobs.model import Job, JobStatus
from shared.jobs.ports import JobStore
from shared.jobs.views import JsonObject, status_view

EVENT_SOURCE = "default-risk.jobs"
EVENT_TYPE = "Job Status Changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """A job as it stood after its status changed; `previous` is None for a job that was just made."""

    job: Job
    previous: JobStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent:
    """A change as subscribers get it: `detail` is the status shape with whose job it is."""

    job_id: str
    detail: JsonObject


class EventBus(Protocol):
    """Whoever hands events to subscribers."""

    def put(self, events: Sequence[StatusEvent]) -> int:
        """Put the events on the bus, in order; how many of them, from the first, are surely on it.

        A later event of a job is never put before an earlier one is on the bus.
        """


class StatusEvents:
    """Turns changes of records into events."""

    def __init__(self, *, store: JobStore, bus: EventBus) -> None:
        self._store = store
        self._bus = bus

    def publish(self, changes: Sequence[StatusChange]) -> int:
        """Put the changes on the bus; how many of them, from the first, are surely on it."""
        return self._bus.put([self._event(change) for change in changes])

    def _event(self, change: StatusChange) -> StatusEvent:
        job = change.job
        detail = {
            **status_view(job, self._progress(job)),
            "previous_status": change.previous,
            "organization_id": job.organization_id,
            "labels": dict(job.options.labels),
        }
        return StatusEvent(job_id=str(job.id), detail=detail)

    def _progress(self, job: Job) -> Progress:
        """The counts that belong to the change.

        A completed record has its own. A failed one gets them when its files are there, but its ledger is closed from
        the moment it failed, so that reading it later gives the same. Live jobs say 0 here: their counts go on moving,
        and the ledger as it stands now is not that of the change.
        """
        if job.status is not JobStatus.FAILED or job.is_folded:
            return Progress()
        view = self._store.get(job.id)
        return view.progress if view is not None else Progress()
