"""The schedule's sweep over all unsettled jobs, and the look at one whose execution has just ended."""

from functools import cache
from typing import Any
from uuid import UUID

from functions.reconcile.settings import ReconcileSettings
from shared.aws import clients
from shared.aws.invocations import FinalizeInvocation, RetryInvocation
from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.aws.state_machine import StateMachine
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.job import utc_now
from shared.jobs.reconcile import Reconciliation
from shared.observability import about_job, logger, observed

_EXECUTION_ENDED = "Step Functions Execution Status Change"


class ReconcileFailedError(Exception):
    """Some jobs could not be looked at; the log says which and why."""


@cache
def _sweep() -> Reconciliation:
    settings = ReconcileSettings.from_environment()
    return Reconciliation(
        store=JobsTable(client=clients.dynamodb, table=settings.table_name),
        uploads=UploadBucket(client=clients.s3, bucket=settings.uploads_bucket),
        results=ResultsBucket(client=clients.s3, bucket=settings.results_bucket),
        workflow=StateMachine(client=clients.step_functions, arn=settings.state_machine_arn),
        assembler=FinalizeInvocation(client=clients.lambda_, function_name=settings.finalize_function_name),
        preparer=RetryInvocation(client=clients.lambda_, function_name=settings.retry_function_name),
        clock=utc_now,
    )


@observed
def handler(event: dict[str, Any], _context: object) -> None:
    """Look at the job of an ended execution, or at every unsettled one. Raises `ReconcileFailedError`."""
    if event.get("detail-type") == _EXECUTION_ENDED:
        about_job(event["detail"]["name"], None)
        logger.info("The job's execution has ended", extra={"status": event["detail"].get("status")})
        _sweep().look_at(UUID(event["detail"]["name"]))
        return
    failures = _sweep().run()
    if failures:
        raise ReconcileFailedError(f"{failures} jobs could not be looked at")
