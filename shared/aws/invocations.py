"""Invocations of Lambda functions, with and without waiting for the result."""

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.aws import clients
from shared.aws.failures import translated
from shared.jobs.errors import UnavailableError
from shared.jobs.job import ExportKind, timestamp

logger = logging.getLogger(__name__)


def invoke(function_name: str, event: Mapping[str, Any]) -> None:
    """Invokes the function asynchronously (`InvocationType=Event`). Raises `UnavailableError`."""
    with translated():
        clients.lambda_().invoke(FunctionName=function_name, InvocationType="Event", Payload=json.dumps(event).encode())


def call(function_name: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Invokes the function and returns its result.

    Raises `UnavailableError` if there is none in time or the function failed, `RateLimitedError` if it is throttled.
    """
    with translated():
        response = clients.lambda_awaited().invoke(
            FunctionName=function_name,
            InvocationType="RequestResponse",
            # Not ASCII, where text takes up to three times its bytes: Lambda accepts 6 MB.
            Payload=json.dumps(event, ensure_ascii=False).encode(),
        )
        payload = response["Payload"].read()
    if failure := response.get("FunctionError"):
        # The error itself is in the function's own log, and may quote rows.
        logger.error("The function failed", extra={"function": function_name, "function_error": failure})
        raise UnavailableError
    result: dict[str, Any] = json.loads(payload)
    return result


def request_assembly(function_name: str, job_id: UUID) -> None:
    """Invokes the finalize function for a job that ended without result files."""
    invoke(function_name, {"job_id": str(job_id), "settle_only": True})


def request_retry_file(function_name: str, job_id: UUID) -> None:
    """Invokes the retry function for a retry job that has no file yet."""
    invoke(function_name, {"job_id": str(job_id)})


def request_export(function_name: str, job_id: UUID, kind: ExportKind, claimed_at: datetime) -> None:
    """Invokes the export function for an export that was claimed at that time."""
    event = {
        "job_id": str(job_id),
        "outcome": kind.outcome,
        "format": kind.file_format,
        "claimed_at": timestamp(claimed_at),
    }
    invoke(function_name, event)


def score_rows(function_name: str, rows: Mapping[str, Any]) -> dict[str, Any]:
    """Invokes the score function with rows of a request and returns what it made of them."""
    return call(function_name, {"given_rows": rows})
