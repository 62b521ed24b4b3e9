"""The last task of an execution. Also invoked to assemble the result files of a cancelled or failed job."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

from aws_lambda_powertools.metrics import MetricUnit

from functions.finalize.assembly import Assembly
from shared.aws.jobs_table import JobsTable
from shared.aws.planned_input import PlannedInput
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.processing import Finalization
from shared.observability import about_job, logger, metrics, observed
from shared.settings import Settings


class FinalizeSettings(Settings):
    """Environment of the finalize function."""

    table_name: str
    uploads_bucket: str
    results_bucket: str


@cache
def _finalization() -> Finalization:
    settings = FinalizeSettings.from_environment()
    uploads, results = UploadBucket(settings.uploads_bucket), ResultsBucket(settings.results_bucket)
    return Finalization(
        store=JobsTable(settings.table_name),
        files=Assembly(
            uploads=uploads,
            results=results,
            planned_input=PlannedInput(uploads=uploads, results=results),
            on_summary=_report_drift,
        ),
    )


def _report_drift(summary: Mapping[str, Any]) -> None:
    """Reports how far the scores of the job are from those of the training data, if there are enough rows."""
    stability = summary["population_stability"]
    if stability is None or stability["reading"] == "too_few_rows":
        return
    metrics.add_metric("PopulationStabilityIndex", unit=MetricUnit.NoUnit, value=stability["index"])
    metrics.add_metric("MeanDefaultProbability", unit=MetricUnit.NoUnit, value=summary["default_probability"]["mean"])


@observed
def handler(event: dict[str, Any], _context: object) -> None:
    """Finalizes the job. With `settle_only`, assembles the files of a failed job and leaves a live one alone."""
    about_job(event["job_id"], event.get("organization_id"))
    job_id = UUID(event["job_id"])
    if event.get("settle_only"):
        _finalization().assemble_failed(job_id)
    else:
        _finalization().finalize(job_id)
    logger.info("The job was finalized", extra={"settle_only": bool(event.get("settle_only"))})
