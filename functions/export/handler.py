"""Writes a result file in another format, invoked by the api function."""

from datetime import datetime
from functools import cache, partial
from typing import Any
from uuid import UUID

from functions.export.conversion import write_file
from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.jobs.downloads import Exports
from shared.jobs.job import ExportKind, FileFormat, Outcome
from shared.observability import about_job, observed
from shared.settings import Settings


class ExportSettings(Settings):
    """The environment of the function."""

    table_name: str
    results_bucket: str


@cache
def _exports() -> Exports:
    settings = ExportSettings.from_environment()
    results = ResultsBucket(settings.results_bucket)
    return Exports(
        store=JobsTable(settings.table_name),
        write_file=partial(write_file, results),
        remove_file=results.delete_export,
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
