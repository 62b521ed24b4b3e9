"""Evaluates IAM in this process: the permissions each AWS call needs, and those the template's roles grant.

A call of an operation that is not listed here fails the tests; add the permission it needs.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.aws_resources import ACCOUNT, REGION
from tests.faults.fault_injection import Call
from tests.synthesized import JsonObject, Template

Parameters = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Permission:
    """An action on a resource; for the listing of a bucket also the prefix of the keys."""

    action: str
    resource: str
    prefix: str = ""


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one pattern of resources, as one statement of a function's role allows it.

    `prefixes` is the pattern of the keys that may be listed, or `*` without a condition.
    """

    function: str
    statement: int
    action: str
    resources: str
    prefixes: str = "*"

    def allows(self, permission: Permission) -> bool:
        """Whether the grant includes the permission."""
        return (
            fnmatchcase(permission.action, self.action)
            and fnmatchcase(permission.resource, self.resources)
            and fnmatchcase(permission.prefix, self.prefixes)
        )


def grants_of(synthesized: Template) -> list[Grant]:
    """Returns all grants of the functions' roles."""
    grants = []
    for properties in synthesized.resources("AWS::Lambda::Function").values():
        function, role = properties["Handler"].split(".")[1], properties["Role"]["Fn::GetAtt"][0]
        for number, statement in enumerate(_statements(synthesized, role)):
            assert statement["Effect"] == "Allow"
            grants += [
                Grant(function, number, action, synthesized.resolve(resource), prefixes)
                for action in _listed(statement["Action"])
                for resource in _listed(statement["Resource"])
                for prefixes in _prefixes(statement)
            ]
    return grants


def _prefixes(statement: JsonObject) -> list[str]:
    """Returns the patterns of the only condition that statements of functions have."""
    condition = statement.get("Condition", {"StringLike": {"s3:prefix": "*"}})
    assert list(condition) == ["StringLike"]
    assert list(condition["StringLike"]) == ["s3:prefix"]
    return _listed(condition["StringLike"]["s3:prefix"])


def _statements(synthesized: Template, role: str) -> Iterator[JsonObject]:
    for properties in synthesized.resources("AWS::IAM::Policy").values():
        if {"Ref": role} in properties["Roles"]:
            yield from properties["PolicyDocument"]["Statement"]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def permissions_of(call: Call) -> set[Permission]:
    """Returns the permissions that the call needs."""
    permissions = _PERMISSIONS.get((call.service, call.operation))
    assert permissions is not None, f"add the permission for {call.service} {call.operation} to {__name__}"
    return set(permissions(call.parameters))


