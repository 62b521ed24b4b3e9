"""Scoring a chunk of a job so that it counts once, however often it is scored."""

import logging
from uuid import UUID

from shared.aws.jobs_table import JobsTable
from shared.aws.planned_input import InputPlan, PlannedInput
from shared.aws.result_keys import SCORED_PARTS
from shared.aws.results_bucket import ResultsBucket
from shared.inputs.chunks import Chunk
from shared.jobs.errors import CommitRefusedError
from shared.jobs.job import utc_now
from shared.jobs.ports import Clock
from shared.jobs.processing import FailureBudget
from shared.jobs.progress import ChunkCount, shard_of
from shared.jobs.row_errors import RowErrorCounts
from shared.scoring.chunk import score_chunk
from shared.scoring.model import Model, model_for

logger = logging.getLogger(__name__)


class ModelChangedError(Exception):
    """The job was planned with another version of the model than this one."""


class Scorer:
    """Scores chunks. Keeps the plan of the last job."""

    def __init__(
        self,
        *,
        store: JobsTable,
        results: ResultsBucket,
        planned_input: PlannedInput,
        budget: FailureBudget,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._budget = budget
        self._results = results
        self._input = planned_input
        self._clock = clock
        self._known: tuple[UUID, InputPlan] | None = None

    def score(self, job_id: UUID, chunk: Chunk) -> None:
        """Scores and commits the chunk. Raises `ModelChangedError` and the errors of `score_chunk`."""
        began = self._clock()
        plan = self._plan(job_id)
        if plan is None:
            logger.info("The job was deleted; its chunk is not scored")
            return
        try:
            data = self._input.read(job_id, plan, chunk.start, chunk.end)
        except FileNotFoundError:
            # Deleted with its job. If the job exists, Finalize reports the missing chunk.
            logger.warning("The input is gone; its chunk is not scored")
            return
        scored = score_chunk(
            data,
            layout=plan.layout,
            first_row=chunk.first_row,
            row_count=chunk.row_count,
            model=self._model(plan),
            next_year=plan.next_year,
        )
        # Write the parts before the commit, so that every counted chunk has its parts.
        for part in SCORED_PARTS:
            if body := getattr(scored.parts, part):
                self._results.put_part(job_id, chunk.index, part, body)
        now = self._clock()
        count = ChunkCount(
            chunk=chunk.index,
            successful_rows=scored.successful,
            failed_rows=scored.failed,
            row_errors=RowErrorCounts.of(scored.row_errors),
            worked=now - began,
            age=now - plan.planned_at,
        )
        try:
            self._store.commit_chunk(job_id, count, shard=shard_of(chunk.index, plan.shard_count), now=now)
        except CommitRefusedError as refused:
            if not refused.already_committed:
                # The job is closed or gone: nothing reads these parts.
                self._results.delete_parts(job_id, chunk.index)
            logger.info("The commit was refused", extra={"reason": str(refused)})
        # Also if an earlier attempt committed the chunk: it may have died before this.
        if plan.has_failure_budget and scored.failed:
            self._budget.enforce(job_id)

    def _plan(self, job_id: UUID) -> InputPlan | None:
        if self._known is None or self._known[0] != job_id:
            plan = self._input.plan(job_id)
            if plan is None:
                return None
            self._known = (job_id, plan)
        return self._known[1]

    def _model(self, plan: InputPlan) -> Model | None:
        if plan.validate_only:
            return None
        model = model_for(plan.layout.job_type, plan.layout.profile)
        if model.version != plan.model_version:
            raise ModelChangedError(f"planned with {plan.model_version}, running {model.version}")
        return model
