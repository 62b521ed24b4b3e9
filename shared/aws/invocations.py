"""Invocations of Lambda functions."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.aws.failures import translated

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
from datetime import datetime
from typing import TYPE_CHECKING

from shared.jobs.job import ExportKind, timestamp

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
import logging
from typing import TYPE_CHECKING

from shared.jobs.errors import UnavailableError
from shared.jobs.ports import GivenRows

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class FinalizeInvocation:
    """`Assembler` that invokes the finalize function and does not wait for it."""

    def __init__(self, *, client: "Callable[[], LambdaClient]", function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def request(self, job_id: UUID) -> None:
        _invoke(self._client(), self._function_name, {"job_id": str(job_id), "settle_only": True})


class RetryInvocation:
    """`Preparer` that invokes the retry function and does not wait for it."""

    def __init__(self, *, client: "Callable[[], LambdaClient]", function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def request(self, job_id: UUID) -> None:
        _invoke(self._client(), self._function_name, {"job_id": str(job_id)})


def _invoke(client: "LambdaClient", function_name: str, event: dict[str, Any]) -> None:
    with translated():
        client.invoke(FunctionName=function_name, InvocationType="Event", Payload=json.dumps(event).encode())


class ExportInvocation:
    """`Exporter` that invokes the export function and does not wait for it."""

    def __init__(self, *, client: "Callable[[], LambdaClient]", function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def request(self, job_id: UUID, kind: ExportKind, *, claimed_at: datetime) -> None:
        event = {
            "job_id": str(job_id),
            "outcome": kind.outcome,
            "format": kind.file_format,
            "claimed_at": timestamp(claimed_at),
        }
        with translated():
            self._client().invoke(
                FunctionName=self._function_name, InvocationType="Event", Payload=json.dumps(event).encode()
            )


logger = logging.getLogger(__name__)


class ScoreInvocation:
    """`RowScorer` that invokes the score function and waits for what it says."""

    def __init__(self, *, client: "Callable[[], LambdaClient]", function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def score(self, rows: GivenRows) -> dict[str, Any]:
        with translated():
            answer = self._client().invoke(
                FunctionName=self._function_name,
                InvocationType="RequestResponse",
                # Not in ASCII, where text takes up to three times its bytes: Lambda takes 6 MB.
                Payload=json.dumps({"given_rows": rows.as_json()}, ensure_ascii=False).encode(),
            )
            payload = answer["Payload"].read()
        if failure := answer.get("FunctionError"):
            # What it says of the failure is in the function's own log, and may speak of rows.
            logger.error("The score function failed", extra={"function_error": failure})
            raise UnavailableError
        scored: dict[str, Any] = json.loads(payload)
        return scored
