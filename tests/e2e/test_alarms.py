"""Alarms on the local cloud and their notifications to the topic.

The local cloud ignores periods and dimensions of metrics; tests/infra checks the dimensions.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from infra.project import ROOT
from tests.e2e.queue_policies import open_to_services

pytestmark = pytest.mark.e2e

STACK = "default-risk-jobs-local"
_WAIT_SECONDS = 30


@pytest.fixture
def client(cloud: LocalCloud) -> Iterator[Callable[[Any], Any]]:
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(closing(cloud.session().client(name, endpoint_url=cloud.endpoint_url)))


@pytest.fixture
def wait_for_notification(client: Callable[[Any], Any]) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Returns a function that waits for the notification of an alarm."""
    sqs, sns = client("sqs"), client("sns")
    (described,) = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    queue = sqs.create_queue(QueueName="on-call")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": open_to_services(arn)})
    subscription = sns.subscribe(
        TopicArn=outputs["AlarmTopicArn"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
    )["SubscriptionArn"]

    def next_of(alarm: str) -> dict[str, Any]:
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline:
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                change: dict[str, Any] = json.loads(message["Body"])
                if change["AlarmName"] == alarm and change["NewStateValue"] == "ALARM":
                    return change
        raise AssertionError(f"no notification of {alarm}")

    yield next_of
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=queue)


def alarms(cloudwatch: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cloudwatch.describe_alarms()["MetricAlarms"]
    return found


def runbook_of(alarm: dict[str, Any]) -> str:
    return str(alarm["AlarmDescription"].rpartition(", ")[2])


def test_every_alarm_fires_above_its_threshold_and_notifies_the_topic(
    client: Callable[[Any], Any], wait_for_notification: Callable[[str], dict[str, Any]]
) -> None:
    cloudwatch = client("cloudwatch")
    guide = (ROOT / "infra" / "docs" / "operations.md").read_text()
    found = alarms(cloudwatch)
    assert len(found) == len({alarm["AlarmName"] for alarm in found}) > 0
    for alarm in found:
        name, threshold, runbook = alarm["AlarmName"], alarm["Threshold"], runbook_of(alarm)
        if alarm["ComparisonOperator"] == "LessThanThreshold":
            threshold = 0
        metric = {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"]}
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="all is well")
        # Two values with the threshold as their average.
        figures = [{**metric, "Value": threshold / 2}, {**metric, "Value": threshold * 3 / 2}]
        for figure in figures:
            cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[figure])
        assert wait_for_notification(name)["AlarmDescription"].endswith(f"Runbook: infra/docs/operations.md, {runbook}")
        (now,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        assert now["StateValue"] == "ALARM"
        assert f"### {runbook}\n" in guide


def test_failed_export_fires_its_alarm(
    client: Callable[[Any], Any], wait_for_notification: Callable[[str], dict[str, Any]]
) -> None:
    cloudwatch = client("cloudwatch")
    (alarm,) = (alarm for alarm in alarms(cloudwatch) if runbook_of(alarm) == "ExportsFailing")
    (function,) = [item["Value"] for item in alarm["Dimensions"] if item["Name"] == "FunctionName"]
    cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="all is well")
    answer = client("lambda").invoke(FunctionName=function, Payload=b"{}")
    assert answer["FunctionError"]
    # The local cloud evaluates alarms whenever it receives a metric.
    cloudwatch.put_metric_data(Namespace="Clock", MetricData=[{"MetricName": "Ticks", "Value": 1}])
    assert wait_for_notification(alarm["AlarmName"])["Trigger"]["MetricName"] == "Errors"
