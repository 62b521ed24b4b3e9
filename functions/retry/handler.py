"""Writes the file of a retry to where uploads go; the object's own event starts the work."""

import time
from functools import cache
from typing import Any
from uuid import UUID

from functions.retry.files import ParentFiles
from functions.retry.settings import RetrySettings
from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.job import utc_now
from shared.jobs.retries import RetryPreparation
from shared.observability import about_job, observed


@cache
def _preparation() -> RetryPreparation:
    settings = RetrySettings.from_environment()
    return RetryPreparation(
        store=JobsTable(client=clients.dynamodb, table=settings.table_name),
        files=ParentFiles(
            uploads=UploadBucket(client=clients.s3, bucket=settings.uploads_bucket),
            results=ResultsBucket(client=clients.s3, bucket=settings.results_bucket),
        ),
        clock=utc_now,
        pause=time.sleep,
    )


@observed
def handler(event: dict[str, Any], _context: object) -> None:
    """Prepare the retry of this id, if it still waits for its file."""
    about_job(event["job_id"], event.get("organization_id"))
    _preparation().prepare(UUID(event["job_id"]))
