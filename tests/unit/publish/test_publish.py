"""The publish function on real stream records: which of them make events, and where a batch is resumed."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from functions.publish import handler as function
from functions.publish.status_events import StatusEvents
from shared.aws.job_items import decode_job
from shared.aws.status_events import status_change_of
from shared.aws.table_keys import decode
from shared.jobs.job import JobStatus
from tests.builders import a_completed_job, a_count, a_job, plan_facts
from tests.fakes import FakeEventBus, FakeJobStore
from tests.invocation import InvocationContext
from tests.unit.publish.stream_records import stream_record

RECORD = json.loads((Path(__file__).resolve().parents[2] / "events" / "stream_job_queued.json").read_text())


@pytest.fixture
def bus() -> FakeEventBus:
    return FakeEventBus()


@pytest.fixture(autouse=True)
def _composition(monkeypatch: pytest.MonkeyPatch, store: FakeJobStore, bus: FakeEventBus) -> None:
    monkeypatch.setattr(function, "_status_events", lambda: StatusEvents(store=store, bus=bus))


def published(*records: dict[str, Any]) -> list[str]:
    """Invokes the function as Lambda does and returns the sequence numbers from which the batch is repeated."""
    response = function.handler({"Records": list(records)}, InvocationContext())
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def record(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = copy.deepcopy(RECORD)
    made["dynamodb"].update(changes)
    return made


def test_event_of_a_status_change_is_the_status_response_and_its_owner(bus: FakeEventBus) -> None:
    assert published(RECORD) == []
    (event,) = bus.events
    job = decode_job(decode(RECORD["dynamodb"]["NewImage"]))
    assert event.job_id == str(job.id)
    assert json.loads(json.dumps(event.detail)) == {
        "id": str(job.id),
        "status": "queued",
        "phase": "queued",
        "job_type": "annual",
        "original_filename": "figures.csv",
        "total_rows": 0,
        "processed_rows": 0,
        "successful_rows": 0,
        "failed_rows": 0,
        "progress_percentage": 0.0,
        "created_at": "2026-03-02T12:00:00.000Z",
        "started_at": None,
        "completed_at": None,
        "error_message": None,
        "error_details": None,
        "celery_task_id": job.execution_arn,
        "celery_status": "PENDING",
        "celery_meta": None,
        "cancelled": False,
        "notes_count": 0,
        "previous_status": "pending",
        "organization_id": "acme",
        "labels": {"desk": "credit"},
    }


def test_new_job_makes_an_event_with_the_status_pending(bus: FakeEventBus) -> None:
    assert published(stream_record(None, a_job())) == []
    assert [(event.detail["status"], event.detail["previous_status"]) for event in bus.events] == [("pending", None)]


@pytest.mark.parametrize(
    "silent",
    [
        record(OldImage=RECORD["dynamodb"]["NewImage"]),
        record(Keys={**RECORD["dynamodb"]["Keys"], "sk": {"S": "SHARD#000"}}),
        {
            **record(),
            "eventName": "REMOVE",
            "dynamodb": {k: v for k, v in RECORD["dynamodb"].items() if k != "NewImage"},
        },
        record(NewImage={**RECORD["dynamodb"]["Keys"], "deleted_at": {"S": "2026-03-02T12:00:00.000Z"}}),
    ],
    ids=["a write that keeps the status", "a shard", "a removal", "a deletion"],
)
def test_record_without_a_status_change_makes_no_event(bus: FakeEventBus, silent: dict[str, Any]) -> None:
    assert status_change_of(silent) is None
    assert published(silent) == []
    assert bus.events == []


def test_batch_resumes_at_the_first_event_that_was_not_published(bus: FakeEventBus) -> None:
    bus.accepts = 1
    records = [stream_record(None, a_job(), sequence=str(number)) for number in (11, 12, 13)]
    assert published(*records) == ["12"]
    bus.accepts = None
    assert published(*records[1:]) == []
    assert [event.job_id for event in bus.events] == [
        item["dynamodb"]["Keys"]["pk"]["S"].removeprefix("JOB#") for item in records
    ]


def test_events_before_an_unreadable_record_are_published_and_it_is_reported(bus: FakeEventBus) -> None:
    readable = [stream_record(None, a_job(), sequence=str(number)) for number in (1, 3)]
    unreadable = record(NewImage={**RECORD["dynamodb"]["NewImage"], "status": {"S": "unheard-of"}}, SequenceNumber="2")
    assert published(readable[0], unreadable, readable[1]) == ["2"]
    assert len(bus.events) == 1
    assert published(unreadable) == ["2"]


def test_refused_event_is_reported_before_an_unreadable_record(bus: FakeEventBus) -> None:
    bus.accepts = 0
    unreadable = record(NewImage={}, SequenceNumber="2")
    assert published(stream_record(None, a_job(), sequence="1"), unreadable) == ["1"]


def test_event_of_a_completed_job_has_its_final_counts(bus: FakeEventBus) -> None:
    job = a_completed_job()
    published(stream_record(JobStatus.PROCESSING, job))
    (event,) = bus.events
    assert [event.detail[name] for name in ("total_rows", "successful_rows", "failed_rows")] == [10, 8, 2]


def test_event_of_a_cancelled_job_has_the_counts_of_its_closed_shards(bus: FakeEventBus, store: FakeJobStore) -> None:
    job = a_job(status=JobStatus.QUEUED)
    store.add(job)
    store.start(job, now=job.created_at)
    planning = view_of(store, job.id)
    store.record_plan(planning, plan_facts(), now=job.created_at)
    store.commit_chunk(job.id, a_count(0, successful=4, failed=1), shard=0, now=job.created_at)
    store.fail(view_of(store, job.id), error_code=None, error_message="x", cancelled=True, now=job.created_at)
    published(stream_record(JobStatus.PROCESSING, view_of(store, job.id)))
    (event,) = bus.events
    assert [event.detail[name] for name in ("total_rows", "successful_rows", "failed_rows")] == [10, 4, 1]
    assert (event.detail["cancelled"], event.detail["celery_status"]) == (True, "REVOKED")


def test_event_of_a_failed_job_is_published_even_after_its_deletion(bus: FakeEventBus) -> None:
    assert published(stream_record(JobStatus.QUEUED, a_job(status=JobStatus.FAILED))) == []
    assert [event.detail["status"] for event in bus.events] == ["failed"]


def view_of(store: FakeJobStore, job_id: Any) -> Any:
    view = store.get(job_id)
    assert view is not None
    return view.job
