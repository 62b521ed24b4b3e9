"""The id under which a request is found in the logs."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4


def request_id_of(scope: Mapping[str, Any]) -> str:
    """The id API Gateway gave the request, else Lambda's, else a new one; the same whenever asked."""
    state: dict[str, Any] = scope["state"]
    if "request_id" not in state:
        event: Mapping[str, Any] = scope.get("aws.event") or {}
        from_gateway = (event.get("requestContext") or {}).get("requestId")
        from_lambda = getattr(scope.get("aws.context"), "aws_request_id", None)
        state["request_id"] = str(from_gateway or from_lambda or uuid4())
    return str(state["request_id"])
