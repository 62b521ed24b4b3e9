"""The API application and a fake storage in this process, as an httpx transport for clients."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

Reply = httpx.Response | httpx.TransportError | Callable[[httpx.Request], httpx.Response]

UPLOADS_HOST = "uploads.example"
RESULTS_HOST = "results.example"


@dataclass
class InProcess(httpx.BaseTransport):
    """Handles requests; the next ones get the responses or errors in `instead` first."""

    app: FastAPI
    runner: asyncio.Runner
    instead: list[Reply] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    result_files: dict[str, bytes] = field(default_factory=dict)
    # Called with each request after the service has responded.
    after: Callable[[httpx.Request], object] = lambda _request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        if self.instead:
            reply = self.instead.pop(0)
            if isinstance(reply, httpx.TransportError):
                reply.request = request
                raise reply
            return reply if isinstance(reply, httpx.Response) else reply(request)
        if request.url.host == UPLOADS_HOST:
            return httpx.Response(204)
        if request.url.host == RESULTS_HOST:
            name = request.url.params["as"]
            disposition = f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
            return httpx.Response(
                200, content=self.result_files.get(name, b"row\n"), headers={"Content-Disposition": disposition}
            )
        response = self.runner.run(self._send(request))
        self.after(request)
        return response

    async def _send(self, request: httpx.Request) -> httpx.Response:
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        response = await httpx.ASGITransport(app=self.app).handle_async_request(copy)
        return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())

    def sent(self, method: str, ending: str = "") -> list[httpx.Request]:
        """Returns the requests with this method and ending of the path."""
        return [request for request in self.requests if request.method == method and request.url.path.endswith(ending)]


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    """Returns an error response of the service."""
    body: dict[str, Any] = {"status": status, "code": code, "detail": f"{code}.", "request_id": "r-1"}
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})
