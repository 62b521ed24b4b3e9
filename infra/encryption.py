"""A customer-managed KMS key for all data of the stack, if the stage sets `kms`.

The key permissions of each role are derived from the role's other statements.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.stages import Stage

_CONSTRUCT_ID = "Encryption"

_READ = ("kms:Decrypt",)
# Multipart uploads and SQS also decrypt what they wrote.
_WRITE = ("kms:GenerateDataKey", "kms:Decrypt")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
# https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
KEY_ACTIONS_OF: Final = {
    "s3:GetObject": _READ,
    "s3:GetObjectVersion": _READ,
    "s3:PutObject": _WRITE,
    "sqs:ReceiveMessage": _READ,
    "sqs:SendMessage": _WRITE,
    "sns:Publish": _WRITE,
    "dynamodb:BatchGetItem": _READ,
    "dynamodb:DeleteItem": _READ,
    "dynamodb:GetItem": _READ,
    "dynamodb:GetRecords": _READ,
    "dynamodb:PutItem": _READ,
    "dynamodb:Query": _READ,
    "dynamodb:UpdateItem": _READ,
}


class Encryption(Construct):
    """The stack's key, if any. Other constructs get it with `customer_key`."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, _CONSTRUCT_ID)
        self.key: kms.Key | None = None
        if not stage.kms:
            return
        self.key = kms.Key(
            self,
            "Key",
            description=f"Data of {stage.stack_name}: table, buckets, queues, topics, logs",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY,
        )
        stack = Stack.of(self)
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroupsOfThisAccount",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.{stack.url_suffix}")],
                actions=[
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncryptFrom",
                    "kms:ReEncryptTo",
                    "kms:GenerateDataKey",
                    "kms:DescribeKey",
                ],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": (
                            f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:*"
                        )
                    }
                },
            )
        )
        # EventBridge rules send to queues; alarms publish to their topic.
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="EventsAndAlarmsOfThisAccount",
                principals=[
                    iam.ServicePrincipal("events.amazonaws.com"),
                    iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                ],
                actions=list(_WRITE),
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )


def customer_key(scope: Construct) -> kms.Key | None:
    """Returns the key of the stack that contains `scope`, or None if the stack uses keys that AWS owns."""
    encryption = Stack.of(scope).node.find_child(_CONSTRUCT_ID)
    if not isinstance(encryption, Encryption):
        raise TypeError(f"the construct {_CONSTRUCT_ID} is not the stack's key")
    return encryption.key


def key_statements(scope: Construct, statements: Sequence[iam.PolicyStatement]) -> list[iam.PolicyStatement]:
    """Returns the statements on the stack's key that a role with `statements` needs; none without a key."""
    key = customer_key(scope)
    actions = key_actions(action for statement in statements for action in statement.actions)
    return [] if key is None or not actions else [iam.PolicyStatement(actions=actions, resources=[key.key_arn])]


def key_actions(actions: Iterable[str]) -> list[str]:
    """Returns the KMS actions that these actions on encrypted resources need, sorted."""
    return sorted({needed for action in actions for needed in KEY_ACTIONS_OF.get(action, ())})
