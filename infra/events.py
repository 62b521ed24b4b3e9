"""Job status events: from the table's stream through the publish function to an event bus and an SNS topic."""

import jsii
from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.encryption import customer_key, key_statements
from infra.function import Function, allow
from infra.rules import EventRules, role_of_rules
from infra.stages import Stage
from infra.storage import UNPUBLISHED_PREFIX, Storage

# How long the poller retries a record that cannot be published. A record that never can be delays those behind it by as
# much; an outage of the bus that lasts longer leaves its records in the bucket, from where they can be published.
_RETRIED_FOR = Duration.hours(1)
_ARCHIVED_FOR = Duration.days(30)
_SOURCE = "default-risk.jobs"


class StatusEvents(Construct):
    """Publishes every change of a job's status to the stack's event bus and, from there, to a topic."""

    def __init__(self, scope: Construct, *, stage: Stage, storage: Storage, rules: EventRules) -> None:
        super().__init__(scope, "StatusEvents")
        stream = storage.table.table_stream_arn
        if stream is None:
            raise ValueError("the jobs table has no stream")
        bus_name = stage.stack_name
        self.bus = events.EventBus(self, "Bus", event_bus_name=bus_name)
        if not stage.is_local:
            self.bus.archive(
                "Archive",
                description="Status events of jobs, which subscribers can have replayed",
                event_pattern=events.EventPattern(source=[_SOURCE]),
                retention=_ARCHIVED_FOR,
            )
        statements = [
            # Lambda's event source poller uses the function's role.
            allow(
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
                "dynamodb:ListStreams",
                on=[stream],
            ),
            # Until the result files of a failed job exist, its counts are in the progress shards.
            allow("dynamodb:Query", on=[storage.table.table_arn]),
            allow("events:PutEvents", on=[self.bus.event_bus_arn]),
            # The poller keeps records there that were not published in time.
            # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
            allow("s3:PutObject", on=[storage.results.arn_for_objects(f"{UNPUBLISHED_PREFIX}*")]),
            allow("s3:ListBucket", on=[storage.results.bucket_arn], key_prefixes=[f"{UNPUBLISHED_PREFIX}*"]),
        ]
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
            statements=statements,
        )
        source = event_sources.DynamoEventSource(
            storage.table,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=100,
            report_batch_item_failures=True,
            # Isolates a record that always fails from the rest of its batch.
            bisect_batch_on_error=True,
            max_record_age=_RETRIED_FOR,
            on_failure=_KeptIn(storage.results.bucket_arn),
            filters=[_JOBS_ONLY],
            metrics_config=lambda_.MetricsConfig(metrics=[lambda_.MetricType.EVENT_COUNT]),
        )
        self.function.function.add_event_source(source)
        self.mapping_id = source.event_source_mapping_id
        self.topic = sns.Topic(self, "Topic", master_key=customer_key(self), enforce_ssl=not stage.is_local)
        # EventBridge supports no conditions in a topic's policy, nor source conditions in that of its key, and without
        # them both would admit the rules of every account. A role that rules assume can have conditions.
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        publisher = role_of_rules(self, "Publisher", bus_name=bus_name)
        publish = [allow("sns:Publish", on=[self.topic.topic_arn])]
        iam.Policy(self, "PublisherPolicy", roles=[publisher], statements=[*publish, *key_statements(self, publish)])
        rules.on_event(
            self,
            "StatusChanged",
            bus=self.bus,
            source=_SOURCE,
            detail_type="Job Status Changed",
            target=targets.SnsTopic(
                self.topic, role=publisher.without_policy_updates(), dead_letter_queue=rules.undelivered
            ),
        )


@jsii.implements(lambda_.IEventSourceDlq)
class _KeptIn:
    """An on-failure destination in a bucket. CDK's own also lets the function read and delete all of its objects."""

    def __init__(self, bucket_arn: str) -> None:
        self._bucket_arn = bucket_arn

    def bind(self, _target: lambda_.IEventSourceMapping, _handler: lambda_.IFunction) -> lambda_.DlqDestinationConfig:
        return lambda_.DlqDestinationConfig(destination=self._bucket_arn)


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
