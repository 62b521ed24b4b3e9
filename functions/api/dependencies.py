"""What routes ask for, as aliases, so that a route reads as a sentence.

FastAPI solves these before it validates the parameters of the route itself. That gives the order of checks that the
contract asks for: 401, 403, 404, 409, and only then 422.

It looks into each of them again for every route that asks for it, at every start, so they ask each other for little.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request

from functions.api.authentication import TokenVerifier
from functions.api.cursors import Cursor, Cursors
from shared.jobs.access import Caller
from shared.jobs.downloads import Downloads, ScoredRows
from shared.jobs.errors import JobNotFoundError
from shared.jobs.idempotency import Idempotency
from shared.jobs.ports import Clock, RowScorer
from shared.jobs.progress import JobView
from shared.jobs.retries import RetryService, require_retryable
from shared.jobs.service import JobService, require_cancellable, require_ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a caller may send, in bytes."""

    multipart_max_bytes: int
    rows_max_bytes: int
    csv_max_bytes: int
    xlsx_max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the routes work with. `root_url` is where callers reach the API, empty for the root of its host."""

    jobs: JobService
    scored_rows: ScoredRows
    downloads: Downloads
    retries: RetryService
    rows: RowScorer
    idempotency: Idempotency
    verifier: TokenVerifier
    cursors: Cursors
    clock: Clock
    limits: Limits
    # Waits so many seconds.
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    root_url: str = ""


def services_of(request: Request) -> Services:
    """What the application of a request works with."""
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - an app made for its description has none and serves nothing
    return services


async def _services(request: Request) -> Services:
    return services_of(request)


CurrentServices = Annotated[Services, Depends(_services)]


async def _caller(request: Request) -> Caller:
    return services_of(request).verifier.caller(request.headers.get("authorization"))


CurrentCaller = Annotated[Caller, Depends(_caller)]


async def _cursor(
    caller: CurrentCaller,  # noqa: ARG001 - who calls is asked first
    request: Request,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before")] = None,
) -> Cursor | None:
    return services_of(request).cursors.read(cursor) if cursor is not None else None


# Named before the other parameters of a route, or what is wrong with those is told first.
CurrentCursor = Annotated[Cursor | None, Depends(_cursor)]


def parsed_job_id(text: str) -> UUID:
    """The id written so; what is no UUID is no job. Raises `JobNotFoundError`."""
    try:
        parsed = UUID(text)
    except ValueError:
        raise JobNotFoundError from None
    # UUID() also takes braces, a urn: prefix and no hyphens.
    if str(parsed) != text.lower():
        raise JobNotFoundError
    return parsed


_WrittenId = Annotated[str, Path(description="UUID of the job")]


async def _job_id(caller: CurrentCaller, job_id: _WrittenId) -> UUID:  # noqa: ARG001 - who calls is asked first
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
