"""Creates the AWS resources that tests need in moto, as the stack creates them on AWS."""

import json
from typing import Any

import boto3

from tests.synthesized import template

REGION = "eu-central-1"
# Of moto.
ACCOUNT = "123456789012"
TABLE = "jobs"
UPLOADS = "uploads"
RESULTS = "results"
FINALIZE = "finalize"

# Executions can be started, stopped and described; moto does not run its states.
_WAITING_MACHINE = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}


def table_definition() -> dict[str, Any]:
    """Returns the parameters of `create_table` for the jobs table of the synthesized template."""
    _, properties = template().only("AWS::DynamoDB::Table")
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    # CloudFormation enables a stream implicitly; the API needs `StreamEnabled`.
    stream = {**properties["StreamSpecification"], "StreamEnabled": True}
    return {"TableName": TABLE, "StreamSpecification": stream, **{name: properties[name] for name in wanted}}


def create_table() -> None:
    """Creates the jobs table."""
    boto3.client("dynamodb", region_name=REGION).create_table(**table_definition())


def delete_table() -> None:
    """Deletes the jobs table."""
    boto3.client("dynamodb", region_name=REGION).delete_table(TableName=TABLE)


def create_buckets() -> None:
    """Creates the uploads bucket with versioning and the results bucket without."""
    s3 = boto3.client("s3", region_name=REGION)
    for bucket in (UPLOADS, RESULTS):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})  # type: ignore[typeddict-item]
    s3.put_bucket_versioning(Bucket=UPLOADS, VersioningConfiguration={"Status": "Enabled"})


def create_state_machine() -> str:
    """Creates a state machine whose executions run until they are stopped; returns its ARN."""
    role = create_role("states.amazonaws.com")
    response = boto3.client("stepfunctions", region_name=REGION).create_state_machine(
        name="score-jobs", definition=json.dumps(_WAITING_MACHINE), roleArn=role
    )
    return response["stateMachineArn"]


def create_role(service: str) -> str:
    """Creates a role that the service may assume; returns its ARN."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    response = boto3.client("iam", region_name=REGION).create_role(
        RoleName=service.split(".", maxsplit=1)[0], AssumeRolePolicyDocument=json.dumps(trust)
    )
    return str(response["Role"]["Arn"])
