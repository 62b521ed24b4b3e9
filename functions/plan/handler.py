"""The first task of an execution: cuts the file of the job into chunks, or fails the job with the reason."""

from functools import cache
from typing import Any
from uuid import UUID

from pydantic import Field

from functions.plan.planner import Planner
from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.processing import Planning
from shared.observability import about_job, logger, observed
from shared.settings import Settings
from shared.vocabulary import FileFormat

_MIB = 1024 * 1024


class PlanSettings(Settings):
    """Environment of the plan function. Sizes of files are bytes."""

    table_name: str
    uploads_bucket: str
    results_bucket: str
    csv_max_bytes: int = Field(default=2048 * _MIB, gt=0)
    xlsx_max_bytes: int = Field(default=100 * _MIB, gt=0)


@cache
def _planner() -> Planner:
    settings = PlanSettings.from_environment()
    return Planner(
        planning=Planning(store=JobsTable(settings.table_name)),
        uploads=UploadBucket(settings.uploads_bucket),
        results=ResultsBucket(settings.results_bucket),
        max_bytes={FileFormat.CSV: settings.csv_max_bytes, FileFormat.XLSX: settings.xlsx_max_bytes},
    )


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """Plans the job. The result decides whether there are chunks to score."""
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
