"""Reads the resource policies of a template: who may do what to a topic, queue, bucket, key, bus or function."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.synthesized import JsonObject, Template

# Properties with the policy and with the resources that it protects; a key's policy is its own.
_POLICIES = {
    "AWS::SNS::TopicPolicy": ("PolicyDocument", "Topics"),
    "AWS::SQS::QueuePolicy": ("PolicyDocument", "Queues"),
    "AWS::S3::BucketPolicy": ("PolicyDocument", "Bucket"),
    "AWS::Events::EventBusPolicy": ("Statement", "EventBusName"),
    "AWS::KMS::Key": ("KeyPolicy", None),
}


@dataclass(frozen=True)
class Statement:
    """One statement of a resource policy. `protected` has the logical ids of the resources."""

    protected: tuple[str, ...]
    effect: str
    services: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: JsonObject

    @property
    def condition_keys(self) -> set[str]:
        """The condition keys in lower case."""
        return {key.lower() for condition in self.conditions.values() for key in condition}


def statements_of(synthesized: Template) -> list[Statement]:
    """Returns every statement of every resource policy, including the permissions to invoke a function."""
    found = list(_of_policies(synthesized))
    for properties in synthesized.resources("AWS::Lambda::Permission").values():
        conditions = {
            key: synthesized.resolve(properties[name])
            for key, name in (("aws:SourceArn", "SourceArn"), ("aws:SourceAccount", "SourceAccount"))
            if name in properties
        }
        function = properties["FunctionName"]["Fn::GetAtt"][0]
        principal = str(properties["Principal"])
        found.append(
            Statement((function,), "Allow", (principal,), (properties["Action"],), (), {"ArnLike": conditions})
        )
    return found


def _of_policies(synthesized: Template) -> Iterator[Statement]:
    for kind, (policy, protected) in _POLICIES.items():
        for name, properties in synthesized.resources(kind).items():
            owners = tuple(_logical_id(item) for item in as_list(properties[protected])) if protected else (name,)
            document = properties[policy]
            for statement in as_list(document.get("Statement", document)):
                yield Statement(
                    protected=owners,
                    effect=statement["Effect"],
                    services=tuple(map(str, synthesized.resolve(_services(statement["Principal"])))),
                    actions=tuple(as_list(statement["Action"])),
                    resources=tuple(map(str, synthesized.resolve(as_list(statement["Resource"])))),
                    conditions=synthesized.resolve(statement.get("Condition", {})),
                )


def as_list(value: Any) -> list[Any]:
    """Returns a list from a value that a policy may abbreviate."""
    return value if isinstance(value, list) else [value]


def _services(principal: Any) -> list[Any]:
    return as_list(principal["Service"]) if isinstance(principal, dict) and "Service" in principal else []


def _logical_id(reference: Any) -> str:
    return str(reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0])
