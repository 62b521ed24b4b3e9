"""Every route, caller and kind of job against each other, from the routes of the application itself.

A route that is added without a line in `CALLS` fails the suite.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from shared.jobs.model import Source
from shared.scoring.documentation import example_rows
from tests.builders import a_completed_job, a_job
from tests.fakes import FakeJobStore, FakeResultStore
from tests.unit.api.conftest import API, Client, ClientOf, Token, annual_csv, store_errors, store_results

PUBLIC = {("GET", "/api/v1/health"), ("GET", "/api/v1/openapi.json")}


@dataclass(frozen=True, kw_only=True)
class Call:
    """How a route is called so that it succeeds, and what it then answers."""

    status: int
    sent: Mapping[str, Any] = field(default_factory=dict)


UPLOAD = Call(status=202, sent={"files": {"file": ("a.csv", annual_csv())}})
CALLS: dict[tuple[str, str], Call] = {
    ("POST", f"{API}/annual/bulk-upload-async"): UPLOAD,
    ("POST", f"{API}/quarterly/bulk-upload-async"): Call(status=202, sent={"json": {"filename": "a.csv"}}),
    ("GET", f"{API}/annual/schema"): Call(status=200),
    ("GET", f"{API}/quarterly/schema"): Call(status=200),
    ("GET", f"{API}/annual/template"): Call(status=200),
    ("GET", f"{API}/quarterly/template"): Call(status=200),
    ("POST", f"{API}/annual"): Call(status=200, sent={"json": {"rows": example_rows("annual")}}),
    ("POST", f"{API}/quarterly"): Call(status=200, sent={"json": {"rows": example_rows("quarterly")}}),
    ("GET", f"{API}/models"): Call(status=200),
    ("GET", f"{API}/jobs"): Call(status=200),
    ("GET", f"{API}/jobs/statistics"): Call(status=200),
    ("POST", f"{API}/jobs/bulk/cancel"): Call(status=200, sent={"json": {"job_ids": ["no-uuid"]}}),
    ("POST", f"{API}/jobs/bulk/delete"): Call(status=200, sent={"json": {"job_ids": ["no-uuid"]}}),
    ("GET", f"{API}/jobs/{{job_id}}"): Call(status=200, sent={"params": {"include_errors": "true"}}),
    ("GET", f"{API}/jobs/{{job_id}}/status"): Call(status=200),
    ("GET", f"{API}/jobs/{{job_id}}/errors"): Call(status=200),
    ("GET", f"{API}/jobs/{{job_id}}/results"): Call(status=200),
    ("GET", f"{API}/jobs/{{job_id}}/download"): Call(status=303),
    ("POST", f"{API}/jobs/{{job_id}}/cancel"): Call(status=200),
    ("POST", f"{API}/jobs/{{job_id}}/retry"): Call(status=202),
    ("DELETE", f"{API}/jobs/{{job_id}}"): Call(status=200),
}

# Of the job of user-1 in acme.
CALLERS: dict[str, dict[str, Any]] = {
    "owner": {},
    "colleague": {"sub": "user-2"},
    "org_admin": {"sub": "user-3", "role": "org_admin"},
    "super_admin": {"sub": "root", "role": "super_admin", "organization_id": None},
    "other_organization": {"sub": "user-4", "organization_id": "rival"},
    "same_user_in_another_organization": {"organization_id": "rival"},
    "no_organization": {"sub": "user-5", "organization_id": None},
}
ALLOWED = {"owner", "colleague", "org_admin", "super_admin"}


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    """Every method and full path that the application serves."""
    contexts = iter_route_contexts(app.routes)
    served = set()
    for context in contexts:
        assert isinstance(context.original_route, APIRoute), context
        served |= {(method, str(context.path)) for method in context.methods or ()}
    return served


JOB_ROUTES = [key for key in CALLS if "{job_id}" in key[1]]
OTHER_ROUTES = [key for key in CALLS if "{job_id}" not in key[1]]


def test_every_route_is_in_the_table(app: FastAPI) -> None:
    assert routes_of(app) == set(CALLS) | PUBLIC


def prepared(store: FakeJobStore, results: FakeResultStore, key: tuple[str, str], **overrides: Any) -> UUID:
    """A job on which the route succeeds."""
    job = a_job(**overrides) if key[1].endswith("/cancel") else a_completed_job(**overrides)
    store.add(job)
    store_results(results, job.id)
    store_errors(results, job.id, 0)
    return job.id


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("key", JOB_ROUTES, ids=" ".join)
def test_a_job_is_there_for_its_organization_and_for_super_admins_only(
    client_of: ClientOf, token: Token, store: FakeJobStore, results: FakeResultStore, key: tuple[str, str], caller: str
) -> None:
    method, path = key
    job_id = prepared(store, results, key)
    before = store.get(job_id)
    answer = client_of(token(**CALLERS[caller])).request(method, path.format(job_id=job_id), **CALLS[key].sent)
    if caller in ALLOWED:
        assert answer.status_code == CALLS[key].status
    else:
        assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")
        assert answer.json()["detail"] == "Job not found or access denied"
        assert store.get(job_id) == before


@pytest.mark.parametrize("key", JOB_ROUTES, ids=" ".join)
def test_without_an_organization_a_caller_has_the_jobs_it_made(
    client_of: ClientOf, token: Token, store: FakeJobStore, results: FakeResultStore, key: tuple[str, str]
) -> None:
    method, path = key
    alone = client_of(token(sub="user-5", organization_id=None))
    own = prepared(store, results, key, user_id="user-5", organization_id=None)
    assert alone.request(method, path.format(job_id=own), **CALLS[key].sent).status_code == CALLS[key].status
    dropped = prepared(store, results, key, user_id="user-5", source=Source.S3_DROP)
    assert alone.request(method, path.format(job_id=dropped), **CALLS[key].sent).status_code == 404


@pytest.mark.parametrize("key", JOB_ROUTES, ids=" ".join)
def test_foreign_absent_deleted_and_impossible_jobs_cannot_be_told_apart(
    client: Client, store: FakeJobStore, results: FakeResultStore, key: tuple[str, str]
) -> None:
    method, path = key
    foreign = prepared(store, results, key, organization_id="rival", user_id="user-9")
    deleted = a_completed_job()
    store.add(deleted)
    store.delete(deleted, now=deleted.created_at)
    # Whatever else is wrong with the request.
    faults: dict[str, Any] = {
        "params": {"outcome": "bogus", "limit": "0", "cursor": "bogus", "include_errors": "perhaps"}
    }
    answers = {}
    for job_id in (
        str(foreign),
        str(deleted.id),
        str(uuid4()),
        "no-uuid",
        f"{{{foreign}}}",
        "%00",
        f"urn:uuid:{foreign}",
    ):
        answer = client.request(method, path.format(job_id=job_id), **faults)
        assert answer.status_code == 404
        body = answer.json()
        # All that differs is what the caller sent and the id of the request.
        assert unquote(body.pop("instance")) == answer.request.url.path
        assert len(body.pop("request_id")) == 36
        answers[job_id] = (body, {name: value for name, value in answer.headers.items() if name != "x-request-id"})
    bodies = [body for body, _ in answers.values()]
    assert bodies == [bodies[0]] * len(bodies)
    assert bodies[0] == {
        "type": "/api/v1/docs#job_not_found",
        "title": "Job not found",
        "status": 404,
        "detail": "Job not found or access denied",
        "code": "job_not_found",
    }
    headers = [{**headers, "content-length": ""} for _, headers in answers.values()]
    assert headers == [headers[0]] * len(headers)


@pytest.mark.parametrize("key", CALLS, ids=" ".join)
def test_who_is_nobody_or_has_no_role_is_told_so_whatever_the_request_says(
    anonymous: Client,
    client_of: ClientOf,
    token: Token,
    store: FakeJobStore,
    results: FakeResultStore,
    key: tuple[str, str],
) -> None:
    method, path = key
    url = path.format(job_id=prepared(store, results, key))
    faults: dict[str, Any] = {
        "params": {"limit": "0", "sort": "x", "outcome": "y"},
        "content": b"\0",
        "headers": {"content-type": "x"},
    }
    for job_url in (url, path.format(job_id="no-uuid")):
        assert anonymous.request(method, job_url, **faults).status_code == 401
        answer = client_of(token(role=None)).request(method, job_url, **faults)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("key", OTHER_ROUTES, ids=" ".join)
def test_every_caller_with_a_role_may_use_the_routes_without_a_job(
    client_of: ClientOf, token: Token, key: tuple[str, str]
) -> None:
    for overrides in (*CALLERS.values(), {"role": "user", "organization_id": None}):
        method, path = key
        assert client_of(token(**overrides)).request(method, path, **CALLS[key].sent).status_code == CALLS[key].status


@pytest.mark.parametrize(("method", "path"), sorted(PUBLIC))
def test_the_public_routes_ask_for_no_token(anonymous: Client, method: str, path: str) -> None:
    assert anonymous.request(method, path).status_code == 200


def test_a_list_shows_the_jobs_of_its_caller_only(client_of: ClientOf, token: Token, store: FakeJobStore) -> None:
    jobs = {
        "acme": a_job(),
        "rival": a_job(organization_id="rival", user_id="user-4"),
        "alone": a_job(organization_id=None, user_id="user-5"),
        "dropped": a_job(user_id="s3-drop", source=Source.S3_DROP),
    }
    for job in jobs.values():
        store.add(job)

    def seen(**overrides: Any) -> set[str]:
        listed = {job["id"] for job in client_of(token(**overrides)).get(f"{API}/jobs").json()["jobs"]}
        return {name for name, job in jobs.items() if str(job.id) in listed}

    assert seen() == seen(sub="user-2") == {"acme", "dropped"}
    assert seen(organization_id="rival") == {"rival"}
    assert seen(sub="user-5", organization_id=None) == {"alone"}
    assert seen(sub="s3-drop", organization_id=None) == set()
    assert seen(role="super_admin", organization_id=None) == set(jobs)
