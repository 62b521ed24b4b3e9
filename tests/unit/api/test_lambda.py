"""The api function as Lambda invokes it: real events, imports at cold start, log lines and settings."""

import asyncio
import base64
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mangum import Mangum

from functions.api import handler as function
from functions.api.app import create_app
from functions.api.dependencies import Services
from functions.api.handler import ApiSettings, services
from shared.aws import clients
from shared.settings import SettingsError
from tests.aws_clients import forget_clients
from tests.fakes import FakeUploadStore
from tests.log_lines import written
from tests.unit.api.conftest import COMPLETE_FORM, Token, annual_csv

EVENTS = Path(__file__).resolve().parents[2] / "events"

ENVIRONMENT = {
    "TABLE_NAME": "jobs",
    "UPLOADS_BUCKET": "uploads",
    "RESULTS_BUCKET": "results",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:score-jobs",
    "FINALIZE_FUNCTION_NAME": "finalize",
    "SCORE_FUNCTION_NAME": "score",
    "EXPORT_FUNCTION_NAME": "export",
    "RETRY_FUNCTION_NAME": "retry",
    "CURSOR_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:cursors",
    "TOKEN_ISSUER": "https://issuer.example/pool",
    "TOKEN_AUDIENCE": "client-1, client-2",
    "JWKS_URL": "https://issuer.example/pool/.well-known/jwks.json",
}


@dataclass
class Context:
    """The context of an invocation, as Lambda passes it."""

    function_name: str = "api"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:api"
    aws_request_id: str = "0b6b1e6e-5b0a-4bd1-8c3e-0f0e3d5c7a11"


def event(name: str, **overrides: Any) -> dict[str, Any]:
    return {**json.loads((EVENTS / name).read_text()), **overrides}


def call(request: dict[str, Any]) -> dict[str, Any]:
    """Invokes the function."""
    return function.handler(request, Context())  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _event_loop() -> Iterator[None]:
    """The event loop that Mangum uses; in Lambda it lives as long as the process."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    function._application.cache_clear()
    forget_clients()
    yield
    function._application.cache_clear()


@pytest.fixture
def _composed(_fresh: None, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Composes the handler on fakes."""
    application = Mangum(create_app(services), lifespan="off", text_mime_types=function.TEXT_MEDIA_TYPES)
    monkeypatch.setattr(function, "_application", _Cached(application))


class _Cached:
    def __init__(self, application: Mangum) -> None:
        self._application = application

    def __call__(self) -> Mangum:
        return self._application

    def cache_clear(self) -> None:
        """Does nothing: nothing is cached."""


@pytest.mark.usefixtures("_fresh")
def test_health_request_creates_no_aws_client() -> None:
    response = call(event("api_get.json"))
    assert response["statusCode"] == 200
    assert json.loads(response["body"]) == {"success": True, "status": "ok", "version": "0.1.0"}
    assert response["isBase64Encoded"] is False
    assert clients.dynamodb.cache_info().currsize == clients.s3.cache_info().currsize == 0


@pytest.mark.usefixtures("_fresh")
def test_problem_is_text_and_has_the_request_id_of_the_gateway() -> None:
    response = call(event("api_post.json"))
    assert (response["statusCode"], response["isBase64Encoded"]) == (401, False)
    assert response["headers"]["content-type"] == "application/problem+json"
    assert json.loads(response["body"])["request_id"] == response["headers"]["x-request-id"] == "JKJaXmPLvHcESHB="


def test_request_id_of_lambda_replaces_a_missing_one_of_the_gateway(services: Services) -> None:
    request = event("api_get.json")
    del request["requestContext"]["requestId"]
    response = Mangum(create_app(services), lifespan="off")(request, Context())  # type: ignore[arg-type]
    assert response["headers"]["x-request-id"] == Context.aws_request_id


@pytest.mark.hazard("JSON and numbers that parsers reject, huge limits, malformed or truncated forms, base64")
@pytest.mark.usefixtures("_composed")
@pytest.mark.parametrize("is_base64", [True, False])
def test_form_arrives_intact_with_and_without_base64(uploads: FakeUploadStore, token: Token, is_base64: bool) -> None:  # noqa: FBT001 - both ways
    request = event("api_post.json", isBase64Encoded=is_base64)
    request["body"] = base64.b64encode(COMPLETE_FORM).decode() if is_base64 else COMPLETE_FORM.decode()
    request["headers"]["authorization"] = f"Bearer {token()}"
    response = call(request)
    assert response["statusCode"] == 202
    assert list(uploads.objects.values()) == [annual_csv()]
    assert response["headers"]["location"].endswith(json.loads(response["body"])["job_id"])


