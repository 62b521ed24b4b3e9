"""Writes the file of a retry to where uploads go; the event of that object starts the work."""

import time
from functools import cache, partial
from typing import Any
from uuid import UUID

from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.job import Job, Outcome, Retry
from shared.jobs.retries import RETRIED_OUTCOMES, RetryPreparation
from shared.observability import about_job, observed
from shared.scoring.retry_file import retry_file
from shared.settings import Settings


class RetrySettings(Settings):
    """Environment of the retry function."""

    table_name: str
    uploads_bucket: str
    results_bucket: str


def write_file(uploads: UploadBucket, results: ResultsBucket, parent: Job, child: Job, retry: Retry) -> None:
    """Writes the file of the child from the result files of its parent, in constant memory.

    Raises FileNotFoundError if those are gone.
    """
    if retry.is_whole_input:
        bucket, key = results.result_source(parent.id, Outcome.UNPROCESSED)
        uploads.copy_from(bucket, key, job_id=child.id)
        return
    files = [results.result_blocks(parent.id, outcome) for outcome in RETRIED_OUTCOMES if outcome in retry.outcomes]
    has_source_row = parent.retry is not None and parent.retry.has_source_row
    uploads.put_blocks(child.id, retry_file(files, has_source_row=has_source_row))


@cache
def _preparation() -> RetryPreparation:
    settings = RetrySettings.from_environment()
    return RetryPreparation(
        store=JobsTable(settings.table_name),
        write_file=partial(write_file, UploadBucket(settings.uploads_bucket), ResultsBucket(settings.results_bucket)),
        pause=time.sleep,
    )


@observed
def handler(event: dict[str, Any], _context: object) -> None:
    """Prepares the retry with this id if it still waits for its file."""
    about_job(event["job_id"], event.get("organization_id"))
    _preparation().prepare(UUID(event["job_id"]))
