"""Every operation by every caller on every kind of job, from the published OpenAPI document.

A new operation is tested without a change here. A route that the document does not describe fails the suite.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from infra.project import ROOT
from shared.inputs.schema import template_csv
from shared.jobs.job import Source
from shared.vocabulary import JobType
from tests.builders import a_completed_job, a_job
from tests.fakes import FakeJobStore, FakeResultStore
from tests.unit.api.conftest import API, Client, ClientOf, Token, store_errors, store_results

# The published document: every operation in it is called, so a new one is too.
DOCUMENT = json.loads((ROOT / "openapi.json").read_text())
# The route of the document itself, which the document does not describe.
UNDESCRIBED = {("GET", "/api/v1/openapi.json")}
PUBLIC = {("GET", "/api/v1/health"), *UNDESCRIBED}
JOB_TYPES: tuple[JobType, ...] = (JobType.ANNUAL, JobType.QUARTERLY)


@dataclass(frozen=True, kw_only=True)
class Call:
    """An operation of the document and a body of one of its media types, with which it succeeds."""

    method: str
    path: str
    media_type: str | None
    sent: Mapping[str, Any] = field(hash=False)
    # The statuses of its success.
    succeeds: frozenset[int]
    needs_token: bool

    def __str__(self) -> str:
        return " ".join([self.method, self.path, *([self.media_type] if self.media_type else [])])


def calls_of(document: Mapping[str, Any]) -> Iterator[Call]:
    """Yields every operation with every kind of body: the JSON example of the document, or a form with a file."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {None: {}})
            parameters = operation.get("parameters", ())
            chosen = {one["name"]: "true" for one in parameters if one["schema"].get("type") == "boolean"}
            for media_type, body in content.items():
                yield Call(
                    method=method.upper(),
                    path=path,
                    media_type=media_type,
                    sent={"params": chosen, **_body(media_type, body, path)},
                    succeeds=frozenset(int(status) for status in operation["responses"] if status[0] == "2")
                    | (frozenset({303}) & {int(status) for status in operation["responses"]}),
                    needs_token=bool(operation.get("security")),
                )


def _body(media_type: str | None, content: Mapping[str, Any], path: str) -> dict[str, Any]:
    if media_type == "application/json":
        return {"json": content["example"]}
    if media_type == "multipart/form-data":
        (template,) = [template_csv(job_type) for job_type in JOB_TYPES if job_type in path.split("/")]
        return {"files": {"file": ("a.csv", template)}}
    assert media_type is None, f"no body is defined for {media_type}"
    return {}


CALLS = [call for call in calls_of(DOCUMENT) if call.needs_token]
JOB_CALLS = [call for call in CALLS if "{job_id}" in call.path]
OTHER_CALLS = [call for call in CALLS if "{job_id}" not in call.path]

# Claims of callers, relative to a job of user-1 in acme.
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
    """Returns every method and full path that the application serves."""
    contexts = iter_route_contexts(app.routes)
    served = set()
    for context in contexts:
        assert isinstance(context.original_route, APIRoute), context
        served |= {(method, str(context.path)) for method in context.methods or ()}
    return served


@pytest.mark.hazard("Every route by every caller on every kind of job")
def test_served_document_is_the_published_one_and_describes_every_route(app: FastAPI, anonymous: Client) -> None:
    assert anonymous.get("/api/v1/openapi.json").json() == DOCUMENT
    described = {(method.upper(), path) for path, operations in DOCUMENT["paths"].items() for method in operations}
    assert routes_of(app) == described | UNDESCRIBED


@pytest.mark.hazard("Every route by every caller on every kind of job")
def test_every_operation_except_health_needs_a_token() -> None:
    open_to_all = {(call.method, call.path) for call in calls_of(DOCUMENT) if not call.needs_token}
    assert open_to_all == PUBLIC - UNDESCRIBED
    assert len(CALLS) > len(JOB_CALLS) > 0


def prepared(store: FakeJobStore, results: FakeResultStore, path: str, **overrides: Any) -> UUID:
    """Stores a job on which the route succeeds and returns its id."""
    job = a_job(**overrides) if path.endswith("/cancel") else a_completed_job(**overrides)
    store.add(job)
    store_results(results, job.id)
    store_errors(results, job.id, 0)
    return job.id


@pytest.mark.hazard("Every route by every caller on every kind of job")
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("call", JOB_CALLS, ids=str)
def test_job_is_visible_only_to_its_organization_and_to_super_admins(
    client_of: ClientOf, token: Token, store: FakeJobStore, results: FakeResultStore, call: Call, caller: str
) -> None:
    job_id = prepared(store, results, call.path)
    before = store.get(job_id)
    response = client_of(token(**CALLERS[caller])).request(call.method, call.path.format(job_id=job_id), **call.sent)
    if caller in ALLOWED:
        assert response.status_code in call.succeeds
    else:
        assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
        assert response.json()["detail"] == "Job not found or access denied"
        assert store.get(job_id) == before