@pytest.mark.usefixtures("_composed")
def test_claims_of_the_authorizer_do_not_replace_the_token() -> None:
    assert call(event("api_post.json"))["statusCode"] == 401


@pytest.mark.usefixtures("_composed")
def test_log_of_a_failed_request_has_its_organization_but_no_token_or_rows(
    uploads: FakeUploadStore, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(uploads, "put", fails)
    request = event("api_post.json", isBase64Encoded=False, body=COMPLETE_FORM.decode())
    bearer = token()
    request["headers"]["authorization"] = f"Bearer {bearer}"
    with written() as log:
        assert call(request)["statusCode"] == 500
        call(event("api_get.json"))
        logging.getLogger("functions.api").warning("of the request after")
    (failed,) = [line for line in log.lines if line["level"] == "ERROR"]
    after = log.lines[-1]
    assert failed["request_id"] == request["requestContext"]["requestId"]
    assert (failed["organization_id"], failed["function_request_id"]) == ("acme", Context.aws_request_id)
    assert "organization_id" not in after
    assert "two\\nlines" in log.text
    for secret in (bearer, annual_csv().decode().splitlines()[1].split(",")[1]):
        assert secret not in log.text


def test_api_function_imports_no_heavy_package() -> None:
    code = "import sys, functions.api.handler; functions.api.app.described_app(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 - our own code
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert "fastapi" in imported
    of_the_document = {"functions.api.openapi.document", "functions.api.openapi.examples"}
    assert not {*of_the_document, "shared.inputs.workbooks"} & set(done.stdout.split())
    assert not imported & {"numpy", "pandas", "pyarrow", "xlsxwriter", "sklearn", "pytest"}


@pytest.mark.hazard("Secrets in the log")
def test_loggers_write_one_json_line_and_libraries_no_debug_lines() -> None:
    code = """
import logging, shared.observability
logging.getLogger("shared.jobs.service").warning("two\\nlines", extra={"job_id": "j-1"})
shared.observability.logger.info("own")
logging.getLogger("botocore.auth").debug("a signature")
"""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "ignore", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "POWERTOOLS_SERVICE_NAME": "api", "LOG_LEVEL": "DEBUG"},
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["message"], first["job_id"], first["level"]) == ("two\nlines", "j-1", "WARNING")
    assert (second["message"], second["service"]) == ("own", "api")


class TestSettings:
    """The function's environment."""

    def test_settings_are_read_with_their_defaults(self) -> None:
        settings = ApiSettings.from_environment(ENVIRONMENT)
        assert settings.token_audience == {"client-1", "client-2"}
        assert settings.multipart_max_bytes == 4_194_304
        assert settings.groups_claim == "cognito:groups"
        assert services(settings).limits.xlsx_max_bytes == 104_857_600

    @pytest.mark.parametrize("name", ENVIRONMENT)
    def test_missing_setting_is_refused_by_its_name(self, name: str) -> None:
        for broken in ({k: v for k, v in ENVIRONMENT.items() if k != name}, {**ENVIRONMENT, name: " "}):
            with pytest.raises(SettingsError, match=name):
                ApiSettings.from_environment(broken)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("JWKS_URL", "file:///s3cret"),
            ("MULTIPART_MAX_BYTES", "s3cret"),
            ("CSV_MAX_BYTES", "0"),
            ("JWKS_URL", "s3cret"),
        ],
    )
    def test_invalid_setting_is_refused_without_showing_its_value(self, name: str, value: str) -> None:
        with pytest.raises(SettingsError, match=name) as refused:
            ApiSettings.from_environment({**ENVIRONMENT, name: value})
        assert "s3cret" not in str(refused.value)
        assert refused.value.__cause__ is None

    def test_setting_of_the_root_url_is_used_for_locations(self) -> None:
        settings = ApiSettings.from_environment({**ENVIRONMENT, "API_ROOT_URL": "https://api.example/stage/"})
        assert services(settings).root_url == "https://api.example/stage"
