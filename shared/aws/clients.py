"""boto3 clients, each created on first use.

Only botocore retries (standard mode: exponential, jittered, bounded), so that no layer multiplies another's attempts.
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
    # Presigned links need version 4 in every region and with KMS keys.
    signature_version="v4",
)
# Connecting and reading together stay below the 29 seconds after which the gateway responds with an error.
_AWAITED_CONFIG = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=22))
_S3_CONFIG = _CONFIG.merge(Config(signature_version="s3v4", read_timeout=60, s3={"addressing_style": "virtual"}))
_LOCAL_S3_CONFIG = _S3_CONFIG.merge(Config(s3={"addressing_style": "path"}))


@cache
def _session() -> boto3.Session:
    return boto3.Session()


@cache
def dynamodb() -> "DynamoDBClient":
    """Returns the DynamoDB client."""
    return _session().client("dynamodb", config=_CONFIG)


@cache
def s3() -> "S3Client":
    """Returns the S3 client, which also signs links."""
    client = _session().client("s3", config=_S3_CONFIG)
    # A custom endpoint (the local cloud) has no DNS names for buckets.
    return client if _is_aws(client) else _session().client("s3", config=_LOCAL_S3_CONFIG)


@cache
def step_functions() -> "SFNClient":
    """Returns the Step Functions client."""
    return _session().client("stepfunctions", config=_CONFIG)


@cache
def lambda_() -> "LambdaClient":
    """Returns the Lambda client."""
    return _session().client("lambda", config=_CONFIG)


@cache
def lambda_awaited() -> "LambdaClient":
    """Returns the Lambda client for calls that a request waits for: one attempt, over before the gateway gives up."""
    return _session().client("lambda", config=_AWAITED_CONFIG)


@cache
def events() -> "EventBridgeClient":
    """Returns the EventBridge client."""
    return _session().client("events", config=_CONFIG)


@cache
def secrets() -> "SecretsManagerClient":
    """Returns the Secrets Manager client."""
    return _session().client("secretsmanager", config=_CONFIG)


def _is_aws(client: Any) -> bool:
    return ".amazonaws.com" in client.meta.endpoint_url
