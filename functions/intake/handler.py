"""Starts the jobs of uploaded objects, from Object Created events in a queue."""

import json
from functools import cache
from typing import Any

from shared.aws.jobs_table import JobsTable
from shared.aws.state_machine import StateMachine
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.intake import Intake
from shared.jobs.job import dropped_job_id
from shared.jobs.uploads import ArrivedObject, drop_target, uploaded_job_id
from shared.observability import about_job, logger, observed
from shared.settings import Settings


class IntakeSettings(Settings):
    """Environment of the intake function."""

    table_name: str
    uploads_bucket: str
    state_machine_arn: str
    account_id: str


@cache
def _uploads() -> UploadBucket:
    return UploadBucket(IntakeSettings.from_environment().uploads_bucket)


@cache
def _intake() -> Intake:
    settings = IntakeSettings.from_environment()
    return Intake(
        store=JobsTable(settings.table_name),
        uploads=_uploads(),
        workflow=StateMachine(settings.state_machine_arn),
    )


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Starts the job of every object of the batch. Only messages that failed are delivered again."""
    failed = []
    for record in event["Records"]:
        try:
            _receive(json.loads(record["body"]))
        except Exception:  # noqa: BLE001  one bad message must not hold up the others of its batch
            logger.exception("An object could not be taken in")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _receive(event: dict[str, Any]) -> None:
    if not _is_ours(event):
        logger.error("An event of another account or bucket was ignored")
        return
    arrived = _arrived(event["detail"])
    if arrived is None:
        logger.warning("The object of an event is gone")
        return
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


def _is_ours(event: dict[str, Any]) -> bool:
    """Whether the event is of this account's uploads bucket: its key decides to which organization the job belongs."""
    settings = IntakeSettings.from_environment()
    source = (event["source"], event["account"], event["detail"]["bucket"]["name"])
    return source == ("aws.s3", settings.account_id, settings.uploads_bucket)


def _arrived(detail: dict[str, Any]) -> ArrivedObject | None:
    """Returns the object of an event; None if it is gone."""
    stored = detail["object"]
    # S3 names the version; the local cloud's events do not.
    version_id = stored.get("version-id") or _uploads().current_version(stored["key"])
    if version_id is None:
        return None
    return ArrivedObject(
        bucket=detail["bucket"]["name"], key=stored["key"], version_id=version_id, size=int(stored.get("size", 0))
    )
