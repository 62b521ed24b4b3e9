"""The stored plan of a job, and the input that it describes, as Score and Finalize read them."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.inputs.header import Layout
from shared.jobs.job import StoredInput


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPlan:
    """The plan of an input, the same for every chunk.

    With `is_rewritten` the chunks are ranges of the rewritten input instead of the upload. `next_year` is the last
    reporting year accepted: the year after the job was planned. The age of commits counts from `planned_at`.
    """

    layout: Layout
    stored_input: StoredInput
    is_rewritten: bool
    validate_only: bool
    model_version: str
    next_year: int
    shard_count: int
    has_failure_budget: bool
    planned_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Returns the plan as a JSON object."""
        return {
            "layout": self.layout.to_json(),
            "stored_input": asdict(self.stored_input),
            "is_rewritten": self.is_rewritten,
            "validate_only": self.validate_only,
            "model_version": self.model_version,
            "next_year": self.next_year,
            "shard_count": self.shard_count,
            "has_failure_budget": self.has_failure_budget,
            "planned_at": self.planned_at.isoformat(),
        }

    @classmethod
    def from_json(cls, plan: dict[str, Any]) -> "InputPlan":
        """Returns the plan that `as_json` wrote."""
        return cls(
            **{
                **plan,
                "layout": Layout.from_json(plan["layout"]),
                "stored_input": StoredInput(**plan["stored_input"]),
                "planned_at": datetime.fromisoformat(plan["planned_at"]),
            }
        )


class PlannedInput:
    """Reads the chunks of planned inputs."""

    def __init__(self, *, uploads: UploadBucket, results: ResultsBucket) -> None:
        self._uploads = uploads
        self._results = results

    def plan(self, job_id: UUID) -> InputPlan | None:
        """Returns the plan of the job; None if it was deleted or never planned."""
        plan = self._results.get_plan(job_id)
        return InputPlan.from_json(plan) if plan is not None else None

    def read(self, job_id: UUID, plan: InputPlan, start: int, end: int) -> bytes:
        """Returns bytes `[start, end)` of the input in the form that is scored."""
        if plan.is_rewritten:
            return self._results.read_rewritten(job_id, start, end)
        return self._uploads.read_range(plan.stored_input, start, end)
