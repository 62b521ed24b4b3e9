"""Many jobs in one request."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.api.routes.bulk import act_on_each
from shared.jobs.job import Job, JobStatus
from tests.builders import a_completed_job, a_job, a_processing_job
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import API, Client, Seconds


def bulk(client: Client, action: str, *job_ids: object) -> dict[str, Any]:
    answer = client.post(f"{API}/jobs/bulk/{action}", json={"job_ids": [str(job_id) for job_id in job_ids]})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_each_job_has_its_own_outcome_in_the_order_asked(client: Client, store: FakeJobStore) -> None:
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
    # A foreign job looks exactly as one that is not there.
    assert {(o["code"], o["detail"]) for o in body["results"][2:]} == {
        ("job_not_found", "Job not found or access denied")
    }
    view = store.get(foreign.id)
    assert view is not None
    assert view.job.status is JobStatus.PROCESSING


def test_deleting_many_leaves_the_processing_ones(client: Client, store: FakeJobStore) -> None:
    ended, busy = a_completed_job(), a_processing_job()
    store.add(ended)
    store.add(busy)
    body = bulk(client, "delete", busy.id, ended.id)
    assert [outcome["success"] for outcome in body["results"]] == [False, True]
    assert body["results"][0]["code"] == "job_processing"
    assert body["results"][1]["status"] == "completed"
    assert store.get(ended.id) is None
    assert store.get(busy.id) is not None


def test_a_job_named_twice_is_acted_on_once(client: Client, store: FakeJobStore) -> None:
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
def test_a_malformed_request_is_refused_as_a_whole(client: Client, sent: object) -> None:
    answer = client.post(f"{API}/jobs/bulk/delete", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


def test_an_unforeseen_failure_of_one_job_hides_no_other() -> None:
    good, bad = a_job(), uuid4()

    def act(job_id: UUID) -> Job:
        if job_id == bad:
            raise RuntimeError("arn:aws:secret")
        return good

    body = act_on_each([str(bad), str(good.id)], act)
    assert [outcome["success"] for outcome in body["results"]] == [False, True]
    assert body["results"][0]["code"] == "internal_error"
    assert "secret" not in str(body)


def test_what_does_not_begin_in_time_is_said_to_be_undone() -> None:
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
