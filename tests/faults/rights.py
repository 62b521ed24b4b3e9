"""What each AWS call asks of a role, and what the roles of the template allow: IAM worked out in this process.

A call of an operation that is not listed here fails the tests that read it: say there what right it takes.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.aws_resources import REGION
from tests.faults.faults import Call
from tests.faults.platform import ACCOUNT
from tests.synthesised import JsonObject, Template

Asked = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Right:
    """An action on a resource."""

    action: str
    resource: str


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one pattern of resources, as one statement of a function's role allows it."""

    function: str
    statement: int
    action: str
    resources: str

    def allows(self, right: Right) -> bool:
        """Whether the right is one of those granted."""
        return fnmatchcase(right.action, self.action) and fnmatchcase(right.resource, self.resources)


def grants_of(synthesised: Template) -> list[Grant]:
    """Everything that the roles of the functions allow."""
    grants = []
    for properties in synthesised.resources("AWS::Lambda::Function").values():
        function, role = properties["Handler"].split(".")[1], properties["Role"]["Fn::GetAtt"][0]
        for number, statement in enumerate(_statements(synthesised, role)):
            assert statement["Effect"] == "Allow"
            grants += [
                Grant(function, number, action, synthesised.resolve(resource))
                for action in _listed(statement["Action"])
                for resource in _listed(statement["Resource"])
            ]
    return grants


def _statements(synthesised: Template, role: str) -> Iterator[JsonObject]:
    for properties in synthesised.resources("AWS::IAM::Policy").values():
        if {"Ref": role} in properties["Roles"]:
            yield from properties["PolicyDocument"]["Statement"]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def rights_of(call: Call) -> set[Right]:
    """What the call asks of the role that makes it."""
    rights = _RIGHTS.get((call.service, call.operation))
    assert rights is not None, f"say in {__name__} what right {call.service} {call.operation} takes"
    return set(rights(call.parameters))


def rights_of_lambda(synthesised: Template, function: str) -> set[Right]:
    """What Lambda itself does under the function's role: its logs, its traces, and its reading of event sources."""
    rights = {Right("xray:PutTraceSegments", "*"), Right("xray:PutTelemetryRecords", "*")}
    for logical_id, properties in synthesised.resources("AWS::Lambda::Function").items():
        if properties["Handler"].split(".")[1] != function:
            continue
        group = properties["LoggingConfig"]["LogGroup"]["Ref"]
        stream = synthesised.resolve({"Fn::GetAtt": [group, "Arn"]})
        rights |= {Right(action, stream) for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
        for mapping in synthesised.resources("AWS::Lambda::EventSourceMapping").values():
            if mapping["FunctionName"] == {"Ref": logical_id}:
                rights |= set(_poller_rights(synthesised, mapping))
    return rights


def _poller_rights(synthesised: Template, mapping: JsonObject) -> Iterator[Right]:
    source = synthesised.resolve(mapping["EventSourceArn"])
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
    yield from (Right(action, source) for action in actions)
    if failed := mapping.get("DestinationConfig", {}).get("OnFailure"):
        yield Right("sqs:SendMessage", synthesised.resolve(failed["Destination"]))


def _on_table(*actions: str) -> Callable[[Asked], Iterator[Right]]:
    def rights(asked: Asked) -> Iterator[Right]:
        index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
        yield from (Right(f"dynamodb:{action}", f"{_table(asked['TableName'])}{index}") for action in actions)

    return rights


def _in_transaction(asked: Asked) -> Iterator[Right]:
    actions = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
    for operation in asked["TransactItems"]:
        ((kind, write),) = operation.items()
        yield Right(f"dynamodb:{actions[kind]}", _table(write["TableName"]))


def _in_batch(asked: Asked) -> Iterator[Right]:
    yield from (Right("dynamodb:BatchGetItem", _table(table)) for table in asked["RequestItems"])


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def _on_object(*actions: str) -> Callable[[Asked], Iterator[Right]]:
    def rights(asked: Asked) -> Iterator[Right]:
        for action in actions:
            # Reading or removing a version by its id takes a right of its own.
            versioned = "Version" if "VersionId" in asked and not action.startswith("Put") else ""
            yield Right(f"s3:{action}{versioned}", f"arn:aws:s3:::{asked['Bucket']}/{asked['Key']}")

    return rights


def _copied(asked: Asked) -> Iterator[Right]:
    bucket, _, rest = asked["CopySource"].partition("/")
    key, _, version = rest.partition("?versionId=")
    source = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    yield from _on_object("GetObject")(source)
    yield from _on_object("PutObject")({"Bucket": asked["Bucket"], "Key": asked["Key"]})


def _on_bucket(action: str) -> Callable[[Asked], Iterator[Right]]:
    def rights(asked: Asked) -> Iterator[Right]:
        yield Right(f"s3:{action}", f"arn:aws:s3:::{asked['Bucket']}")

    return rights


def _deleted_objects(asked: Asked) -> Iterator[Right]:
    for entry in asked["Delete"]["Objects"]:
        yield from _on_object("DeleteObject")({"Bucket": asked["Bucket"], **entry})


def _named(action: str, parameter: str, prefix: str = "") -> Callable[[Asked], Iterator[Right]]:
    def rights(asked: Asked) -> Iterator[Right]:
        name = asked[parameter]
        yield Right(action, name if name.startswith("arn:") else f"{prefix}{name}")

    return rights


def _put_events(asked: Asked) -> Iterator[Right]:
    for entry in asked["Entries"]:
        yield Right("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{entry['EventBusName']}")


_PUT, _GET = _on_object("PutObject"), _on_object("GetObject")

_RIGHTS: dict[tuple[str, str], Callable[[Asked], Iterator[Right]]] = {
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
