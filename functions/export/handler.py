"""Makes a result file in another format, when the api function asks for it."""

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from functions.export.conversion import Conversion
from shared.aws import clients
from shared.aws.exports_bucket import ExportsBucket
from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.jobs.downloads import Exports
from shared.jobs.job import ExportKind, FileFormat, Outcome, utc_now
from shared.observability import about_job, observed
from shared.settings import Settings


class ExportSettings(Settings):
    """The environment of the function."""

    table_name: str
    results_bucket: str


@cache
def _exports() -> Exports:
    settings = ExportSettings.from_environment()
    return Exports(
        store=JobsTable(client=clients.dynamodb, table=settings.table_name),
        files=Conversion(
            results=ResultsBucket(client=clients.s3, bucket=settings.results_bucket),
            exports=ExportsBucket(client=clients.s3, bucket=settings.results_bucket),
        ),
        clock=utc_now,
    )


@observed
def handler(event: dict[str, Any], _context: object) -> None:
    """Makes the export that was claimed, if the claim still holds."""
    about_job(event["job_id"], event.get("organization_id"))
    _exports().make(
        UUID(event["job_id"]),
        ExportKind(Outcome(event["outcome"]), FileFormat(event["format"])),
        claimed_at=datetime.fromisoformat(event["claimed_at"]),
    )
