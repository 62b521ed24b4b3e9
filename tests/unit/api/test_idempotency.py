"""`Idempotency-Key` on every POST of the OpenAPI document."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import Response

from functions.api.app import described_app
from functions.api.idempotency import OncePerKey
from shared.jobs.errors import UnavailableError
from shared.jobs.idempotency import KEPT
from shared.jobs.job import Job
from tests.builders import a_completed_job, a_job
from tests.fakes import (
    FakeAssembler,
    FakeIdempotencyKeys,
    FakeJobStore,
    FakeResultStore,
    FakeRowScorer,
    FakeUploadStore,
    FakeWorkflow,
    SettableClock,
)
from tests.unit.api.conftest import API, Client, ClientOf, Token, annual_csv, only_job
from tests.unit.api.test_access import CALLS, prepared

UPLOAD = f"{API}/annual/bulk-upload-async"
KEY = {"Idempotency-Key": "k-1"}
# Uploads as JSON; forms have separate tests.
POSTED = {call.path: call for call in CALLS if call.method == "POST" and call.media_type != "multipart/form-data"}

OPERATIONS: Mapping[str, Any] = {
    path: operations["post"] for path, operations in described_app().openapi()["paths"].items() if "post" in operations
}
JOB_POSTS = [path for path in OPERATIONS if "{job_id}" in path]


class World:
    """All state that a request may change, and requests with a key."""

    def __init__(self, client: Client, *state: object) -> None:
        self.client = client
        self._state = state

    def state(self) -> str:
        """Returns all state as text."""
        return "\n".join(str({name: str(value) for name, value in vars(part).items()}) for part in self._state)

    def post(self, path: str, *, job_id: UUID | None = None, **changes: Any) -> httpx.Response:
        """Sends the request of the operation with a key."""
        sent = {**POSTED[path].sent, **changes}
        return self.client.post(path.format(job_id=job_id), headers=KEY, **sent)


@pytest.fixture
def world(
    client: Client,
    store: FakeJobStore,
    uploads: FakeUploadStore,
    workflow: FakeWorkflow,
    assembler: FakeAssembler,
    rows: FakeRowScorer,
    keys: FakeIdempotencyKeys,
) -> World:
    return World(client, store, uploads, workflow, assembler, rows, keys)


def upload(client: Client, body: bytes | None = None, *, name: str = "a.csv", **sent: Any) -> httpx.Response:
    """Uploads a file with a key."""
    return client.post(UPLOAD, files={"file": (name, annual_csv() if body is None else body)}, headers=KEY, **sent)


class TestEveryPost:
    """What holds for every POST."""

    @pytest.mark.parametrize("path", OPERATIONS)
    def test_every_post_documents_the_key_and_its_errors(self, path: str) -> None:
        operation = OPERATIONS[path]
        (header,) = [entry for entry in operation["parameters"] if entry["name"] == "Idempotency-Key"]
        assert (header["in"], header["required"]) == ("header", False)
        assert "24 hours" in header["description"]
        for status, code in (("409", "idempotency_in_flight"), ("422", "idempotency_mismatch")):
            assert f"`{code}`" in operation["responses"][status]["description"]

    @pytest.mark.parametrize("path", OPERATIONS)
    def test_repeated_post_changes_nothing_and_gets_the_first_response(
        self, world: World, store: FakeJobStore, results: FakeResultStore, clock: SettableClock, path: str
    ) -> None:
        job_id = prepared(store, results, path)
        first = world.post(path, job_id=job_id)
        assert first.status_code in POSTED[path].succeeds
        assert "Idempotency-Replayed" not in first.headers
        before = world.state()
        clock.advance(KEPT / 2)
        again = world.post(path, job_id=job_id)
        assert world.state() == before
        assert (again.status_code, again.content) == (first.status_code, first.content)
        expected = {**first.headers, "idempotency-replayed": "true", "x-request-id": again.headers["x-request-id"]}
        assert dict(again.headers) == expected

    @pytest.mark.parametrize("path", OPERATIONS)
    def test_post_is_refused_while_the_first_runs_or_with_other_content(
        self, world: World, store: FakeJobStore, results: FakeResultStore, keys: FakeIdempotencyKeys, path: str
    ) -> None:
        job_id = prepared(store, results, path)
        assert world.post(path, job_id=job_id).is_success
        before = world.state()
        other = world.post(path, job_id=job_id, params={"other": "content"})
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
        assert world.state() == before
        keys.put_back_to_work()
        before = world.state()
        for changes in ({}, {"params": {"other": "content"}}):
            second = world.post(path, job_id=job_id, **changes)
            assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_flight")
        assert world.state() == before

    @pytest.mark.parametrize("path", OPERATIONS)
    def test_post_does_not_store_its_key_and_without_a_key_stores_nothing(
        self, world: World, store: FakeJobStore, results: FakeResultStore, keys: FakeIdempotencyKeys, path: str
    ) -> None:
        job_id = prepared(store, results, path)
        url, sent = path.format(job_id=job_id), POSTED[path].sent
        assert world.client.post(url, **sent).is_success
        assert keys.claims == {}
        # A second request with a key, which may fail because of the first.
        world.client.post(url, headers={"Idempotency-Key": "a-key-like-no-other"}, **sent)
        assert len(keys.claims) == 1
        assert "a-key-like-no-other" not in str(keys.claims)

    @pytest.mark.parametrize("path", OPERATIONS)
    def test_post_with_a_malformed_key_is_refused_and_does_nothing(
        self, world: World, store: FakeJobStore, results: FakeResultStore, path: str
    ) -> None:
        url = path.format(job_id=prepared(store, results, path))
        before = world.state()
        for malformed in (b"", b"two words", b"x" * 256, b"\xc3\xa9", b"\x7f", b"a\tb"):
            headers: Any = {b"Idempotency-Key": malformed}
            response = world.client.post(url, headers=headers, **POSTED[path].sent)
            assert (response.status_code, response.json()["code"]) == (422, "validation_error")
            assert [error["field"] for error in response.json()["errors"]] == ["header.Idempotency-Key"]
            assert "two words" not in response.text
        assert world.state() == before


@pytest.mark.parametrize(
    ("action", "job", "status", "code"),
    [
        ("cancel", a_completed_job(), 400, "job_not_cancellable"),
        ("retry", a_job(), 409, "results_not_ready"),
        ("retry", a_completed_job(total_rows=9, final_successful_rows=9, final_failed_rows=0), 400, "nothing_to_retry"),
    ],
)
@pytest.mark.parametrize("sent", [{}, {"json": {"outcomes": ["none"]}}])
def test_state_of_the_job_is_reported_before_errors_of_the_request(
    client: Client, store: FakeJobStore, action: str, job: Job, status: int, code: str, sent: dict[str, Any]
) -> None:
    store.add(job)
    response = client.post(f"{API}/jobs/{job.id}/{action}", headers={"Idempotency-Key": "two words"}, **sent)
    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize("path", JOB_POSTS)
def test_job_that_the_caller_may_not_see_is_404_with_any_key(
    world: World, store: FakeJobStore, results: FakeResultStore, keys: FakeIdempotencyKeys, path: str
) -> None:
    job_id = prepared(store, results, path)
    assert world.post(path, job_id=job_id).is_success
    view = store.get(job_id)
    assert view is not None
    store.add(a_completed_job(id=job_id, organization_id="rival"))
    malformed: Any = {"Idempotency-Key": "two words"}
    responses = [world.post(path, job_id=job_id), world.client.post(path.format(job_id=job_id), headers=malformed)]
    keys.put_back_to_work()
    responses.append(world.post(path, job_id=job_id))
    assert {(response.status_code, response.json()["code"]) for response in responses} == {(404, "job_not_found")}


def test_keys_of_full_length_and_of_all_visible_characters_are_accepted(client: Client) -> None:
    every = "".join(map(chr, range(0x21, 0x7F)))
    for key in ("!", every, (every * 3)[:255]):
        for replayed in (None, "true"):
            sent: dict[str, Any] = {"json": {"job_ids": ["x"]}, "headers": {"Idempotency-Key": key}}
            assert client.post(f"{API}/jobs/bulk/cancel", **sent).headers.get("Idempotency-Replayed") == replayed


def test_same_key_of_different_callers_is_independent(client_of: ClientOf, token: Token, store: FakeJobStore) -> None:
    callers: list[dict[str, Any]] = [{}, {"sub": "user-2"}, {"organization_id": "rival"}, {"organization_id": None}]
    job_ids = {upload(client_of(token(**caller))).json()["job_id"] for caller in callers}
    assert len(job_ids) == len(callers) == len(store.unsettled())
    # The same caller with another token.
    assert upload(client_of(token(jti="another"))).json()["job_id"] in job_ids


class TestContent:
    """What makes two requests the same."""

    def test_forms_are_the_same_if_their_file_and_fields_are(self, client: Client, uploads: FakeUploadStore) -> None:
        def form(boundary: str, *parts: tuple[str, str]) -> httpx.Response:
            text = "".join(
                f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n" for head, body in parts
            )
            headers = {**KEY, "Content-Type": f"multipart/form-data; boundary={boundary}"}
            return client.post(UPLOAD, content=f"{text}--{boundary}--\r\n".encode(), headers=headers)

        file = ('name="file"; filename="a.csv"', annual_csv().decode())
        option = ('name="validate_only"', "true")
        assert form("one", file, option).status_code == 202
        assert form("other", option, file).headers["Idempotency-Replayed"] == "true"
        renamed = ('name="file"; filename="b.csv"', annual_csv().decode())
        longer = (file[0], file[1] + file[1].splitlines()[-1] + "\r\n")
        for parts in ((file,), (renamed, option), (longer, option), (file, ('name="validate_only"', "false"))):
            assert form("one", *parts).json()["code"] == "idempotency_mismatch"
        assert len(uploads.objects) == 1

    @pytest.mark.parametrize(
        ("sent", "same"),
        [
            (b' {"labels":{"b":"2","a":"1"} ,\n"filename":"\\u0061.csv"}', True),
            (b'{"filename":"a.csv","labels":{"a":"1","b":"3"}}', False),
            (b'{"filename":"a.csv","labels":{"a":"1","b":"2"},"file_size":1}', False),
            (b'{"filename":"a.csv","filename":"a.csv","labels":{"a":"1","b":"2"}}', False),
        ],
    )
    def test_json_bodies_are_the_same_if_they_mean_the_same(self, client: Client, sent: bytes, same: bool) -> None:  # noqa: FBT001 - both ways
        headers = {**KEY, "Content-Type": "application/json"}
        first = {"filename": "a.csv", "labels": {"a": "1", "b": "2"}}
        assert client.post(UPLOAD, content=json.dumps(first).encode(), headers=headers).status_code == 202
        response = client.post(UPLOAD, content=sent, headers=headers)
        assert response.status_code == (202 if same else 422)
        assert same or response.json()["code"] == "idempotency_mismatch"

    def test_requests_are_the_same_only_if_their_query_options_are(self, client: Client) -> None:
        assert upload(client, params={"validate_only": "true", "encoding": "utf-8"}).status_code == 202
        reordered = upload(client, params={"encoding": "utf-8", "validate_only": "true"})
        assert reordered.headers["Idempotency-Replayed"] == "true"
        assert upload(client, params={"encoding": "utf-8"}).json()["code"] == "idempotency_mismatch"

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[" * 100_000, b'{"filename": NaN}', b'{"filename": 1e999}', b"\xff", b'"\\ud800"']
    )
    @pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
    def test_unreadable_body_is_refused_in_the_same_way_with_a_key(
        self, client: Client, body: bytes, content_type: str
    ) -> None:
        sent: dict[str, Any] = {"content": body}
        plain = client.post(UPLOAD, **sent, headers={"Content-Type": content_type})
        keyed = client.post(UPLOAD, **sent, headers={"Content-Type": content_type, **KEY})
        assert plain.status_code == keyed.status_code
        assert {**plain.json(), "request_id": ""} == {**keyed.json(), "request_id": ""}
        assert 400 <= keyed.status_code < 500


class TestFailures:
    """A failed request frees its key."""

    def test_corrected_request_may_reuse_the_key_of_a_refused_one(self, client: Client, store: FakeJobStore) -> None:
        assert upload(client, b"").json()["code"] == "empty_file"
        assert upload(client, b"").json()["code"] == "empty_file"
        accepted = upload(client)
        assert accepted.status_code == 202
        assert "Idempotency-Replayed" not in accepted.headers
        assert str(only_job(store).id) == accepted.json()["job_id"]

    @pytest.mark.parametrize(("error", "status"), [(UnavailableError(), 503), (RuntimeError("unexpected"), 500)])
    def test_request_that_failed_half_way_is_continued_when_repeated(
        self,
        client: Client,
        store: FakeJobStore,
        uploads: FakeUploadStore,
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
        status: int,
    ) -> None:
        def failing(*_: object) -> None:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(uploads, "put", failing)
            assert upload(client).status_code == status
        made = only_job(store)
        accepted = upload(client)
        assert (accepted.status_code, accepted.json()["job_id"]) == (202, str(made.id))
        assert only_job(store) == made
        assert len(uploads.objects) == 1

    def test_job_deleted_before_the_response_is_not_restored(
        self, client: Client, store: FakeJobStore, uploads: FakeUploadStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(*_: object) -> None:
            raise UnavailableError

        with monkeypatch.context() as patched:
            patched.setattr(uploads, "put", failing)
            upload(client)
        made = only_job(store)
        store.delete(made, now=made.created_at)
        for _ in range(2):
            assert upload(client).json()["code"] == "job_not_found"
        assert uploads.objects == {}

    def test_unsuccessful_response_is_returned_and_not_stored(self, app: FastAPI, client: Client) -> None:
        statuses = [503, 199, 300, 204, 500]

        @app.post("/work")
        async def work(once: OncePerKey) -> Response:
            async def make_response() -> Response:
                return Response(status_code=statuses.pop(0))

            return await once.respond(make_response)

        responses = [client.post("/work", headers=KEY) for _ in range(5)]
        assert [response.status_code for response in responses] == [503, 199, 300, 204, 204]
        assert [response.headers.get("Idempotency-Replayed") for response in responses] == [None] * 4 + ["true"]

    def test_bulk_response_is_stored_with_its_failures(self, client: Client, store: FakeJobStore) -> None:
        job = a_completed_job()
        store.add(job)
        sent: dict[str, Any] = {"json": {"job_ids": [str(job.id), "no-uuid"]}, "headers": KEY}
        first, again = (client.post(f"{API}/jobs/bulk/delete", **sent) for _ in range(2))
        assert (first.json()["succeeded"], first.json()["failed"]) == (1, 1)
        assert again.json() == first.json()