@pytest.mark.hazard("Every route by every caller on every kind of job")
@pytest.mark.parametrize("call", JOB_CALLS, ids=str)
def test_caller_without_an_organization_has_only_its_own_jobs(
    client_of: ClientOf, token: Token, store: FakeJobStore, results: FakeResultStore, call: Call
) -> None:
    alone = client_of(token(sub="user-5", organization_id=None))
    own = prepared(store, results, call.path, user_id="user-5", organization_id=None)
    assert alone.request(call.method, call.path.format(job_id=own), **call.sent).status_code in call.succeeds
    dropped = prepared(store, results, call.path, user_id="user-5", source=Source.S3_DROP)
    assert alone.request(call.method, call.path.format(job_id=dropped), **call.sent).status_code == 404


@pytest.mark.hazard("Every route by every caller on every kind of job")
@pytest.mark.parametrize("call", JOB_CALLS, ids=str)
def test_foreign_unknown_deleted_and_malformed_ids_get_the_same_response(
    client: Client, store: FakeJobStore, results: FakeResultStore, call: Call
) -> None:
    foreign = prepared(store, results, call.path, organization_id="rival", user_id="user-9")
    deleted = a_completed_job()
    store.add(deleted)
    store.delete(deleted, now=deleted.created_at)
    # Other errors of the request must not change the response.
    invalid: dict[str, Any] = {
        "params": {"outcome": "bogus", "limit": "0", "cursor": "bogus", "include_errors": "perhaps"}
    }
    responses = {}
    for job_id in (
        str(foreign),
        str(deleted.id),
        str(uuid4()),
        "no-uuid",
        f"{{{foreign}}}",
        "%00",
        f"urn:uuid:{foreign}",
    ):
        response = client.request(call.method, call.path.format(job_id=job_id), **invalid)
        assert response.status_code == 404
        body = response.json()
        # All that differs is what the caller sent and the id of the request.
        assert unquote(body.pop("instance")) == response.request.url.path
        assert len(body.pop("request_id")) == 36
        responses[job_id] = (body, {name: value for name, value in response.headers.items() if name != "x-request-id"})
    bodies = [body for body, _ in responses.values()]
    assert bodies == [bodies[0]] * len(bodies)
    assert bodies[0] == {
        "type": "/api/v1/docs#job_not_found",
        "title": "Job not found",
        "status": 404,
        "detail": "Job not found or access denied",
        "code": "job_not_found",
    }
    headers = [{**headers, "content-length": ""} for _, headers in responses.values()]
    assert headers == [headers[0]] * len(headers)


@pytest.mark.hazard("Every route by every caller on every kind of job")
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_caller_without_token_or_role_is_refused_before_any_other_error(
    anonymous: Client,
    client_of: ClientOf,
    token: Token,
    store: FakeJobStore,
    results: FakeResultStore,
    call: Call,
) -> None:
    url = call.path.format(job_id=prepared(store, results, call.path))
    invalid: dict[str, Any] = {
        "params": {"limit": "0", "sort": "x", "outcome": "y"},
        "content": b"\0",
        "headers": {"content-type": "x"},
    }
    for job_url in (url, call.path.format(job_id="no-uuid")):
        assert anonymous.request(call.method, job_url, **invalid).status_code == 401
        response = client_of(token(role=None)).request(call.method, job_url, **invalid)
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("call", OTHER_CALLS, ids=str)
def test_every_caller_with_a_role_may_use_the_routes_without_a_job(
    client_of: ClientOf, token: Token, call: Call
) -> None:
    for overrides in (*CALLERS.values(), {"role": "user", "organization_id": None}):
        assert client_of(token(**overrides)).request(call.method, call.path, **call.sent).status_code in call.succeeds


@pytest.mark.parametrize(("method", "path"), sorted(PUBLIC))
def test_public_routes_need_no_token(anonymous: Client, method: str, path: str) -> None:
    assert anonymous.request(method, path).status_code == 200


def test_list_has_only_the_jobs_in_the_scope_of_the_caller(
    client_of: ClientOf, token: Token, store: FakeJobStore
) -> None:
    jobs = {
        "acme": a_job(),
        "rival": a_job(organization_id="rival", user_id="user-4"),
        "alone": a_job(organization_id=None, user_id="user-5"),
        "dropped": a_job(user_id="s3-drop", source=Source.S3_DROP),
    }
    for job in jobs.values():
        store.add(job)

    def visible(**overrides: Any) -> set[str]:
        listed = {job["id"] for job in client_of(token(**overrides)).get(f"{API}/jobs").json()["jobs"]}
        return {name for name, job in jobs.items() if str(job.id) in listed}

    assert visible() == visible(sub="user-2") == {"acme", "dropped"}
    assert visible(organization_id="rival") == {"rival"}
    assert visible(sub="user-5", organization_id=None) == {"alone"}
    assert visible(sub="s3-drop", organization_id=None) == set()
    assert visible(role="super_admin", organization_id=None) == set(jobs)
