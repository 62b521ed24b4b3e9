"""Retries of requests, and the errors of refused ones."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from default_risk_jobs.client import JobsClient
from default_risk_jobs.errors import ApiError, NoResponseError, SignInError, UnavailableError
from default_risk_jobs.transport import IDEMPOTENCY_KEY, Retries
from tests.fakes import FakeJobStore
from tests.in_process import InProcess, problem
from tests.unit.api.conftest import annual_csv, only_job


@pytest.mark.parametrize(
    "failure",
    [
        problem(503, "unavailable"),
        problem(429, "rate_limited"),
        problem(409, "idempotency_in_flight"),
        httpx.Response(502),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
    ids=["503", "429", "in flight", "502", "refused", "slow"],
)
def test_temporary_failure_is_retried_with_the_same_idempotency_key(
    service: InProcess, jobs_client: JobsClient, pauses: list[float], failure: httpx.Response | httpx.TransportError
) -> None:
    service.instead = [failure, failure]
    accepted = jobs_client.upload("annual", "a.csv", annual_csv())

    sent = service.sent("POST", "/annual/bulk-upload-async")
    assert len(sent) == 3
    assert len({request.headers[IDEMPOTENCY_KEY] for request in sent}) == 1
    assert len({request.content.count(annual_csv()) for request in sent}) == 1
    assert len(pauses) == 2
    assert jobs_client.status(accepted["job_id"])["status"] == "pending"


@pytest.mark.parametrize("way", ["upload", "upload_presigned"])
def test_upload_whose_response_is_lost_makes_one_job(
    service: InProcess, jobs_client: JobsClient, store: FakeJobStore, way: str
) -> None:
    def lose_the_first(request: httpx.Request) -> None:
        if len(service.sent("POST", "/bulk-upload-async")) == 1:
            raise httpx.ReadError("reset", request=request)

    service.after = lose_the_first
    accepted = getattr(jobs_client, way)("annual", "a.csv", annual_csv())
    assert len(service.sent("POST", "/bulk-upload-async")) == 2
    assert accepted["job_id"] == str(only_job(store).id)


def test_two_uploads_have_two_idempotency_keys(service: InProcess, jobs_client: JobsClient) -> None:
    for _ in range(2):
        jobs_client.upload("annual", "a.csv", annual_csv())
    keys = {request.headers[IDEMPOTENCY_KEY] for request in service.sent("POST")}
    assert len(keys) == 2


def test_service_that_stays_unavailable_raises_its_own_reason(
    service: InProcess, jobs_client: JobsClient, pauses: list[float]
) -> None:
    service.instead = [problem(503, "unavailable", Retry_After="7")] * 9
    with pytest.raises(UnavailableError, match="unavailable") as refused:
        jobs_client.jobs()
    assert (refused.value.code, refused.value.request_id) == ("unavailable", "r-1")
    assert len(service.requests) == 5
    assert all(7 <= pause < 20 for pause in pauses)


def test_address_without_a_response_is_named_in_the_error(service: InProcess, jobs_client: JobsClient) -> None:
    service.instead = [httpx.ConnectError("connection refused")] * 9
    with pytest.raises(NoResponseError, match=r"No response from api\.example: connection refused\."):
        jobs_client.models()


def test_invalid_request_is_not_retried_and_its_errors_are_named(
    service: InProcess, jobs_client: JobsClient, pauses: list[float]
) -> None:
    with pytest.raises(ApiError) as refused:
        jobs_client.jobs(limit=1_000)
    assert (refused.value.status, refused.value.code) == (422, "validation_error")
    assert refused.value.field_errors[0].startswith("query.limit: ")
    assert pauses == []
    assert len(service.requests) == 1


def test_token_refused_by_the_gateway_raises_the_same_as_by_the_service(
    service: InProcess, jobs_client: JobsClient
) -> None:
    service.instead = [httpx.Response(401, json={"message": "Unauthorized"})]
    with pytest.raises(SignInError) as of_gateway:
        jobs_client.jobs()
    jobs_client.http.headers["Authorization"] = "Bearer nonsense"
    with pytest.raises(SignInError) as of_service:
        jobs_client.jobs()
    assert of_gateway.value.code == of_service.value.code == "unauthenticated"


@given(attempt=st.integers(0, 60), retry_after=st.none() | st.floats(0, 1e9))
def test_pause_is_bounded_and_not_shorter_than_retry_after(attempt: int, retry_after: float | None) -> None:
    waited: list[float] = []
    Retries(pause=waited.append).wait(attempt, retry_after)
    (pause,) = waited
    assert 0.25 <= pause <= 25 if retry_after is None else min(retry_after, 20) <= pause <= 25
