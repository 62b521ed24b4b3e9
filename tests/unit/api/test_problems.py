"""Errors: one shape for all of them, without internal details."""

import json
import logging
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fastapi import FastAPI
from openapi_spec_validator import validate

from functions.api.app import described_app
from functions.api.openapi_file import document_text, main
from functions.api.problems import KINDS, RequestError
from functions.api.routes.reference import VERSION
from shared.api_types import Problem
from shared.inputs.errors import FileError
from shared.jobs.errors import JobError, UnavailableError
from tests.builders import a_job
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import API, Client
from tests.unit.api.schema_checks import assert_matches

ROOT = Path(__file__).resolve().parents[3]


def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
    subclasses = kind.__subclasses__()
    if not subclasses:
        yield kind
    for subclass in subclasses:
        yield from leaves(subclass)


@pytest.mark.parametrize("root", [JobError, FileError, RequestError])
def test_every_error_that_a_caller_can_meet_is_in_the_table(root: type[Exception]) -> None:
    codes = {getattr(kind, "code", None) for kind in leaves(root)}
    assert codes
    assert codes <= set(KINDS)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/api/v1/predictions", 404, "not_found"),
        ("GET", f"{API}/jobs/", 404, "not_found"),
        ("POST", f"{API}/monthly/bulk-upload-async", 404, "not_found"),
        ("GET", f"{API}/%00%ff/%E2%80%AE/<script>", 404, "not_found"),
        ("PUT", f"{API}/jobs", 405, "method_not_allowed"),
        ("GET", f"{API}/annual/bulk-upload-async", 405, "method_not_allowed"),
    ],
)
def test_unknown_path_or_method_is_a_problem(client: Client, method: str, path: str, status: int, code: str) -> None:
    response = client.request(method, path)
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert_matches(Problem, body)
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert set(body) == {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert body["instance"].isascii()
    assert "<" not in body["instance"]
    assert ("Allow" in response.headers) is (status == 405)


def test_unsupported_method_gets_a_list_of_the_allowed_ones(client: Client) -> None:
    assert client.request("PUT", f"{API}/jobs/x").headers["Allow"] == "DELETE, GET"
    assert client.request("PUT", f"{API}/jobs/x/cancel").headers["Allow"] == "POST"


class TestUnexpectedErrors:
    """Errors that no table lists, and outages."""

    @pytest.fixture
    def failing(self, store: FakeJobStore, monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
        """The store raises the error in this list."""
        raised: list[Exception] = []

        def get(_: object) -> None:
            raise raised[0]

        monkeypatch.setattr(store, "get", get)
        return raised

    def test_unexpected_error_is_500_without_details_and_is_logged(
        self, client: Client, failing: list[Exception], caplog: pytest.LogCaptureFixture
    ) -> None:
        refusal: Any = {"Error": {"Code": "AccessDenied", "Message": "arn:aws:dynamodb:table/jobs-prod"}}
        failing.append(ClientError(refusal, "GetItem"))
        with caplog.at_level(logging.ERROR):
            response = client.get(f"{API}/jobs/{a_job().id}")
        assert (response.status_code, response.json()["code"]) == (500, "internal_error")
        assert response.headers["content-type"] == "application/problem+json"
        assert not any(
            word in response.text for word in ("arn:", "jobs-prod", "Traceback", "ClientError", "AccessDenied")
        )
        (record,) = [record for record in caplog.records if record.exc_info]
        assert record.__dict__["request_id"] == response.json()["request_id"] == response.headers["X-Request-Id"]

    def test_outage_is_503_with_retry_after(self, client: Client, failing: list[Exception]) -> None:
        failing.append(UnavailableError())
        response = client.get(f"{API}/jobs/{a_job().id}/status")
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert int(response.headers["Retry-After"]) > 0


def test_every_response_has_the_common_headers(client: Client) -> None:
    for path in (f"{API}/jobs", "/nowhere", "/api/v1/health"):
        headers = client.get(path).headers
        assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
        assert headers["X-Request-Id"]


class TestDocument:
    """The OpenAPI document, from which the reference is generated."""

    def test_published_document_is_that_of_the_code(self) -> None:
        assert main(["--check", str(ROOT / "openapi.json")]) == 0

    def test_document_that_differs_or_is_missing_is_reported(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "openapi.json"
        assert main(["--check", str(path)]) == 1
        assert "make openapi" in capsys.readouterr().err
        assert main([str(path)]) == 0
        assert main(["--check", str(path)]) == 0
        path.write_text(path.read_text() + "\n")
        assert main(["--check", str(path)]) == 1

    def test_document_is_served_as_published(self, anonymous: Client, app: FastAPI) -> None:
        assert anonymous.get("/api/v1/openapi.json").json() == json.loads(document_text())
        assert app.openapi()["info"]["version"] == VERSION

    def test_document_describes_every_error_as_a_problem(self) -> None:
        document = described_app().openapi()
        for path, operations in document["paths"].items():
            for operation in operations.values():
                failures = {status: response for status, response in operation["responses"].items() if status >= "4"}
                assert failures or path == "/api/v1/health"
                for response in failures.values():
                    assert list(response["content"]) == ["application/problem+json"]
        assert "HTTPValidationError" not in document["components"]["schemas"]

    def test_document_is_valid_and_its_operation_ids_are_unique(self) -> None:
        document = described_app().openapi()
        validate(document)
        operations = [entry for methods in document["paths"].values() for entry in methods.values()]
        names = [entry["operationId"] for entry in operations]
        assert len(set(names)) == len(names)
        for entry in operations:
            for status, response in entry["responses"].items():
                without_body = status in {"303", "304"}
                assert without_body or all(content["schema"] for content in response["content"].values()), status

    def test_document_has_no_dangling_reference(self) -> None:
        document = described_app().openapi()
        schemas = set(document["components"]["schemas"])
        # Two models of one name get the paths of their modules, and generated clients lose both.
        assert not [name for name in schemas if "__" in name]
        named = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}
        assert named <= schemas
        assert "#/$defs/" not in json.dumps(document)

    def test_document_lists_every_kind_of_error(self) -> None:
        listed = described_app().openapi()["x-problem-types"]
        assert {code: (entry["status"], entry["title"], entry["when"]) for code, entry in listed.items()} == {
            code: (kind.status, kind.title, kind.when) for code, kind in KINDS.items()
        }


def test_version_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
