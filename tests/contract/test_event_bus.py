"""What an event bus does, and how the one on EventBridge takes refusals."""

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
class Subscribed:
    """A bus, and what its subscribers got."""

    bus: EventBus
    received: Callable[[], list[dict[str, Any]]]


def _on_moto() -> Subscribed:
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

    return Subscribed(StatusEventBus(client=clients.events, bus_name=BUS), received)


@pytest.fixture(params=["fake", "moto"])
def subscribed(request: pytest.FixtureRequest) -> Iterator[Subscribed]:
    if request.param == "fake":
        fake = FakeEventBus()
        yield Subscribed(fake, lambda: [dict(event.detail) for event in fake.events])
        return
    with mock_aws():
        forget_clients()
        yield _on_moto()
    forget_clients()


def an_event(job: str, number: int) -> StatusEvent:
    return StatusEvent(job_id=job, detail={"id": job, "number": number, "name": "Ünïcode\u2028"})


def test_subscribers_get_every_event_as_it_was_put(subscribed: Subscribed) -> None:
    events = [an_event(f"job-{number % 7}", number) for number in range(25)]
    assert subscribed.bus.put(events) == 25
    received = sorted(subscribed.received(), key=lambda detail: int(detail["number"]))
    assert received == [event.detail for event in events]


def test_no_event_is_no_request(subscribed: Subscribed) -> None:
    assert subscribed.bus.put([]) == 0
    assert subscribed.received() == []


class Flaky:
    """EventBridge that refuses the entries at some places in the order in which they are put, each place once."""

    def __init__(self, refused: Sequence[int] = ()) -> None:
        self.refused = set(refused)
        self.seen = 0
        self.accepted: list[tuple[str, int]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as botocore names it
        assert 0 < len(Entries) <= MAX_ENTRIES
        answers: list[dict[str, str]] = []
        for entry in Entries:
            detail = json.loads(entry["Detail"])
            if self.seen in self.refused:
                answers.append({"ErrorCode": "InternalFailure"})
            else:
                answers.append({"EventId": "1"})
                self.accepted.append((detail["id"], detail["number"]))
            self.seen += 1
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}


@given(
    jobs=st.lists(st.sampled_from("abc"), max_size=40),
    refused=st.sets(st.integers(0, 60)),
)
def test_put_again_from_the_first_that_failed_every_event_comes_and_none_overtakes_one_of_its_job(
    jobs: list[str], refused: set[int]
) -> None:
    events = [an_event(job, number) for number, job in enumerate(jobs)]
    flaky = Flaky(sorted(refused))
    bus = StatusEventBus(client=lambda: flaky, bus_name=BUS)  # type: ignore[arg-type,return-value]
    left = events
    while left:
        left = left[bus.put(left) :]
    for job in set(jobs):
        numbers = [number for other, number in flaky.accepted if other == job]
        first_seen = list(dict.fromkeys(numbers))
        assert first_seen == [number for number, other in enumerate(jobs) if other == job]


def stubbed(*answers: dict[str, Any] | str) -> tuple[EventBus, Stubber]:
    client = boto3.client("events", region_name="eu-central-1")
    stub = Stubber(client)
    for answer in answers:
        if isinstance(answer, str):
            stub.add_client_error("put_events", answer)
        else:
            stub.add_response("put_events", answer)
    stub.activate()
    return StatusEventBus(client=lambda: client, bus_name=BUS), stub


def test_a_bus_that_does_not_answer_has_none_of_a_request() -> None:
    bus, _ = stubbed("ThrottlingException")
    assert bus.put([an_event("a", 1)]) == 0


def test_what_went_out_before_the_bus_fell_silent_counts() -> None:
    accepted = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
    bus, stub = stubbed(accepted, "ThrottlingException")
    assert bus.put([an_event("a", 1), an_event("a", 2), an_event("a", 3)]) == 1
    stub.assert_no_pending_responses()


def test_a_missing_right_is_an_error_and_no_refusal() -> None:
    bus, _ = stubbed("AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        bus.put([an_event("a", 1)])
