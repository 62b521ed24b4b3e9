"""The AWS resources that tests need, made in moto as the stack makes them on AWS."""

import json
from typing import Any

import boto3

from tests.synthesised import template

REGION = "eu-central-1"
TABLE = "jobs"
UPLOADS = "uploads"
RESULTS = "results"
FINALIZE = "finalize"

# Enough of a machine to start, stop and describe executions of: none of its states is ever run.
_WAITING_MACHINE = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}


def table_definition() -> dict[str, Any]:
    """The jobs table of the synthesised template, as `create_table` takes it."""
    _, properties = template().only("AWS::DynamoDB::Table")
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    # CloudFormation turns a stream on by describing it; the API asks for the word.
    stream = {**properties["StreamSpecification"], "StreamEnabled": True}
    return {"TableName": TABLE, "StreamSpecification": stream, **{name: properties[name] for name in wanted}}


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
