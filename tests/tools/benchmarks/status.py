"""GET status on a warm function: its time, and how much of it is the query of the table."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import quantiles
from time import perf_counter
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from mangum import Mangum
from moto import mock_aws
from starlette.responses import Response

from functions.api.app import create_app
from functions.api.auth import ClaimNames, TokenVerifier
from functions.api.handler import TEXT_MEDIA_TYPES, ApiSettings, services
from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from tests.aws_clients import forget_clients
from tests.aws_resources import TABLE, create_table
from tests.builders import a_job
from tests.synthesized import template
from tests.tools.benchmarks.measurements import Measurement, Series
from tests.tools.benchmarks.timing import in_turns
from tests.unit.api.conftest import AUDIENCE, ISSUER, KEY_ID, KnownKeys, claims, key_set

STATUS: Final = "GET /jobs/{id}/status"
EMPTY: Final = "the same app, an empty route"
QUERY: Final = "the query alone, in moto"
_EMPTY_PATH: Final = "/api/v1/empty"
_REQUESTS: Final = 200
_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The application on moto's table with one job; each call makes one request and checks its response."""

    status: Callable[[], None]
    empty: Callable[[], None]
    query: Callable[[], None]


def measure() -> tuple[Measurement, ...]:
    """Returns the median and the 99th percentile of seconds per request."""
    percentiles: dict[str, list[tuple[float, float]]] = {STATUS: [], EMPTY: [], QUERY: []}

    def percentile_of(name: str, request: Callable[[], None]) -> float:
        cuts = quantiles(_seconds(request), n=100)
        percentiles[name].append((cuts[49], cuts[98]))
        return cuts[49]

    with served() as app:
        contenders = {STATUS: app.status, EMPTY: app.empty, QUERY: app.query}
        in_turns({name: lambda n=name: percentile_of(n, contenders[n]) for name in contenders}, rounds=_ROUNDS)  # type: ignore[misc]
    return tuple(_measurement(label, percentiles, place) for place, label in enumerate(("p50", "p99")))


@contextmanager
def served() -> Iterator[Served]:
    """Yields the application as the function composes it, except for the issuer's keys and the table's name."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    settings = ApiSettings.from_environment({**template().environment(), "TABLE_NAME": TABLE})
    verifier = TokenVerifier(
        issuer=ISSUER,
        audiences=frozenset({AUDIENCE}),
        names=ClaimNames(),
        keys=KnownKeys(key_set(key)),
    )
    app = create_app(replace(services(settings), verifier=verifier))

    @app.get(_EMPTY_PATH)
    async def empty() -> Response:
        return Response(b"{}", media_type="application/json")

    # Mangum uses the event loop of the thread, which on Lambda lives as long as the process.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mangum = Mangum(app, lifespan="off", text_mime_types=TEXT_MEDIA_TYPES)
    token = jwt.encode(claims(), key, algorithm="RS256", headers={"kid": KEY_ID})
    job = a_job()
    table = JobsTable(client=clients.dynamodb, table=TABLE)

    def body_of(path: str, **headers: str) -> Any:
        response = mangum(_event(path, headers), None)  # type: ignore[arg-type]
        if response["statusCode"] != 200:
            raise AssertionError(response)
        return json.loads(response["body"])

    def status() -> None:
        assert body_of(f"/api/v1/predictions/jobs/{job.id}/status", authorization=f"Bearer {token}")["success"]

    def query() -> None:
        assert table.get(job.id)

    try:
        with mock_aws():
            forget_clients()
            create_table()
            table.create(job)
            yield Served(status=status, empty=lambda: body_of(_EMPTY_PATH), query=query)
    finally:
        forget_clients()
        asyncio.set_event_loop(None)
        loop.close()


def _event(path: str, headers: dict[str, str]) -> dict[str, Any]:
    http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.17"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"accept": "*/*", "host": "api.example", **headers},
        "requestContext": {"http": http, "requestId": "1", "routeKey": "$default", "stage": "$default"},
        "isBase64Encoded": False,
    }


def _seconds(request: Callable[[], None]) -> list[float]:
    taken = []
    for _ in range(_REQUESTS):
        start = perf_counter()
        request()
        taken.append(perf_counter() - start)
    return taken


def _measurement(label: str, percentiles: dict[str, list[tuple[float, float]]], place: int) -> Measurement:
    subject, *baselines = (
        Series(name=name, values=tuple(found[place] for found in rounds[-_ROUNDS:]))
        for name, rounds in percentiles.items()
    )
    return Measurement(
        title=f"GET status, warm, {label}",
        quantity="seconds",
        unit="request",
        subject=subject,
        baselines=tuple(baselines),
        notes=(f"{_REQUESTS} requests a round through Mangum; one call of DynamoDB, which moto serves in process",),
    )
