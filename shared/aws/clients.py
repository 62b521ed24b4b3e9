"""The one place where boto3 clients are made.

Retries are botocore's alone (standard mode: exponential, jittered, bounded), so that no layer multiplies another's.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_stepfunctions import SFNClient

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=3,
    read_timeout=20,
    # S3 wants version 4 for presigned links of every region and of KMS keys.
    signature_version="v4",
)
# Connecting and waiting together stay below the 29 seconds after which the gateway gives its caller up.
_AWAITED_CONFIG = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=22))
_S3_CONFIG = _CONFIG.merge(Config(signature_version="s3v4", read_timeout=60, s3={"addressing_style": "virtual"}))
_LOCAL_S3_CONFIG = _S3_CONFIG.merge(Config(s3={"addressing_style": "path"}))


@cache
def _session() -> boto3.Session:
    return boto3.Session()


@cache
def dynamodb() -> "DynamoDBClient":
    """The DynamoDB client of this environment."""
    return _session().client("dynamodb", config=_CONFIG)


@cache
def s3() -> "S3Client":
    """The S3 client of this environment; presigned links are made with it too."""
    client = _session().client("s3", config=_S3_CONFIG)
    # A custom endpoint (the local cloud) has no DNS names for buckets.
    return client if _is_aws(client) else _session().client("s3", config=_LOCAL_S3_CONFIG)


@cache
def step_functions() -> "SFNClient":
    """The Step Functions client of this environment."""
    return _session().client("stepfunctions", config=_CONFIG)


@cache
def lambda_() -> "LambdaClient":
    """The Lambda client of this environment."""
    return _session().client("lambda", config=_CONFIG)


@cache
def lambda_awaited() -> "LambdaClient":
    """The Lambda client for calls whose answer a caller of ours waits for: one attempt, over before the gateway's."""
    return _session().client("lambda", config=_AWAITED_CONFIG)


@cache
def events() -> "EventBridgeClient":
    """The EventBridge client of this environment."""
    return _session().client("events", config=_CONFIG)


@cache
def secrets() -> "SecretsManagerClient":
    """The Secrets Manager client of this environment."""
    return _session().client("secretsmanager", config=_CONFIG)


def _is_aws(client: Any) -> bool:
    return ".amazonaws.com" in client.meta.endpoint_url


def forget_clients() -> None:
    """Drop every cached client, for tests that change the environment they are made from."""
    for factory in (_session, dynamodb, s3, step_functions, lambda_, lambda_awaited, events, secrets):
        factory.cache_clear()
