"""Status changes as events on the bus, as log lines and as metrics.

The stream has every end of a job, whatever ended it. A change that is published twice is counted twice, which is rare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from shared.aws.status_events import sequence_number, status_change_of
from shared.jobs.events import EventBus, StatusChange, StatusEvent
from shared.jobs.job import Job, JobStatus
from shared.jobs.ports import JobStore
from shared.jobs.progress import Progress
from shared.jobs.representations import status_change
from shared.observability import count, logger, metrics

# Errors of jobs that reconcile ended.
_STUCK = frozenset({"execution_ended", "stalled"})


@dataclass(frozen=True, kw_only=True)
class StatusEvents:
    """Publishes status changes; the store supplies the counts of failed jobs."""

    store: JobStore
    bus: EventBus

    def publish_records(self, records: Sequence[Mapping[str, Any]]) -> str | None:
        """Publishes the changes in records of the stream.

        Returns the sequence number of the first record that was not published or cannot be read; None if there is none.
        """
        changes: list[StatusChange] = []
        positions: list[str] = []
        unreadable: str | None = None
        for record in records:
            try:
                change = status_change_of(record)
            except (KeyError, ValueError):
                logger.exception("A record of the stream cannot be read")
                # The records before it are published now. Alone in its batch, it goes to the dead-letter queue.
                unreadable = sequence_number(record)
                break
            if change is not None:
                changes.append(change)
                positions.append(sequence_number(record))
        published = self.publish(changes) if changes else 0
        return positions[published] if published < len(positions) else unreadable

    def publish(self, changes: Sequence[StatusChange]) -> int:
        """Puts the changes on the bus in order and reports those that are certainly on it. Returns how many are."""
        published = self.bus.put([self._event(change) for change in changes])
        for change in changes[:published]:
            _report(change)
        return published

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
        view = self.store.get(job.id)
        return view.progress if view is not None else Progress()


def _report(change: StatusChange) -> None:
    """Logs the change; counts it if the job has ended."""
    job = change.job
    logger.info(
        "The status of a job has changed",
        extra={
            "job_id": str(job.id),
            "execution_id": str(job.id),
            "organization_id": job.organization_id,
            "status": job.status,
            "previous_status": change.previous,
            "error_code": job.error_code,
        },
    )
    if not job.status.is_terminal:
        return
    count(_end_metric(job))
    if job.error_code in _STUCK:
        count("JobsStuck")
    if job.status is JobStatus.COMPLETED:
        _report_rows(job)


def _end_metric(job: Job) -> str:
    if job.cancelled:
        return "JobsCancelled"
    return "JobsCompleted" if job.status is JobStatus.COMPLETED else "JobsFailed"


def _report_rows(job: Job) -> None:
    failed = job.final_failed_rows or 0
    rows = failed + (job.final_successful_rows or 0)
    if not rows:
        return
    metrics.add_metric("RowErrorRate", unit=MetricUnit.Percent, value=100 * failed / rows)
    if job.started_at and job.completed_at and job.completed_at > job.started_at:
        seconds = (job.completed_at - job.started_at).total_seconds()
        metrics.add_metric("RowsPerSecond", unit=MetricUnit.CountPerSecond, value=rows / seconds)
