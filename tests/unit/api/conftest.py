"""The application on fakes, and tokens of an issuer whose private key the tests have."""

import asyncio
import base64
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.request import OpenerDirector, Request
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from fastapi import FastAPI
from jwt.algorithms import RSAAlgorithm

from functions.api.app import create_app
from functions.api.auth import JWKS_TIMEOUT_SECONDS, ClaimNames, IssuerKeys, TokenVerifier
from functions.api.dependencies import Limits, Services
from functions.api.pagination import cursor_serializer
from shared.inputs.schema import template_csv
from shared.jobs.downloads import Downloads
from shared.jobs.idempotency import Idempotency
from shared.jobs.job import Job, Outcome
from shared.jobs.retries import RetryService
from shared.jobs.service import JobService
from shared.vocabulary import JobType
from tests.builders import ORGANIZATION, USER_ID
from tests.fakes import (
    FakeAssembler,
    FakeExporter,
    FakeIdempotencyKeys,
    FakeJobStore,
    FakePreparer,
    FakeResultStore,
    FakeRowScorer,
    FakeUploadStore,
    FakeWorkflow,
    SettableClock,
)

ISSUER = "https://issuer.example/pool"
JWKS_URL = f"{ISSUER}/.well-known/jwks.json"
AUDIENCE = "client-1"
KEY_ID = "key-1"
API = "/api/v1/predictions"
MULTIPART_MAX_BYTES = 1024 * 1024
ROWS_MAX_BYTES = 256 * 1024

Token = Callable[..., str]


