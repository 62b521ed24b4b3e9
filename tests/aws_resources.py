"""The AWS resources that tests need, made in moto as the stack makes them on AWS."""

import json
from typing import Any

import boto3

REGION = "eu-central-1"
TABLE = "jobs"
UPLOADS = "uploads"
RESULTS = "results"
FINALIZE = "finalize"

_INDEXES = ("organization_listing", "user_listing", "all_listing", "unsettled")
# Enough of a machine to start, stop and describe executions of: none of its states is ever run.
_WAITING_MACHINE = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}


def table_definition() -> dict[str, Any]:
    """The jobs table as `create_table` takes it."""
    names = ("pk", "sk", "listed_at", *_INDEXES)
    return {
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
        "KeySchema": _keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": f"by_{name}",
                "KeySchema": _keys(name, "listed_at"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for name in _INDEXES
        ],
    }


def create_table() -> None:
    """Make the jobs table."""
    boto3.client("dynamodb", region_name=REGION).create_table(**table_definition())


def delete_table() -> None:
    """Remove the jobs table and all it has."""
    boto3.client("dynamodb", region_name=REGION).delete_table(TableName=TABLE)


def create_buckets() -> None:
    """Make the uploads bucket, which keeps every version, and the results bucket, which does not."""
    s3 = boto3.client("s3", region_name=REGION)
    for bucket in (UPLOADS, RESULTS):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})  # type: ignore[typeddict-item]
    s3.put_bucket_versioning(Bucket=UPLOADS, VersioningConfiguration={"Status": "Enabled"})


def create_state_machine() -> str:
    """Make a state machine whose executions run until they are stopped; its ARN."""
    role = create_role("states.amazonaws.com")
    answer = boto3.client("stepfunctions", region_name=REGION).create_state_machine(
        name="score-jobs", definition=json.dumps(_WAITING_MACHINE), roleArn=role
    )
    return answer["stateMachineArn"]


def create_role(service: str) -> str:
    """Make a role that the service may take on; its ARN."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    answer = boto3.client("iam", region_name=REGION).create_role(
        RoleName=service.split(".", maxsplit=1)[0], AssumeRolePolicyDocument=json.dumps(trust)
    )
    return str(answer["Role"]["Arn"])


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
