"""Object Created events, queued, each made into a running job."""

import json
from functools import cache
from typing import Any

from functions.intake.settings import IntakeSettings
from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.aws.state_machine import StateMachine
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.intake import Intake
from shared.jobs.job import dropped_job_id, utc_now
from shared.jobs.uploads import ArrivedObject, drop_target, uploaded_job_id
from shared.observability import about_job, logger, observed


@cache
def _settings() -> IntakeSettings:
    return IntakeSettings.from_environment()


@cache
def _uploads() -> UploadBucket:
    return UploadBucket(client=clients.s3, bucket=_settings().uploads_bucket)


@cache
def _intake() -> Intake:
    settings = _settings()
    return Intake(
        store=JobsTable(client=clients.dynamodb, table=settings.table_name),
        uploads=_uploads(),
        workflow=StateMachine(client=clients.step_functions, arn=settings.state_machine_arn),
        clock=utc_now,
    )


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take in every object of the batch; those that could not be are delivered again, the others are not."""
    failed = []
    for record in event["Records"]:
        try:
            _receive(json.loads(record["body"]))
        except Exception:  # noqa: BLE001  one bad message must not hold up the others of its batch
            logger.exception("An object could not be taken in")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _receive(event: dict[str, Any]) -> None:
    detail = event["detail"]
    stored = detail["object"]
    # S3 names the version; the local cloud's events do not.
    version_id = stored.get("version-id") or _uploads().current_version(stored["key"])
    if version_id is None:
        logger.warning("The object of an event is gone")
        return
    arrived = ArrivedObject(
        bucket=detail["bucket"]["name"],
        key=stored["key"],
        version_id=version_id,
        size=int(stored.get("size", 0)),
    )
    target = drop_target(arrived.key)
    job_id = uploaded_job_id(arrived.key) or dropped_job_id(
        bucket=arrived.bucket, key=arrived.key, version_id=arrived.version_id
    )
    about_job(str(job_id), target.organization_id if target else None)
    if _intake().receive(arrived) is None:
        logger.warning(
            "An object outside the drop folder's pattern was left alone", extra={"key_length": len(arrived.key)}
        )
        return
    logger.info("An object was taken in")
