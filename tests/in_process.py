"""The service behind a client in this process: the application itself, and a storage that keeps what it is sent."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

Answer = httpx.Response | httpx.TransportError | Callable[[httpx.Request], httpx.Response]

UPLOADS_HOST = "uploads.example"
RESULTS_HOST = "results.example"


@dataclass
class InProcess(httpx.BaseTransport):
    """Answers requests; `instead` is what the next ones get first, an error being raised."""

    app: FastAPI
    runner: asyncio.Runner
    instead: list[Answer] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    result_files: dict[str, bytes] = field(default_factory=dict)
    # Called after the service has answered, with what it was asked.
    after: Callable[[httpx.Request], object] = lambda _request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        if self.instead:
            answer = self.instead.pop(0)
            if isinstance(answer, httpx.TransportError):
                answer.request = request
                raise answer
            return answer if isinstance(answer, httpx.Response) else answer(request)
        if request.url.host == UPLOADS_HOST:
            return httpx.Response(204)
        if request.url.host == RESULTS_HOST:
            name = request.url.params["as"]
            disposition = f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
            return httpx.Response(
                200, content=self.result_files.get(name, b"row\n"), headers={"Content-Disposition": disposition}
            )
        answered = self.runner.run(self._ask(request))
        self.after(request)
        return answered

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        answer = await httpx.ASGITransport(app=self.app).handle_async_request(copy)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

    def sent(self, method: str, ending: str = "") -> list[httpx.Request]:
        """The requests with this method whose path ends so."""
        return [asked for asked in self.requests if asked.method == method and asked.url.path.endswith(ending)]


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    """An error as the service answers it."""
    body: dict[str, Any] = {"status": status, "code": code, "detail": f"{code}.", "request_id": "r-1"}
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})