def permissions_of_lambda(synthesized: Template, function: str) -> set[Permission]:
    """Returns the permissions Lambda itself needs from the function's role: logs, traces and event sources."""
    permissions = {Permission("xray:PutTraceSegments", "*"), Permission("xray:PutTelemetryRecords", "*")}
    for logical_id, properties in synthesized.resources("AWS::Lambda::Function").items():
        if properties["Handler"].split(".")[1] != function:
            continue
        group = properties["LoggingConfig"]["LogGroup"]["Ref"]
        stream = synthesized.resolve({"Fn::GetAtt": [group, "Arn"]})
        permissions |= {Permission(action, stream) for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
        for mapping in synthesized.resources("AWS::Lambda::EventSourceMapping").values():
            if mapping["FunctionName"] == {"Ref": logical_id}:
                permissions |= set(_poller_permissions(synthesized, mapping))
    return permissions


def _poller_permissions(synthesized: Template, mapping: JsonObject) -> Iterator[Permission]:
    source = synthesized.resolve(mapping["EventSourceArn"])
    actions: tuple[str, ...]
    if source.startswith("arn:aws:sqs:"):
        actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    else:
        actions = (
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
        )
    yield from (Permission(action, source) for action in actions)
    if failed := mapping.get("DestinationConfig", {}).get("OnFailure"):
        # The destination of records is a bucket, in which Lambda chooses the keys.
        bucket = synthesized.resolve(failed["Destination"])
        key = "aws/lambda/mapping/shard/2026/01/01/record"
        yield Permission("s3:PutObject", f"{bucket}/{key}")
        yield Permission("s3:ListBucket", bucket, key)


def _on_table(*actions: str) -> Callable[[Parameters], Iterator[Permission]]:
    def permissions(parameters: Parameters) -> Iterator[Permission]:
        index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
        yield from (Permission(f"dynamodb:{action}", f"{_table(parameters['TableName'])}{index}") for action in actions)

    return permissions


def _in_transaction(parameters: Parameters) -> Iterator[Permission]:
    actions = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
    for operation in parameters["TransactItems"]:
        ((kind, write),) = operation.items()
        yield Permission(f"dynamodb:{actions[kind]}", _table(write["TableName"]))


def _in_batch(parameters: Parameters) -> Iterator[Permission]:
    yield from (Permission("dynamodb:BatchGetItem", _table(table)) for table in parameters["RequestItems"])


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def _on_object(*actions: str) -> Callable[[Parameters], Iterator[Permission]]:
    def permissions(parameters: Parameters) -> Iterator[Permission]:
        for action in actions:
            # Reading or deleting an object version needs a separate permission.
            versioned = "Version" if "VersionId" in parameters and not action.startswith("Put") else ""
            yield Permission(f"s3:{action}{versioned}", f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}")

    return permissions


def _copied(parameters: Parameters) -> Iterator[Permission]:
    bucket, _, rest = parameters["CopySource"].partition("/")
    key, _, version = rest.partition("?versionId=")
    source = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    yield from _on_object("GetObject")(source)
    yield from _on_object("PutObject")({"Bucket": parameters["Bucket"], "Key": parameters["Key"]})


def _on_bucket(action: str) -> Callable[[Parameters], Iterator[Permission]]:
    def permissions(parameters: Parameters) -> Iterator[Permission]:
        yield Permission(f"s3:{action}", f"arn:aws:s3:::{parameters['Bucket']}", parameters.get("Prefix", ""))

    return permissions


def _deleted_objects(parameters: Parameters) -> Iterator[Permission]:
    for entry in parameters["Delete"]["Objects"]:
        yield from _on_object("DeleteObject")({"Bucket": parameters["Bucket"], **entry})


def _named(action: str, parameter: str, prefix: str = "") -> Callable[[Parameters], Iterator[Permission]]:
    def permissions(parameters: Parameters) -> Iterator[Permission]:
        name = parameters[parameter]
        yield Permission(action, name if name.startswith("arn:") else f"{prefix}{name}")

    return permissions


def _put_events(parameters: Parameters) -> Iterator[Permission]:
    for entry in parameters["Entries"]:
        yield Permission("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{entry['EventBusName']}")


_PUT, _GET = _on_object("PutObject"), _on_object("GetObject")

_PERMISSIONS: dict[tuple[str, str], Callable[[Parameters], Iterator[Permission]]] = {
    **{("dynamodb", name): _on_table(name) for name in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")},
    ("dynamodb", "TransactWriteItems"): _in_transaction,
    ("dynamodb", "BatchGetItem"): _in_batch,
    ("s3", "GetObject"): _GET,
    ("s3", "HeadObject"): _GET,
    ("s3", "PutObject"): _PUT,
    ("s3", "CreateMultipartUpload"): _PUT,
    ("s3", "UploadPart"): _PUT,
    ("s3", "CompleteMultipartUpload"): _PUT,
    ("s3", "AbortMultipartUpload"): _on_object("AbortMultipartUpload"),
    ("s3", "CopyObject"): _copied,
    ("s3", "UploadPartCopy"): _copied,
    ("s3", "DeleteObject"): _on_object("DeleteObject"),
    ("s3", "DeleteObjects"): _deleted_objects,
    ("s3", "ListObjectsV2"): _on_bucket("ListBucket"),
    ("s3", "ListObjectVersions"): _on_bucket("ListBucketVersions"),
    ("stepfunctions", "StartExecution"): _named("states:StartExecution", "stateMachineArn"),
    ("stepfunctions", "DescribeExecution"): _named("states:DescribeExecution", "executionArn"),
    ("stepfunctions", "StopExecution"): _named("states:StopExecution", "executionArn"),
    ("lambda", "Invoke"): _named(
        "lambda:InvokeFunction", "FunctionName", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
    ),
    ("events", "PutEvents"): _put_events,
    ("secretsmanager", "GetSecretValue"): _named("secretsmanager:GetSecretValue", "SecretId"),
}
