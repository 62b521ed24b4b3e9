"""Contract of `ScoreRows`: synchronous scoring by the fake and by the score function."""

import io
import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber
from moto import mock_aws

from functions.score.handler import handler
from shared.aws import clients
from shared.aws.invocations import score_rows
from shared.delimited.dialect import CANONICAL
from shared.inputs.header import read_layout
from shared.inputs.schema import template_csv
from shared.jobs.errors import RateLimitedError, UnavailableError
from shared.jobs.ports import GivenRows, ScoreRows
from shared.vocabulary import JobType
from tests.aws_clients import forget_clients
from tests.aws_resources import create_role
from tests.fakes import FakeRowScorer
from tests.invocation import InvocationContext


@pytest.fixture(params=["fake", "moto"])
def scorer(request: pytest.FixtureRequest) -> Iterator[ScoreRows]:
    if request.param == "fake":
        yield FakeRowScorer()
        return

    def invoke(_function: Any, body: str, *_headers: Any) -> bytes:
        return json.dumps(handler(json.loads(body), InvocationContext())).encode()

    with mock_aws(), patch("moto.awslambda.models.LambdaFunction.invoke", invoke):
        forget_clients()
        clients.lambda_().create_function(
            FunctionName="score",
            Runtime="python3.13",
            Role=create_role("lambda.amazonaws.com"),
            Handler="functions.score.handler.handler",
            Code={"ZipFile": b"none"},
        )
        yield partial(score_rows, "score")
    forget_clients()


def given_rows(text: str) -> GivenRows:
    """Returns the rows of an annual file as the score function receives them."""
    body = text.encode()
    layout = read_layout(body, CANONICAL, job_type=JobType.ANNUAL, is_whole_file=True)
    data = body[layout.data_start :].decode()
    return GivenRows(layout=layout.to_json(), data=data, row_count=data.count("\n"), next_year=2027, notes=[])


def test_every_row_has_a_result_or_a_row_error(scorer: ScoreRows) -> None:
    text = template_csv(JobType.ANNUAL).replace("Northwind", "Ünïcode \u2028").replace("1840.5", "no figure")
    response = scorer(given_rows(text))
    assert response["total_rows"] == response["successful_rows"] + response["failed_rows"]
    assert [error["code"] for error in response["errors"]] == ["invalid_market_cap"]
    numbers = [row["row"] for row in (*response["results"], *response["errors"])]
    assert sorted(numbers) == list(range(1, response["total_rows"] + 1))


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """A stub of the Lambda client."""
    client = boto3.client("lambda", region_name="eu-central-1")
    monkeypatch.setattr(clients, "lambda_awaited", lambda: client)
    with Stubber(client) as stub:
        yield stub


ROWS = GivenRows(layout="{}", data="", row_count=0, next_year=2027, notes=[])


def payload(text: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(text), len(text))


def test_failed_function_is_unavailable_and_its_payload_is_not_logged(
    stub: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    failed = {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload(b'{"errorMessage": "secret row"}')}
    stub.add_response("invoke", failed)
    with pytest.raises(UnavailableError):
        score_rows("score", ROWS)
    assert "failed" in caplog.text
    assert not any("secret row" in str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("TooManyRequestsException", 429, RateLimitedError),
        ("ServiceException", 500, UnavailableError),
        ("AccessDeniedException", 403, ClientError),
    ],
)
def test_refused_invocation_raises_an_error_for_its_reason(
    stub: Stubber, code: str, status: int, expected: type[Exception]
) -> None:
    stub.add_client_error("invoke", code, http_status_code=status)
    with pytest.raises(expected) as raised:
        score_rows("score", ROWS)
    assert type(raised.value) is expected or expected is ClientError


def test_function_that_times_out_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def invoke(self, **_: Any) -> Any:
            raise ReadTimeoutError(endpoint_url="https://lambda")

    monkeypatch.setattr(clients, "lambda_awaited", Slow)
    with pytest.raises(UnavailableError):
        score_rows("score", ROWS)


def test_invocation_times_out_before_the_gateway() -> None:
    config: Any = clients.lambda_awaited().meta.config
    waited = config.connect_timeout + config.read_timeout
    assert waited * config.retries["total_max_attempts"] < 29
