"""What every answer has in common, whichever route gives it; and the net under all of them."""

import logging

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.api.problems import internal_error
from functions.api.request_ids import request_id_of

logger = logging.getLogger(__name__)


class Edge:
    """Innermost middleware around the routes: common headers, and a problem document for what nobody foresaw."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        request_id = request_id_of(scope)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
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
