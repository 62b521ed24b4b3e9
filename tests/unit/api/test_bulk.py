"""Bulk cancel and delete: many jobs in one request."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.api.routes.bulk import act_on_each
from shared.jobs.job import Job, JobStatus
from tests.builders import a_completed_job, a_job, a_processing_job
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import API, Client, Seconds


def bulk(client: Client, action: str, *job_ids: object) -> dict[str, Any]:
    response = client.post(f"{API}/jobs/bulk/{action}", json={"job_ids": [str(job_id) for job_id in job_ids]})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def test_each_job_has_its_own_outcome_in_the_order_of_the_request(client: Client, store: FakeJobStore) -> None:
    live, ended, foreign = a_processing_job(), a_completed_job(), a_processing_job(organization_id="rival")
    for job in (live, ended, foreign):
        store.add(job)
    body = bulk(client, "cancel", ended.id, live.id, foreign.id, uuid4(), "no-uuid")
    assert [outcome.get("code") for outcome in body["results"]] == [
        "job_not_cancellable",
        None,
        "job_not_found",
        "job_not_found",
        "job_not_found",
    ]
    assert body["results"][1] == {"job_id": str(live.id), "success": True, "status": "failed"}
    assert (body["succeeded"], body["failed"]) == (1, 4)
    # A foreign job looks exactly like an unknown one.
    assert {(o["code"], o["detail"]) for o in body["results"][2:]} == {
        ("job_not_found", "Job not found or access denied")
    }
    view = store.get(foreign.id)
    assert view is not None
    assert view.job.status is JobStatus.PROCESSING


def test_bulk_delete_leaves_processing_jobs(client: Client, store: FakeJobStore) -> None:
    ended, busy = a_completed_job(), a_processing_job()
    store.add(ended)
    store.add(busy)
    body = bulk(client, "delete", busy.id, ended.id)
    assert [outcome["success"] for outcome in body["results"]] == [False, True]
    assert body["results"][0]["code"] == "job_processing"
    assert body["results"][1]["status"] == "completed"
    assert store.get(ended.id) is None
    assert store.get(busy.id) is not None


def test_job_named_twice_is_deleted_once(client: Client, store: FakeJobStore) -> None:
    job = a_completed_job()
    store.add(job)
    assert bulk(client, "delete", job.id, job.id)["succeeded"] == 1


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"job_ids": []},
        {"job_ids": "all"},
        {"job_ids": [1]},
        {"job_ids": ["x"] * 101},
        {"job_ids": ["x"], "force": True},
        [],
    ],
)
def test_malformed_bulk_request_is_refused_as_a_whole(client: Client, sent: object) -> None:
    response = client.post(f"{API}/jobs/bulk/delete", json=sent)
    assert (response.status_code, response.json()["code"]) == (422, "validation_error")


def test_unexpected_failure_of_one_job_does_not_affect_the_others() -> None:
    found, failing_id = a_job(), uuid4()

    def act(job_id: UUID) -> Job:
        if job_id == failing_id:
            raise RuntimeError("arn:aws:secret")
        return found

    body = act_on_each([str(failing_id), str(found.id)], act)
    assert [outcome["success"] for outcome in body["results"]] == [False, True]
    assert body["results"][0]["code"] == "internal_error"
    assert "secret" not in str(body)


def test_job_that_is_not_started_in_time_is_reported_as_unavailable() -> None:
    seconds, begun = Seconds(), []

    def act(job_id: UUID) -> Job:
        begun.append(job_id)
        seconds.now += 30
        return a_job()

    job_ids = [str(uuid4()) for _ in range(100)]
    results = act_on_each(job_ids, act, monotonic=seconds.monotonic)["results"]
    undone = [outcome for outcome in results if not outcome["success"]]
    assert {outcome["code"] for outcome in undone} == {"unavailable"}
    assert len(begun) + len(undone) == 100
    assert undone
