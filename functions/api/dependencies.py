"""FastAPI dependencies of the routes, and the services that they work with.

FastAPI solves dependencies before it validates the parameters of the route itself. That gives the documented order of
checks: 401, 403, 404, 409, then 422.

FastAPI analyzes a dependency again for every route that uses it, at every cold start, so they are nested little.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request
from itsdangerous import URLSafeSerializer

from functions.api.auth import TokenVerifier
from shared.jobs.access import Caller
from shared.jobs.downloads import Downloads
from shared.jobs.errors import JobNotFoundError
from shared.jobs.idempotency import Idempotency
from shared.jobs.ports import Clock, ScoreRows
from shared.jobs.progress import JobView
from shared.jobs.retries import RetryService, require_retryable
from shared.jobs.service import JobService, require_cancellable, require_ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Size limits of requests and uploads, in bytes."""

    multipart_max_bytes: int
    rows_max_bytes: int
    csv_max_bytes: int
    xlsx_max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of the routes. `root_url` is the base URL of the API, empty for the root of its host."""

    jobs: JobService
    downloads: Downloads
    retries: RetryService
    score_rows: ScoreRows
    idempotency: Idempotency
    verifier: TokenVerifier
    # The key is fetched on first use.
    cursor_serializer: Callable[[], URLSafeSerializer]
    clock: Clock
    limits: Limits
    # Waits for a number of seconds.
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    root_url: str = ""


def services_of(request: Request) -> Services:
    """Returns the services of the application that serves the request."""
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - only described_app() has none, and it serves nothing
    return services


async def _services(request: Request) -> Services:
    return services_of(request)


CurrentServices = Annotated[Services, Depends(_services)]


async def _caller(request: Request) -> Caller:
    return services_of(request).verifier.caller(request.headers.get("authorization"))


CurrentCaller = Annotated[Caller, Depends(_caller)]


def parsed_job_id(text: str) -> UUID:
    """Returns the id. Raises `JobNotFoundError` for text that is no canonical UUID."""
    try:
        parsed = UUID(text)
    except ValueError:
        raise JobNotFoundError from None
    # UUID() also accepts braces, a urn: prefix and missing hyphens.
    if str(parsed) != text.lower():
        raise JobNotFoundError
    return parsed


_WrittenId = Annotated[str, Path(description="UUID of the job")]


async def _job_id(caller: CurrentCaller, job_id: _WrittenId) -> UUID:  # noqa: ARG001 - the caller is authenticated first
    return parsed_job_id(job_id)


JobId = Annotated[UUID, Depends(_job_id)]


async def _visible_job(caller: CurrentCaller, job_id: _WrittenId, request: Request) -> JobView:
    return services_of(request).jobs.get(caller, parsed_job_id(job_id))


VisibleJob = Annotated[JobView, Depends(_visible_job)]


async def _ended_job(view: VisibleJob) -> JobView:
    require_ended(view.job)
    return view


EndedJob = Annotated[JobView, Depends(_ended_job)]


async def _cancellable_job(view: VisibleJob) -> JobView:
    require_cancellable(view.job)
    return view


CancellableJob = Annotated[JobView, Depends(_cancellable_job)]


async def _retryable_job(view: VisibleJob) -> JobView:
    require_retryable(view)
    return view


RetryableJob = Annotated[JobView, Depends(_retryable_job)]
