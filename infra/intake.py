"""Intake: Object Created events of the uploads bucket, the queue that buffers them, and the intake function."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.encryption import customer_key
from infra.findings import acknowledge_serverless
from infra.function import Function, allow
from infra.rules import EventRules
from infra.stages import Stage
from infra.storage import Storage
from infra.workflow import Workflow

_TIMEOUT = Duration.seconds(60)
# While the account's concurrency is used up, Lambda receives messages that it cannot process, and each time counts.
# With the visibility timeout, this many deliveries take two hours.
_DELIVERIES = 20
# Of the intake function. Without a maximum, the poller receives more messages than the account can process.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_CONCURRENCY = 10


class Intake(Construct):
    """Creates a job for every object in the uploads bucket, however the object got there."""

    def __init__(
        self, scope: Construct, *, stage: Stage, storage: Storage, workflow: Workflow, rules: EventRules
    ) -> None:
        super().__init__(scope, "Intake")
        table, uploads = storage.table.table_arn, storage.uploads
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            retention_period=Duration.days(14),
            encryption_master_key=customer_key(self),
            enforce_ssl=not stage.is_local,
        )
        acknowledge_serverless(self.dead_letters, "SQSRedrivePolicy", "This is a dead-letter queue itself.")
        self.queue = sqs.Queue(
            self,
            "Arrivals",
            # Six times the function's timeout, as Lambda recommends for event sources.
            visibility_timeout=Duration.seconds(_TIMEOUT.to_seconds() * 6),
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=_DELIVERIES),
            encryption_master_key=customer_key(self),
            enforce_ssl=not stage.is_local,
        )
        self.function = Function(
            self,
            "intake",
            stage=stage,
            dependencies="worker",
            memory_mib=512,
            timeout=_TIMEOUT,
            environment={
                "TABLE_NAME": storage.table.table_name,
                "UPLOADS_BUCKET": uploads.bucket_name,
                "STATE_MACHINE_ARN": workflow.state_machine_arn,
                "ACCOUNT_ID": Aws.ACCOUNT_ID,
            },
            statements=[
                allow("dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", on=[table]),
                allow("s3:DeleteObjectVersion", on=[uploads.arn_for_objects("*")]),
                # The user metadata of dropped files holds their options.
                allow("s3:GetObjectVersion", on=[uploads.arn_for_objects("drop/*")]),
                allow("s3:ListBucket", "s3:ListBucketVersions", on=[uploads.bucket_arn], key_prefixes=["drop/*"]),
                allow("states:StartExecution", on=[workflow.state_machine_arn]),
                # Lambda's event source poller uses the function's role.
                allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", on=[self.queue.queue_arn]),
                # Events of the local cloud lack the object's version, so intake has to look it up.
                *(
                    [
                        allow("s3:GetObject", on=[uploads.arn_for_objects("*")]),
                        allow("s3:ListBucket", on=[uploads.bucket_arn]),
                    ]
                    if stage.is_local
                    else []
                ),
            ],
        )
        self.function.function.add_event_source(
            event_sources.SqsEventSource(
                self.queue, batch_size=10, max_concurrency=_CONCURRENCY, report_batch_item_failures=True
            )
        )
        acknowledge_serverless(
            self.function.function,
            "LambdaEventSourceMappingDestination",
            "A queue has no on-failure destination: messages go to its dead-letter queue.",
        )
        rules.on_event(
            self,
            "ObjectCreated",
            source="aws.s3",
            detail_type="Object Created",
            detail={"bucket": {"name": [uploads.bucket_name]}},
            target=targets.SqsQueue(self.queue, dead_letter_queue=rules.undelivered),
        )
