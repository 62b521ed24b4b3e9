"""Status events of whole jobs: published in order, at least once, and never before the table has the status."""

from uuid import UUID

import pytest

from shared.jobs.job import JobStatus
from shared.jobs.representations import job_summary
from shared.jobs.service import JobService
from tests.flow.status_stream import StatusStream
from tests.flow.system import System
from tests.flow.test_jobs import MEMBER, annual_csv, cancel_after_first_chunks, jobs, ran, submitted
from tests.synthesized import JsonObject

__all__ = ["jobs"]

WHOLE_LIFE = ["pending", "queued", "processing", "completed"]


@pytest.fixture
def stream(system: System) -> StatusStream:
    return StatusStream(system)


def statuses(events: list[JsonObject], job_id: UUID) -> list[str]:
    return [event["detail"]["status"] for event in events if event["detail"]["id"] == str(job_id)]


def test_status_change_is_published_after_the_table_has_it(
    system: System, jobs: JobService, stream: StatusStream
) -> None:
    seen: list[str] = []

    def check_that_no_event_is_early(batch: list[JsonObject]) -> None:
        order = [*JobStatus]
        for record in batch:
            new = record["dynamodb"]["NewImage"]
            job = jobs.get(MEMBER, UUID(new["pk"]["S"].removeprefix("JOB#"))).job
            assert order.index(job.status) >= order.index(JobStatus(new["status"]["S"]))
            seen.append(new["status"]["S"])

    stream.before_batch.append(check_that_no_event_is_early)
    job_id = submitted(jobs, annual_csv(200, invalid=3))
    stream.deliver()
    system.deliver()
    assert system.wait(job_id) == "SUCCEEDED"
    stream.deliver()

    events = stream.received()
    assert statuses(events, job_id) == WHOLE_LIFE
    assert set(seen) == set(WHOLE_LIFE)
    assert {(event["source"], event["detail-type"]) for event in events} == {
        ("default-risk.jobs", "Job Status Changed")
    }
    last = events[-1]["detail"]
    view = jobs.get(MEMBER, job_id)
    assert {name: last[name] for name in job_summary(view.job, view.progress)} == job_summary(view.job, view.progress)
    assert (last["successful_rows"], last["failed_rows"], last["organization_id"]) == (197, 3, "acme")


def test_event_of_cancelled_job_has_its_scored_rows(system: System, jobs: JobService, stream: StatusStream) -> None:
    job_id = submitted(jobs, annual_csv(8_000))
    system.before["score"] = [cancel_after_first_chunks(jobs, job_id)]
    system.deliver()
    system.wait(job_id)
    stream.deliver()

    events = stream.received()
    assert statuses(events, job_id) == ["pending", "queued", "processing", "failed"]
    last = events[-1]["detail"]
    assert (last["cancelled"], last["error_message"]) == (True, "Job cancelled by user")
    assert last["successful_rows"] == jobs.get(MEMBER, job_id).job.final_successful_rows
    assert last["successful_rows"] > 0


def test_deleted_job_publishes_no_further_event(system: System, jobs: JobService, stream: StatusStream) -> None:
    job_id = ran(system, jobs, annual_csv(20))
    jobs.delete(MEMBER, job_id)
    stream.deliver()
    assert statuses(stream.received(), job_id) == WHOLE_LIFE


def test_events_refused_by_the_bus_are_published_again(
    system: System, jobs: JobService, stream: StatusStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.events.models import EventsBackend  # noqa: PLC0415 - only this test makes moto's bus fail

    accept = EventsBackend.put_events
    refused: list[int] = []

    def flaky(backend: EventsBackend, entries: list[JsonObject]) -> list[JsonObject]:
        if len(refused) < 3:
            refused.append(len(entries))
            results = accept(backend, entries[:-1])
            return [*results, {"ErrorCode": "InternalFailure", "ErrorMessage": "injected"}]
        return accept(backend, entries)

    monkeypatch.setattr(EventsBackend, "put_events", flaky)
    job_ids = [ran(system, jobs, annual_csv(20 + number)) for number in range(3)]
    stream.deliver()

    events = stream.received()
    assert len(refused) == 3
    for job_id in job_ids:
        assert list(dict.fromkeys(statuses(events, job_id))) == WHOLE_LIFE
