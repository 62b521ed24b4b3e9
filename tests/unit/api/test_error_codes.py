"""Every error code that a caller can meet, provoked through HTTP with its exact code and status.

A code that is added to the table of problems without an entry in `PROVOCATIONS` fails the suite.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from functions.api.problems import KINDS
from shared.api_types import Problem
from shared.inputs.schema import example_rows
from shared.jobs.errors import RateLimitedError, UnavailableError
from shared.jobs.job import JobStatus
from shared.jobs.retries import MAX_GENERATIONS
from shared.vocabulary import JobType
from tests.builders import a_completed_job, a_job, a_processing_job, a_retry
from tests.fakes import FakeIdempotencyKeys, FakeJobStore, FakeRowScorer
from tests.unit.api.conftest import API, Client, ClientOf, Token, annual_csv
from tests.unit.api.schema_checks import assert_matches


@dataclass(frozen=True)
class World:
    """What a provocation may use; `client` is that of the creator of `a_job()`."""

    client: Client
    client_of: ClientOf
    token: Token
    store: FakeJobStore
    rows: FakeRowScorer
    keys: FakeIdempotencyKeys

    def job_url(self, job: Any, path: str = "") -> str:
        """Stores a job and returns its URL."""
        self.store.add(job)
        return f"{API}/jobs/{job.id}{path}"

    def upload(self, body: bytes, name: str = "a.csv", **params: str) -> httpx.Response:
        """Uploads a file of annual figures."""
        return self.client.post(f"{API}/annual/bulk-upload-async", files={"file": (name, body)}, params=params)


def _unexpected(world: World) -> httpx.Response:
    with patch.object(FakeJobStore, "get", side_effect=RuntimeError("unexpected")):
        return world.client.get(f"{API}/jobs/{a_job().id}")


def _score_with_error(world: World, error: Exception) -> httpx.Response:
    world.rows.error = error
    return world.client.post(f"{API}/annual", json={"rows": example_rows(JobType.ANNUAL)})


def _cancel_with_key(world: World, *job_ids: str) -> httpx.Response:
    return world.client.post(
        f"{API}/jobs/bulk/cancel", headers={"Idempotency-Key": "k-1"}, json={"job_ids": list(job_ids)}
    )


def _repeated_at_once(world: World) -> httpx.Response:
    _cancel_with_key(world, "a")
    world.keys.put_back_to_work()
    return _cancel_with_key(world, "a")


def _repeated_with_another_body(world: World) -> httpx.Response:
    _cancel_with_key(world, "a")
    return _cancel_with_key(world, "b")


def _header(*changes: tuple[bytes, bytes]) -> bytes:
    body = annual_csv()
    for old, new in changes:
        body = body.replace(old, new, 1)
    return body


# What provokes each code. Keep the order of the table of problems.
PROVOCATIONS: Mapping[str, Callable[[World], httpx.Response]] = MappingProxyType(
    {
        "unauthenticated": lambda world: world.client_of(None).get(f"{API}/jobs"),
        "forbidden": lambda world: world.client_of(world.token(role=None)).get(f"{API}/jobs"),
        "not_found": lambda world: world.client.get("/api/v1/nowhere"),
        "job_not_found": lambda world: world.client.get(f"{API}/jobs/{a_job().id}"),
        "method_not_allowed": lambda world: world.client.request("PUT", f"{API}/jobs"),
        "job_not_cancellable": lambda world: world.client.post(world.job_url(a_completed_job(), "/cancel")),
        "job_processing": lambda world: world.client.delete(world.job_url(a_processing_job())),
        "invalid_cursor": lambda world: world.client.get(f"{API}/jobs?cursor=altered"),
        "nothing_to_retry": lambda world: world.client.post(
            world.job_url(a_completed_job(final_successful_rows=10, final_failed_rows=0), "/retry")
        ),
        "retry_limit": lambda world: world.client.post(
            world.job_url(a_completed_job(retry=a_retry(generation=MAX_GENERATIONS)), "/retry")
        ),
        "empty_file": lambda world: world.upload(b""),
        "undecodable": lambda world: world.upload(_header((b"Northwind", b"N\xf6rdwind"))),
        "unbalanced_quote": lambda world: world.upload(b'"company_symbol,sector\n1,2\n'),
        "missing_columns": lambda world: world.upload(_header((b"sector", b"branch"))),
        "duplicate_columns": lambda world: world.upload(_header((b"sector", b"company_name"))),
        "results_not_ready": lambda world: world.client.get(world.job_url(a_job(status=JobStatus.QUEUED), "/download")),
        "idempotency_in_flight": _repeated_at_once,
        "not_exportable": lambda world: world.client.get(
            world.job_url(a_completed_job(total_rows=None), "/download?outcome=unprocessed&format=xlsx")
        ),
        "too_large": lambda world: world.upload(b"x" * (2 * 1024 * 1024)),
        "unsupported_format": lambda world: world.upload(annual_csv(), name="figures.pdf"),
        "validation_error": lambda world: world.client.get(f"{API}/jobs?limit=0"),
        "idempotency_mismatch": _repeated_with_another_body,
        "rate_limited": lambda world: _score_with_error(world, RateLimitedError()),
        "internal_error": _unexpected,
        "unavailable": lambda world: _score_with_error(world, UnavailableError()),
    }
)


@pytest.fixture
def world(
    client: Client,
    client_of: ClientOf,
    token: Token,
    store: FakeJobStore,
    rows: FakeRowScorer,
    keys: FakeIdempotencyKeys,
) -> World:
    return World(client, client_of, token, store, rows, keys)


def test_every_error_code_has_a_provocation() -> None:
    assert set(PROVOCATIONS) == set(KINDS)


@pytest.mark.parametrize("code", PROVOCATIONS)
def test_error_code_has_its_status_and_title(world: World, code: str) -> None:
    response = PROVOCATIONS[code](world)
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert_matches(Problem, body)
    kind = KINDS[code]
    assert (body["code"], response.status_code, body["status"], body["title"]) == (
        code,
        kind.status,
        kind.status,
        kind.title,
    )
    assert body["type"] == f"/api/v1/docs#{code}"
    assert ("Retry-After" in response.headers) is (kind.status in {429, 503})
    assert ("errors" in body) is (code == "validation_error")
