"""Subscribers of status events, and synchronous scoring, on the local cloud."""

import csv
import io
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from default_risk_jobs import JobsClient
from infra.local.cloud import LocalCloud
from shared.inputs.schema import example_rows
from shared.vocabulary import JobType
from tests.e2e.queue_policies import open_to_services

pytestmark = pytest.mark.e2e

_WAIT_SECONDS = 60


@pytest.fixture
def subscriber(cloud: LocalCloud) -> Iterator[Any]:
    """Queues subscribed to bus and topic: `(sqs, queue of the bus, queue of the topic)`."""
    with ExitStack() as stack:

        def client(name: Any) -> Any:
            return stack.enter_context(closing(cloud.session().client(name, endpoint_url=cloud.endpoint_url)))

        events, sns, sqs, cloudformation = map(client, ("events", "sns", "sqs", "cloudformation"))
        (described,) = cloudformation.describe_stacks(StackName="default-risk-jobs-local")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("of-the-bus", "of-the-topic")]
        arns = [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            for url in urls
        ]
        for url, arn in zip(urls, arns, strict=True):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": open_to_services(arn)})
        bus = outputs["EventBusName"]
        pattern = {"source": ["default-risk.jobs"], "detail": {"organization_id": ["acme"]}}
        events.put_rule(Name="subscriber", EventBusName=bus, EventPattern=json.dumps(pattern))
        events.put_targets(Rule="subscriber", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arns[0]}])
        sns.subscribe(
            TopicArn=outputs["StatusTopicArn"],
            Protocol="sqs",
            Endpoint=arns[1],
            Attributes={"RawMessageDelivery": "true"},
        )
        yield sqs, *urls


def statuses(sqs: Any, url: str, job_id: str, *, until: str) -> list[str]:
    """Receives the statuses of a job from a queue until one of them is `until`."""
    found: list[str] = []
    deadline = time.monotonic() + _WAIT_SECONDS
    while until not in found and time.monotonic() < deadline:
        response = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in response.get("Messages", []):
            event = json.loads(message["Body"])
            if event["detail"]["id"] == job_id:
                found.append(event["detail"]["status"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_subscribers_of_bus_and_topic_receive_every_status_of_a_job(member: JobsClient, subscriber: Any) -> None:
    sqs, of_bus, of_topic = subscriber
    template = member.http.get("annual/template").content
    job_id = member.upload("annual", "heard.csv", template)["job_id"]
    assert member.wait(job_id)["status"] == "completed"
    for url in (of_bus, of_topic):
        assert list(dict.fromkeys(statuses(sqs, url, job_id, until="completed"))) == [
            "pending",
            "queued",
            "processing",
            "completed",
        ]


def test_synchronous_scores_equal_those_of_a_job(member: JobsClient) -> None:
    response = member.http.post(JobType.ANNUAL, json={"rows": example_rows(JobType.ANNUAL)})
    assert response.status_code == 200, response.text
    job_id = member.upload("annual", "same.csv", member.http.get("annual/template").content)["job_id"]
    member.wait(job_id)
    scored = csv.DictReader(io.StringIO(member.download(job_id, "successful").decode()))
    assert [float(row["default_probability"]) for row in scored] == [
        result["default_probability"] for result in response.json()["results"]
    ]
    assert member.http.get("models").json()["success"] is True
