"""The last task of a job's execution, and what gives a cancelled or failed job its files."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

from aws_lambda_powertools.metrics import MetricUnit

from functions.finalize.assembly import Assembly
from functions.finalize.settings import FinalizeSettings
from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.aws.planned_input import PlannedInput
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.job import utc_now
from shared.jobs.processing import Finalization
from shared.observability import about_job, logger, metrics, observed


@cache
def _finalization() -> Finalization:
    settings = FinalizeSettings.from_environment()
    uploads = UploadBucket(client=clients.s3, bucket=settings.uploads_bucket)
    results = ResultsBucket(client=clients.s3, bucket=settings.results_bucket)
    return Finalization(
        store=JobsTable(client=clients.dynamodb, table=settings.table_name),
        files=Assembly(
            uploads=uploads,
            results=results,
            planned_input=PlannedInput(uploads=uploads, results=results),
            on_summary=_report_drift,
        ),
        clock=utc_now,
    )


def _report_drift(summary: Mapping[str, Any]) -> None:
    """How far the job's scores lie from those of the model's training data, where there are rows enough to say."""
    stability = summary["population_stability"]
    if stability is None or stability["reading"] == "too_few_rows":
        return
    metrics.add_metric("PopulationStabilityIndex", unit=MetricUnit.NoUnit, value=stability["index"])
    metrics.add_metric("MeanDefaultProbability", unit=MetricUnit.NoUnit, value=summary["default_probability"]["mean"])


@observed
def handler(event: dict[str, Any], _context: object) -> None:
    """Finish the job of an execution; with `settle_only`, give an ended job its files and leave live ones alone."""
    about_job(event["job_id"], event.get("organization_id"))
    job_id = UUID(event["job_id"])
    if event.get("settle_only"):
        _finalization().settle(job_id)
    else:
        _finalization().finish(job_id)
    logger.info("The job was finalized", extra={"settle_only": bool(event.get("settle_only"))})