@pytest.fixture(scope="session")
def private_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def other_private_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def key_set(key: RSAPrivateKey, key_id: str = KEY_ID) -> dict[str, Any]:
    """Returns the JWK set with this key."""
    return {"keys": [{**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig"}]}


class Issuer:
    """Serves the JWKS of the token issuer instead of the network, and counts the fetches."""

    def __init__(self, response: Mapping[str, Any] | bytes | Exception) -> None:
        self.response = response
        self.fetches = 0

    def open(self, _request: Request, timeout: float) -> io.BytesIO:
        """Replaces `urllib.request.OpenerDirector.open`."""
        assert timeout == JWKS_TIMEOUT_SECONDS
        self.fetches += 1
        if isinstance(self.response, Exception):
            raise self.response
        return io.BytesIO(self.response if isinstance(self.response, bytes) else json.dumps(self.response).encode())


class KnownKeys(IssuerKeys):
    """The issuer's keys without a fetch."""

    def __init__(self, keys: dict[str, Any]) -> None:
        super().__init__(JWKS_URL)
        self._known = keys

    def fetch_data(self) -> dict[str, Any]:
        return self._known


class Seconds:
    """A monotonic clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def issuer(private_key: RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    issuer = Issuer(key_set(private_key))
    monkeypatch.setattr(OpenerDirector, "open", lambda _self, request, timeout: issuer.open(request, timeout))
    return issuer


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    """The clock of the cached keys."""
    seconds = Seconds()
    for module in ("functions.api.auth", "jwt.api_jwk", "jwt.jwk_set_cache", "jwt.jwks_client"):
        monkeypatch.setattr(f"{module}.time", seconds)
    return seconds


@pytest.fixture
def keys_of_issuer(issuer: Issuer, seconds: Seconds) -> IssuerKeys:  # noqa: ARG001 - both replace what it uses
    return IssuerKeys(JWKS_URL)


@pytest.fixture
def verifier(keys_of_issuer: IssuerKeys) -> TokenVerifier:
    return TokenVerifier(
        issuer=ISSUER,
        audiences=frozenset({AUDIENCE, "client-2"}),
        names=ClaimNames(),
        keys=keys_of_issuer,
    )


def claims(**overrides: Any) -> dict[str, Any]:
    """Returns the claims of the creator of `a_job()`; an override of None omits the claim."""
    all_claims = {
        "iss": ISSUER,
        "sub": USER_ID,
        "client_id": AUDIENCE,
        "token_use": "access",
        "exp": int(time.time()) + 600,
        "username": "jane.doe",
        "role": "org_member",
        "organization_id": ORGANIZATION,
        **overrides,
    }
    return {name: value for name, value in all_claims.items() if value is not None}


@pytest.fixture
def token(private_key: RSAPrivateKey) -> Token:
    def sign(**overrides: Any) -> str:
        return jwt.encode(claims(**overrides), private_key, algorithm="RS256", headers={"kid": KEY_ID})

    return sign


@pytest.fixture
def rows() -> FakeRowScorer:
    return FakeRowScorer()


@pytest.fixture
def keys() -> FakeIdempotencyKeys:
    return FakeIdempotencyKeys()


@pytest.fixture
def exporter() -> FakeExporter:
    return FakeExporter()


@pytest.fixture
def services(
    verifier: TokenVerifier,
    clock: SettableClock,
    store: FakeJobStore,
    uploads: FakeUploadStore,
    results: FakeResultStore,
    workflow: FakeWorkflow,
    assembler: FakeAssembler,
    preparer: FakePreparer,
    rows: FakeRowScorer,
    keys: FakeIdempotencyKeys,
    exporter: FakeExporter,
) -> Services:
    jobs = JobService(
        store=store, uploads=uploads, results=results, workflow=workflow, request_assembly=assembler, clock=clock
    )
    return Services(
        jobs=jobs,
        downloads=Downloads(
            store=store, results=results, request_export=exporter, clock=clock, xlsx_max_rows=1_048_575
        ),
        retries=RetryService(store=store, request_retry_file=preparer, clock=clock),
        score_rows=rows,
        idempotency=Idempotency(keys=keys, clock=clock),
        verifier=verifier,
        cursor_serializer=lambda: cursor_serializer(b"cursor key"),
        clock=clock,
        limits=Limits(
            multipart_max_bytes=MULTIPART_MAX_BYTES,
            rows_max_bytes=ROWS_MAX_BYTES,
            csv_max_bytes=2 * 1024**3,
            xlsx_max_bytes=100 * 1024**2,
        ),
    )


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services)


class Client:
    """Sends requests to the application in this process; errors that the application does not handle are raised."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner, token: str | None = None) -> None:
        self._app = app
        self._runner = runner
        self._headers = bearer(token) if token else {}

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **sent: Any
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="https://api.example") as client:
                return await client.request(method, url, headers={**self._headers, **(headers or {})}, **sent)

        return self._runner.run(send())

    def get(self, url: str, **sent: Any) -> httpx.Response:
        return self.request("GET", url, **sent)

    def post(self, url: str, **sent: Any) -> httpx.Response:
        return self.request("POST", url, **sent)

    def delete(self, url: str, **sent: Any) -> httpx.Response:
        return self.request("DELETE", url, **sent)


ClientOf = Callable[[str | None], Client]


@pytest.fixture
def client_of(app: FastAPI) -> Iterator[ClientOf]:
    """Makes clients that send a given token."""
    with asyncio.Runner() as runner:
        yield lambda token: Client(app, runner, token)


@pytest.fixture
def anonymous(client_of: ClientOf) -> Client:
    """A client without a token."""
    return client_of(None)


@pytest.fixture
def client(client_of: ClientOf, token: Token) -> Client:
    """The client of the creator of `a_job()`."""
    return client_of(token())


def encoded(part: object) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signed(key: RSAPrivateKey, payload: dict[str, Any] | bytes, *, header: dict[str, Any] | None = None) -> str:
    """Returns a token signed over exactly these bytes, even if a library would refuse them."""
    head = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID, **(header or {})}
    text = f"{encoded(head)}.{encoded(payload)}"
    return f"{text}.{encoded(RSAAlgorithm(RSAAlgorithm.SHA256).sign(text.encode(), key))}"


def bearer(token: str) -> dict[str, str]:
    """Returns the header with the token."""
    return {"Authorization": f"Bearer {token}"}


def annual_csv() -> bytes:
    """Returns a valid file."""
    return template_csv(JobType.ANNUAL).encode()


def row_error(row: int, **overrides: Any) -> dict[str, Any]:
    """Returns a row error as Score stores it."""
    return {
        "row": row,
        "company_symbol": "TEST123",
        "column": "sector",
        "code": "missing_field",
        "error": "Missing required field: sector",
        "value": "",
        **overrides,
    }


def store_errors(results: FakeResultStore, job_id: UUID, chunk: int, *errors: dict[str, Any]) -> None:
    """Stores the row errors of a chunk as Score does."""
    results.errors[job_id, chunk] = b"".join(json.dumps(error).encode() + b"\n" for error in errors)


def store_results(results: FakeResultStore, job_id: UUID) -> None:
    """Stores a result file of every outcome."""
    for outcome in Outcome:
        results.files[job_id, outcome] = b"row\n"


def only_job(store: FakeJobStore) -> Job:
    (job_id,) = store.unsettled()
    view = store.get(job_id)
    assert view is not None
    return view.job


COMPLETE_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + annual_csv() + b"\r\n--b--\r\n"
)
