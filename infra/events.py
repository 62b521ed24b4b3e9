"""Job status events: from the table's stream through the publish function to an event bus and an SNS topic."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.encryption import customer_key
from infra.findings import acknowledge
from infra.function import Function, allow
from infra.stages import Stage
from infra.storage import Storage

_ATTEMPTS = 10


class StatusEvents(Construct):
    """Publishes every change of a job's status to the stack's event bus and, from there, to a topic."""

    def __init__(self, scope: Construct, *, stage: Stage, storage: Storage) -> None:
        super().__init__(scope, "StatusEvents")
        stream = storage.table.table_stream_arn
        if stream is None:
            raise ValueError("the jobs table has no stream")
        self.bus = events.EventBus(self, "Bus", event_bus_name=f"default-risk-jobs-{stage.name}")
        # A message names the stream records that failed; the stream keeps the records themselves for a day.
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            retention_period=Duration.days(14),
            encryption_master_key=customer_key(self),
            enforce_ssl=not stage.is_local,
        )
        acknowledge(
            self.dead_letters,
            "SQS3",
            "This is the dead-letter queue of an event source, which cdk-nag does not detect.",
        )
        self.function = Function(
            self,
            "publish",
            stage=stage,
            dependencies="worker",
            memory_mib=256,
            timeout=Duration.seconds(60),
            environment={
                "TABLE_NAME": storage.table.table_name,
                "EVENT_BUS_NAME": self.bus.event_bus_name,
            },
            statements=[
                # Lambda's event source poller uses the function's role.
                allow(
                    "dynamodb:DescribeStream",
                    "dynamodb:GetRecords",
                    "dynamodb:GetShardIterator",
                    "dynamodb:ListStreams",
                    on=[stream],
                ),
                allow("sqs:SendMessage", on=[self.dead_letters.queue_arn]),
                # Until the result files of a failed job exist, its counts are in the progress shards.
                allow("dynamodb:Query", on=[storage.table.table_arn]),
                allow("events:PutEvents", on=[self.bus.event_bus_arn]),
            ],
        )
        self.function.function.add_event_source(
            event_sources.DynamoEventSource(
                storage.table,
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=100,
                report_batch_item_failures=True,
                # Isolates a record that always fails from the rest of its batch before it is dead-lettered.
                bisect_batch_on_error=True,
                retry_attempts=_ATTEMPTS,
                on_failure=event_sources.SqsDlq(self.dead_letters),
                filters=[_JOBS_ONLY],
            )
        )
        self.topic = sns.Topic(self, "Topic", master_key=customer_key(self), enforce_ssl=not stage.is_local)
        events.Rule(
            self,
            "StatusChanged",
            event_bus=self.bus,
            event_pattern=events.EventPattern(source=["default-risk.jobs"], detail_type=["Job Status Changed"]),
            targets=[targets.SnsTopic(self.topic)],
        )


# Most writes are chunk commits, to progress shards. A filter cannot compare images, so the function does that.
_JOBS_ONLY = lambda_.FilterCriteria.filter(
    {
        "eventName": lambda_.FilterRule.or_("INSERT", "MODIFY"),
        "dynamodb": {
            "Keys": {"sk": {"S": lambda_.FilterRule.is_equal("JOB")}},
            "NewImage": {"status": {"S": lambda_.FilterRule.exists()}},
        },
    }
)
