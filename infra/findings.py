"""Acknowledges cdk-nag findings, each with a reason and on the construct that it concerns.

Each wildcard resource of a policy is acknowledged by its name, so widening a statement raises a new finding.
"""

import json
from collections.abc import Sequence

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct


def acknowledge(construct: Construct, finding: str, reason: str) -> None:
    """Acknowledges one AwsSolutions rule, such as `S1`, for a construct and its children."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{finding}", reason=reason))


def acknowledge_serverless(construct: Construct, finding: str, reason: str) -> None:
    """Acknowledges one Serverless rule, such as `LambdaDLQ`, for a construct and its children."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"Serverless::Serverless-{finding}", reason=reason))


def acknowledge_wildcards(construct: Construct, statements: Sequence[iam.PolicyStatement]) -> None:
    """Acknowledges exactly the wildcard resources of these statements."""
    stack = Stack.of(construct)
    for statement in statements:
        for resource in statement.resources:
            text = _flat(stack.resolve(resource))
            if "*" in text:
                acknowledge(construct, f"IAM5[Resource::{text}]", _reason(text))


def _reason(resource: str) -> str:
    if resource == "*":
        return "These actions of X-Ray and CloudWatch log delivery do not support resource-level permissions."
    if ":execution:" in resource:
        return "Executions are named by job id, unknown at deployment; the state machine belongs to this stack."
    return "Objects are named by job id, unknown at deployment; the prefix is as narrow as possible."


def _flat(value: object) -> str:
    """Returns a resolved ARN as cdk-nag writes it in the name of a finding."""
    match value:
        case str():
            return value
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_flat(part) for part in parts)
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
    return json.dumps(value, separators=(",", ":"))
