"""The first task of a job's execution: cut its file into chunks, or say why that cannot be done."""

from functools import cache
from typing import Any
from uuid import UUID

from functions.plan.planner import Planner
from functions.plan.settings import PlanSettings
from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.job import utc_now
from shared.jobs.processing import Planning
from shared.observability import about_job, logger, observed
from shared.vocabulary import FileFormat


@cache
def _planner() -> Planner:
    settings = PlanSettings.from_environment()
    return Planner(
        planning=Planning(store=JobsTable(client=clients.dynamodb, table=settings.table_name), clock=utc_now),
        uploads=UploadBucket(client=clients.s3, bucket=settings.uploads_bucket),
        results=ResultsBucket(client=clients.s3, bucket=settings.results_bucket),
        clock=utc_now,
        max_bytes={FileFormat.CSV: settings.csv_max_bytes, FileFormat.XLSX: settings.xlsx_max_bytes},
    )


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """Plan the job; what is answered decides whether there are chunks to score."""
    about_job(event["job_id"], event.get("organization_id"))
    manifest_key = _planner().plan(UUID(event["job_id"]))
    outcome = "ended" if manifest_key is None else "planned"
    logger.info("The job was planned", extra={"outcome": outcome})
    return {
        "job_id": event["job_id"],
        "organization_id": event.get("organization_id"),
        "outcome": outcome,
        "manifest_key": manifest_key or "",
    }
