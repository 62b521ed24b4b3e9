"""Errors: one shape for all of them, and nothing of ours in any."""

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
from tests.unit.api.bodies import assert_is_a
from tests.unit.api.conftest import API, Client

ROOT = Path(__file__).resolve().parents[3]


def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
    subclasses = kind.__subclasses__()
    if not subclasses:
        yield kind
    for subclass in subclasses:
        yield from leaves(subclass)


@pytest.mark.parametrize("root", [JobError, FileError, RequestError])
def test_every_error_a_caller_may_meet_is_in_the_table(root: type[Exception]) -> None:
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
def test_what_is_not_there_is_a_problem_too(client: Client, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert_is_a(Problem, body)
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert set(body) == {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert body["instance"].isascii()
    assert "<" not in body["instance"]
    assert ("Allow" in answer.headers) is (status == 405)


def test_a_method_that_a_path_does_not_know_is_told_every_one_it_does(client: Client) -> None:
    assert client.request("PUT", f"{API}/jobs/x").headers["Allow"] == "DELETE, GET"
    assert client.request("PUT", f"{API}/jobs/x/cancel").headers["Allow"] == "POST"


class TestUnforeseen:
    """What nobody thought of."""

    @pytest.fixture
    def failing(self, store: FakeJobStore, monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
        """The store raises whatever is put in here."""
        raised: list[Exception] = []

        def get(_: object) -> None:
            raise raised[0]

        monkeypatch.setattr(store, "get", get)
        return raised

    def test_errors_are_500_with_nothing_of_ours_and_are_logged(
        self, client: Client, failing: list[Exception], caplog: pytest.LogCaptureFixture
    ) -> None:
        response: Any = {"Error": {"Code": "AccessDenied", "Message": "arn:aws:dynamodb:table/jobs-prod"}}
        failing.append(ClientError(response, "GetItem"))
        with caplog.at_level(logging.ERROR):
            answer = client.get(f"{API}/jobs/{a_job().id}")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert answer.headers["content-type"] == "application/problem+json"
        assert not any(
            word in answer.text for word in ("arn:", "jobs-prod", "Traceback", "ClientError", "AccessDenied")
        )
        (record,) = [record for record in caplog.records if record.exc_info]
        assert record.__dict__["request_id"] == answer.json()["request_id"] == answer.headers["X-Request-Id"]

    def test_outages_are_503_with_retry_after(self, client: Client, failing: list[Exception]) -> None:
        failing.append(UnavailableError())
        answer = client.get(f"{API}/jobs/{a_job().id}/status")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0


def test_every_answer_has_the_common_headers(client: Client) -> None:
    for path in (f"{API}/jobs", "/nowhere", "/api/v1/health"):
        headers = client.get(path).headers
        assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
        assert headers["X-Request-Id"]


class TestDocument:
    """The OpenAPI document, which the reference is made from."""

    def test_in_the_repository_is_that_of_the_code(self) -> None:
        assert main(["--check", str(ROOT / "openapi.json")]) == 0

    def test_that_differs_or_is_absent_is_told_in_a_sentence(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "openapi.json"
        assert main(["--check", str(path)]) == 1
        assert "make openapi" in capsys.readouterr().err
        assert main([str(path)]) == 0
        assert main(["--check", str(path)]) == 0
        path.write_text(path.read_text() + "\n")
        assert main(["--check", str(path)]) == 1

    def test_is_served_as_it_is_published(self, anonymous: Client, app: FastAPI) -> None:
        assert anonymous.get("/api/v1/openapi.json").json() == json.loads(document_text())
        assert app.openapi()["info"]["version"] == VERSION

    def test_gives_every_error_in_the_form_it_has(self) -> None:
        document = described_app().openapi()
        for path, operations in document["paths"].items():
            for operation in operations.values():
                failures = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
                assert failures or path == "/api/v1/health"
                for answer in failures.values():
                    assert list(answer["content"]) == ["application/problem+json"]
        assert "HTTPValidationError" not in document["components"]["schemas"]

    def test_is_valid_openapi_and_every_operation_has_a_name_of_its_own(self) -> None:
        document = described_app().openapi()
        validate(document)
        operations = [entry for methods in document["paths"].values() for entry in methods.values()]
        names = [entry["operationId"] for entry in operations]
        assert len(set(names)) == len(names)
        for entry in operations:
            for status, answer in entry["responses"].items():
                without_body = status in {"303", "304"}
                assert without_body or all(content["schema"] for content in answer["content"].values()), status

    def test_has_no_reference_that_leads_nowhere(self) -> None:
        document = described_app().openapi()
        schemas = set(document["components"]["schemas"])
        # Two models of one name get the paths of their modules, and generated clients lose both.
        assert not [name for name in schemas if "__" in name]
        named = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}
        assert named <= schemas
        assert "#/$defs/" not in json.dumps(document)

    def test_has_every_kind_of_error_for_the_reference_to_list(self) -> None:
        listed = described_app().openapi()["x-problem-types"]
        assert {code: (entry["status"], entry["title"], entry["when"]) for code, entry in listed.items()} == {
            code: (kind.status, kind.title, kind.when) for code, kind in KINDS.items()
        }


def test_the_version_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
