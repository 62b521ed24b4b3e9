"""Functions that work while nobody waits: invoked for a job, and only asked."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.aws.failures import translated

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
