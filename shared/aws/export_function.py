"""The export function, asked to make a result file."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from shared.aws.failures import translated
from shared.jobs.model import ExportKind, timestamp

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


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
