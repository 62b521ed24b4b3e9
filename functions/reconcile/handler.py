"""Reconciles all stuck jobs by schedule, and one job when its execution has just ended."""

from functools import cache, partial
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.invocations import request_assembly, request_retry_file
from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.aws.state_machine import StateMachine
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.reconcile import Reconciliation
from shared.observability import about_job, logger, observed
from shared.settings import Settings

# Removing the files of a large deleted job takes the longest.
_LONGEST_STEP_MILLIS = 60_000
_EXECUTION_ENDED = "Step Functions Execution Status Change"


class ReconcileSettings(Settings):
    """Environment of the reconcile function."""

    table_name: str
    uploads_bucket: str
    results_bucket: str
    state_machine_arn: str
    finalize_function_name: str
    retry_function_name: str


class ReconcileFailedError(Exception):
    """Some jobs could not be reconciled; the log says which and why."""


@cache
def _reconciliation() -> Reconciliation:
    settings = ReconcileSettings.from_environment()
    return Reconciliation(
        store=JobsTable(settings.table_name),
        uploads=UploadBucket(settings.uploads_bucket),
        results=ResultsBucket(settings.results_bucket),
        workflow=StateMachine(settings.state_machine_arn),
        request_assembly=partial(request_assembly, settings.finalize_function_name),
        request_retry_file=partial(request_retry_file, settings.retry_function_name),
    )


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Reconciles the job of an ended execution, or every one that is due. Raises `ReconcileFailedError`."""
    if event.get("detail-type") == _EXECUTION_ENDED:
        job_id = _job_of(event["detail"]["name"])
        if job_id is None:
            logger.info("An execution that is not of a job has ended")
            return
        about_job(str(job_id), None)
        logger.info("The job's execution has ended", extra={"status": event["detail"].get("status")})
        _reconciliation().reconcile(job_id)
        return
    failures = _reconciliation().reconcile_due(
        has_time=lambda: context.get_remaining_time_in_millis() > _LONGEST_STEP_MILLIS
    )
    if failures:
        raise ReconcileFailedError(f"{failures} jobs could not be reconciled")


def _job_of(execution_name: str) -> UUID | None:
    """Returns the job of an execution; None for one started by hand under another name."""
    try:
        return UUID(execution_name)
    except ValueError:
        return None
