"""The retry route: its response, its request body, and the order of its errors."""

from typing import Any

import pytest

from shared.jobs.job import JobStatus, Outcome, Source
from tests.builders import a_completed_job, a_job, a_processing_job, a_retry
from tests.fakes import FakeJobStore, FakePreparer
from tests.unit.api.conftest import API, Client


def url(job: Any) -> str:
    return f"{API}/jobs/{job.id}/retry"


def test_retry_response_is_that_of_an_upload_with_a_link_to_the_parent(
    client: Client, store: FakeJobStore, preparer: FakePreparer
) -> None:
    parent = a_completed_job()
    store.add(parent)
    response = client.post(url(parent), json={"outcomes": ["failed", "unprocessed"]})
    body = response.json()
    job_id = body["job_id"]
    assert response.status_code == 202
    assert set(body) == {
        "success",
        "message",
        "job_id",
        "task_id",
        "total_rows",
        "estimated_time_minutes",
        "status",
        "links",
    }
    assert (body["success"], body["status"], body["total_rows"]) == (True, "pending", None)
    assert body["links"]["parent"] == f"{API}/jobs/{parent.id}"
    assert response.headers["Location"].endswith(f"{API}/jobs/{job_id}")
    assert int(response.headers["Retry-After"]) > 0
    assert [str(requested) for requested in preparer.requested] == [job_id]

    details = client.get(f"{API}/jobs/{job_id}").json()["job"]
    assert (details["source"], details["parent_job_id"]) == (Source.RETRY, str(parent.id))
    assert details["links"]["retry"] == f"{API}/jobs/{job_id}/retry"
    assert "parent" not in client.get(f"{API}/jobs/{parent.id}").json()["job"]["links"]
    assert job_id in {job["id"] for job in client.get(f"{API}/jobs?status=pending").json()["jobs"]}


@pytest.mark.parametrize(
    ("sent", "outcomes"),
    [
        ({}, {Outcome.FAILED, Outcome.UNPROCESSED}),
        ({"content": b""}, {Outcome.FAILED, Outcome.UNPROCESSED}),
        ({"json": {}}, {Outcome.FAILED, Outcome.UNPROCESSED}),
        ({"json": {"outcomes": ["failed"]}}, {Outcome.FAILED}),
        ({"json": {"outcomes": ["failed", "failed"]}}, {Outcome.FAILED}),
        ({"json": {"outcomes": ["unprocessed", "failed"]}}, {Outcome.FAILED, Outcome.UNPROCESSED}),
    ],
)
def test_both_outcomes_are_retried_unless_the_body_says_otherwise(
    client: Client, store: FakeJobStore, preparer: FakePreparer, sent: dict[str, Any], outcomes: set[Outcome]
) -> None:
    parent = a_completed_job()
    store.add(parent)
    assert client.post(url(parent), **sent).status_code == 202
    (child,) = preparer.requested
    view = store.get(child)
    assert view is not None
    assert view.job.retry == a_retry(outcomes=frozenset(outcomes))


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"outcomes": []}},
        {"json": {"outcomes": None}},
        {"json": {"outcomes": "failed"}},
        {"json": {"outcomes": ["successful"]}},
        {"json": {"outcomes": ["all"]}},
        {"json": {"outcomes": ["failed"], "rows": [1]}},
        {"json": {"parent_job_id": "x"}},
        {"json": ["failed"]},
        {"content": b"null"},
        {"content": b"{"},
        {"content": b'{"outcomes": ["\xff"]}'},
        {"content": b'{"outcomes": [NaN]}'},
    ],
)
def test_malformed_retry_body_is_refused_and_makes_no_job(
    client: Client, store: FakeJobStore, preparer: FakePreparer, sent: dict[str, Any]
) -> None:
    parent = a_completed_job()
    store.add(parent)
    response = client.post(url(parent), **sent)
    assert (response.status_code, response.json()["code"]) == (422, "validation_error")
    assert preparer.requested == store.unsettled() == []


def test_large_retry_body_is_refused(client: Client, store: FakeJobStore) -> None:
    parent = a_completed_job()
    store.add(parent)
    response = client.post(url(parent), json={"outcomes": ["x" * 20_000]})
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("parent", "status", "code"),
    [
        (a_job(), 409, "results_not_ready"),
        (a_job(status=JobStatus.QUEUED), 409, "results_not_ready"),
        (a_processing_job(), 409, "results_not_ready"),
        (a_completed_job(retry=a_retry(generation=10)), 400, "retry_limit"),
    ],
)
def test_state_of_the_job_is_reported_before_errors_of_the_body(
    client: Client, store: FakeJobStore, parent: Any, status: int, code: str
) -> None:
    store.add(parent)
    response = client.post(url(parent), json={"outcomes": "bogus"})
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_retry_without_matching_rows_is_refused(client: Client, store: FakeJobStore, preparer: FakePreparer) -> None:
    parent = a_completed_job()
    store.add(parent)
    response = client.post(url(parent), json={"outcomes": ["unprocessed"]})
    assert (response.status_code, response.json()["code"]) == (400, "nothing_to_retry")
    assert response.json()["detail"] == "The job has no unprocessed rows, so there is nothing to retry."
    assert preparer.requested == []
