"""cdk-nag's findings that stay, each with its reason on the construct it is about.

Every wildcard resource of a role is a finding of its own, named after the resource: so a statement that becomes wider
is a finding again.
"""

import json
from collections.abc import Sequence

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct


def acknowledge(construct: Construct, finding: str, reason: str) -> None:
    """Let one rule of AwsSolutions pass on one construct and what is below it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{finding}", reason=reason))


def acknowledge_wildcards(construct: Construct, statements: Sequence[iam.PolicyStatement]) -> None:
    """Let the wildcard resources of these statements pass, and no other."""
    stack = Stack.of(construct)
    for statement in statements:
        for resource in statement.resources:
            text = _flat(stack.resolve(resource))
            if "*" in text:
                acknowledge(construct, f"IAM5[Resource::{text}]", _reason(text))


def _reason(resource: str) -> str:
    if resource == "*":
        return "These actions of X-Ray and of CloudWatch's log delivery know no narrower resource."
    if ":execution:" in resource:
        return "Executions are named after jobs, which come and go; the state machine is this stack's own."
    return "Objects are named after jobs, which come and go; the prefix is the narrowest that holds them."


def _flat(value: object) -> str:
    """A resolved ARN the way cdk-nag writes it in a finding's name."""
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
