"""The jobs table's stream with Lambda's poller, and the event bus with a subscriber, in moto."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3

from shared.aws import clients
from tests.flow.system import System
from tests.synthesized import JsonObject


@dataclass
class StatusStream:
    """Reads the stream from its start and passes its records to the publish function in batches."""

    system: System
    batch_size: int = 100
    taken: int = 0
    before_batch: list[Callable[[list[JsonObject]], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        synthesized = self.system.template
        name, properties = synthesized.only("AWS::Events::EventBus")
        bus = synthesized.resolve(properties["Name"])
        environment = synthesized.only("AWS::Lambda::Function", containing="Publish")[1]["Environment"]["Variables"]
        assert synthesized.resolve(environment["EVENT_BUS_NAME"]) == name.lower()
        clients.events().create_event_bus(Name=name.lower())
        _, rule = synthesized.only("AWS::Events::Rule", containing="StatusChanged")
        sqs = boto3.client("sqs")
        self.queue_url = sqs.create_queue(QueueName=f"subscriber-of-{bus}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])["Attributes"]
        clients.events().put_rule(
            Name="subscriber", EventBusName=name.lower(), EventPattern=json.dumps(rule["EventPattern"])
        )
        clients.events().put_targets(
            Rule="subscriber", EventBusName=name.lower(), Targets=[{"Id": "q", "Arn": attributes["QueueArn"]}]
        )

    def deliver(self, *, attempts: int = 20) -> None:
        """Delivers the stream's records, restarting at reported failures, until all are published."""
        records = stream_records(self.system)
        for _ in range(attempts):
            if self.taken == len(records):
                return
            batch = records[self.taken : self.taken + self.batch_size]
            for hook in self.before_batch:
                hook(batch)
            failures = self.system.invoke("publish", {"Records": batch})["batchItemFailures"]
            if not failures:
                self.taken += len(batch)
                continue
            numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
            self.taken += numbers.index(failures[0]["itemIdentifier"])
        raise AssertionError("the stream was not read to its end")

    def received(self) -> list[JsonObject]:
        """Returns the events that the subscriber received, in order."""
        sqs = boto3.client("sqs")
        events = []
        while messages := sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                events.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return events


def stream_records(system: System) -> list[JsonObject]:
    """Returns all records of the table's stream that pass the mapping's filter."""
    streams = boto3.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName=system.table)["Streams"]
    arn = stream["StreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records: list[Any] = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    return [json.loads(json.dumps(record, default=str)) for record in records if passes_the_filter(record)]


def passes_the_filter(record: JsonObject) -> bool:
    """Implements the mapping's filter; a template test checks that both are equal."""
    images = record["dynamodb"]
    return (
        record["eventName"] in {"INSERT", "MODIFY"}
        and images["Keys"]["sk"] == {"S": "JOB"}
        and "status" in images.get("NewImage", {})
    )
