"""The allowed changes of a job's status, as data."""

from types import MappingProxyType

from shared.jobs.model import JobStatus

# A repeated step (a redelivered event, a retried task) meets its own target and is let through by the caller;
# it is no transition and so not listed.
TRANSITIONS = MappingProxyType(
    {
        JobStatus.PENDING: frozenset({JobStatus.QUEUED, JobStatus.FAILED}),
        JobStatus.QUEUED: frozenset({JobStatus.PROCESSING, JobStatus.FAILED}),
        JobStatus.PROCESSING: frozenset({JobStatus.COMPLETED, JobStatus.FAILED}),
        JobStatus.COMPLETED: frozenset[JobStatus](),
        JobStatus.FAILED: frozenset[JobStatus](),
    }
)

LIVE = frozenset(status for status in JobStatus if not status.is_terminal)
DELETABLE = frozenset(JobStatus) - {JobStatus.PROCESSING}


def sources_of(target: JobStatus) -> frozenset[JobStatus]:
    """The statuses from which `target` may be entered."""
    return frozenset(source for source, targets in TRANSITIONS.items() if target in targets)
