"""The domain's side of planning: from a queued job to one whose chunks are known, or to one that failed."""

from uuid import UUID

from shared.jobs.closing import fail_job
from shared.jobs.errors import TransitionRefusedError
from shared.jobs.model import Job, JobStatus, Phase
from shared.jobs.ports import Clock, JobStore, PlanFacts


class Planning:
    """What Plan does to the job's record. Every step may be repeated."""

    def __init__(self, *, store: JobStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def begin(self, job_id: UUID) -> Job | None:
        """Move the job to processing; None when it ended or was deleted, so that there is nothing to plan."""
        view = self._store.get(job_id)
        if view is None or view.job.status.is_terminal:
            return None
        try:
            self._store.start(view.job, now=self._clock())
        except TransitionRefusedError:
            # It moved on after the read: cancelled, deleted, or planned by another attempt.
            view = self._store.get(job_id)
            return view.job if view and view.job.status is JobStatus.PROCESSING else None
        view = self._store.get(job_id)
        return view.job if view and not view.job.status.is_terminal else None

    def record(self, job: Job, facts: PlanFacts) -> bool:
        """Make the plan known; whether there is scoring to do now."""
        try:
            self._store.record_plan(job, facts, now=self._clock())
        except TransitionRefusedError:
            # The same plan made known by an earlier attempt whose answer was lost, or the job has ended.
            view = self._store.get(job.id)
            return view is not None and view.job.status is JobStatus.PROCESSING and view.job.phase is not Phase.PLANNING
        return True

    def refuse(self, job: Job, *, error_code: str, error_message: str) -> None:
        """End the job because its file cannot be scored."""
        fail_job(self._store, job.id, error_code=error_code, error_message=error_message, clock=self._clock)
