"""Turns changes of job records into events on the bus."""

from collections.abc import Sequence

from shared.jobs.events import EventBus, StatusChange, StatusEvent
from shared.jobs.job import JobStatus
from shared.jobs.ports import JobStore
from shared.jobs.progress import Progress
from shared.jobs.representations import status_change


class StatusEvents:
    """Publishes status changes; the store supplies the counts of failed jobs."""

    def __init__(self, *, store: JobStore, bus: EventBus) -> None:
        self._store = store
        self._bus = bus

    def publish(self, changes: Sequence[StatusChange]) -> int:
        """Puts the changes on the bus in order. Returns how many of them, from the first, are certainly on it."""
        return self._bus.put([self._event(change) for change in changes])

    def _event(self, change: StatusChange) -> StatusEvent:
        return StatusEvent(job_id=str(change.job.id), detail=status_change(change, self._progress(change)))

    def _progress(self, change: StatusChange) -> Progress:
        """Returns the counts at the time of the change.

        A completed record has its own. A failed one gets them when its files are ready, but its ledger is closed from
        the moment it failed, so reading it later gives the same counts. Live jobs have 0 here: their counts keep
        moving, and the ledger as it is now is not that of the change.
        """
        job = change.job
        if job.status is not JobStatus.FAILED or job.has_final_counts:
            return Progress()
        view = self._store.get(job.id)
        return view.progress if view is not None else Progress()
