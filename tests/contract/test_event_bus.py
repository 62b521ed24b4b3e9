"""Contract of `EventBus`, and partial failures of EventBridge."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from shared.aws import clients
from shared.aws.status_events import MAX_ENTRIES, StatusEventBus
from shared.jobs.events import EVENT_SOURCE, EVENT_TYPE, EventBus, StatusEvent
from tests.aws_clients import forget_clients
from tests.fakes import FakeEventBus

BUS = "jobs"


@dataclass
class SubscribedBus:
    """A bus and a function that returns the details its subscribers received."""

    bus: EventBus
    received: Callable[[], list[dict[str, Any]]]


def _on_moto() -> SubscribedBus:
    events, sqs = clients.events(), boto3.client("sqs")
    events.create_event_bus(Name=BUS)
    queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": [EVENT_SOURCE], "detail-type": [EVENT_TYPE]}
    events.put_rule(Name="all", EventBusName=BUS, EventPattern=json.dumps(pattern))
    events.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": arn}])

    def received() -> list[dict[str, Any]]:
        details = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            details += [json.loads(message["Body"])["detail"] for message in messages]
        return details

    return SubscribedBus(StatusEventBus(client=clients.events, bus_name=BUS), received)


@pytest.fixture(params=["fake", "moto"])
def subscribed(request: pytest.FixtureRequest) -> Iterator[SubscribedBus]:
    if request.param == "fake":
        fake = FakeEventBus()
        yield SubscribedBus(fake, lambda: [dict(event.detail) for event in fake.events])
        return
    with mock_aws():
        forget_clients()
        yield _on_moto()
    forget_clients()


def an_event(job: str, number: int) -> StatusEvent:
    return StatusEvent(job_id=job, detail={"id": job, "number": number, "name": "Ünïcode\u2028"})


def test_subscribers_receive_every_event_unchanged(subscribed: SubscribedBus) -> None:
    events = [an_event(f"job-{number % 7}", number) for number in range(25)]
    assert subscribed.bus.put(events) == 25
    received = sorted(subscribed.received(), key=lambda detail: int(detail["number"]))
    assert received == [event.detail for event in events]


def test_empty_batch_of_events_makes_no_request(subscribed: SubscribedBus) -> None:
    assert subscribed.bus.put([]) == 0
    assert subscribed.received() == []


class FlakyEventBridge:
    """An EventBridge client that rejects the n-th entry put, for each n in `refused`."""

    def __init__(self, refused: Sequence[int] = ()) -> None:
        self.refused = set(refused)
        self.seen = 0
        self.accepted: list[tuple[str, int]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as botocore names it
        assert 0 < len(Entries) <= MAX_ENTRIES
        outcomes: list[dict[str, str]] = []
        for entry in Entries:
            detail = json.loads(entry["Detail"])
            if self.seen in self.refused:
                outcomes.append({"ErrorCode": "InternalFailure"})
            else:
                outcomes.append({"EventId": "1"})
                self.accepted.append((detail["id"], detail["number"]))
            self.seen += 1
        return {"FailedEntryCount": sum("ErrorCode" in outcome for outcome in outcomes), "Entries": outcomes}


@given(
    jobs=st.lists(st.sampled_from("abc"), max_size=40),
    refused=st.sets(st.integers(0, 60)),
)
def test_retried_events_arrive_in_order_within_their_job(jobs: list[str], refused: set[int]) -> None:
    events = [an_event(job, number) for number, job in enumerate(jobs)]
    flaky = FlakyEventBridge(sorted(refused))
    bus = StatusEventBus(client=lambda: flaky, bus_name=BUS)  # type: ignore[arg-type,return-value]
    remaining = events
    while remaining:
        remaining = remaining[bus.put(remaining) :]
    for job in set(jobs):
        numbers = [number for other, number in flaky.accepted if other == job]
        first_seen = list(dict.fromkeys(numbers))
        assert first_seen == [number for number, other in enumerate(jobs) if other == job]


def stubbed(*responses: dict[str, Any] | str) -> tuple[EventBus, Stubber]:
    client = boto3.client("events", region_name="eu-central-1")
    stub = Stubber(client)
    for response in responses:
        if isinstance(response, str):
            stub.add_client_error("put_events", response)
        else:
            stub.add_response("put_events", response)
    stub.activate()
    return StatusEventBus(client=lambda: client, bus_name=BUS), stub


def test_throttled_bus_has_accepted_no_event() -> None:
    bus, _ = stubbed("ThrottlingException")
    assert bus.put([an_event("a", 1)]) == 0


def test_events_accepted_before_the_bus_was_throttled_are_counted() -> None:
    accepted = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
    bus, stub = stubbed(accepted, "ThrottlingException")
    assert bus.put([an_event("a", 1), an_event("a", 2), an_event("a", 3)]) == 1
    stub.assert_no_pending_responses()


def test_missing_permission_raises_client_error() -> None:
    bus, _ = stubbed("AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        bus.put([an_event("a", 1)])
