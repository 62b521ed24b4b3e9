"""ASGI middleware around all routes: request id, common headers, and a problem document for unexpected errors."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.api.problems import internal_error

logger = logging.getLogger(__name__)


class CommonMiddleware:
    """Sets `request.state.request_id` and the headers of every response; turns an unexpected error into a 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Strict-Transport-Security"] = "max-age=31536000"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            logger.exception(
                "A request failed", extra={"request_id": request_id, "method": scope["method"], "path": scope["path"]}
            )
            if started:
                raise
            await internal_error(Request(scope))(scope, receive, send_with_headers)


def _request_id(scope: Mapping[str, Any]) -> str:
    """Returns the request id of API Gateway, else that of Lambda, else a new one."""
    event: Mapping[str, Any] = scope.get("aws.event") or {}
    from_gateway = (event.get("requestContext") or {}).get("requestId")
    from_lambda = getattr(scope.get("aws.context"), "aws_request_id", None)
    return str(from_gateway or from_lambda or uuid4())
