"""The synthesized stack, shared by all tests of a run."""

import json
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from infra.app import synthesize

JsonObject = dict[str, Any]
# Context that synthesizes without installing the packages of the layers.
NO_BUNDLES: Mapping[str, Any] = {"aws:cdk:bundling-stacks": []}


class Template:
    """A CloudFormation template with references resolved to predictable names."""

    def __init__(self, document: JsonObject, *, region: str = "eu-central-1", account: str = "123456789012") -> None:
        self.document = document
        self._region = region
        self._account = account

    def resources(self, resource_type: str) -> dict[str, JsonObject]:
        """The properties of every resource of a type by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.document["Resources"].items()
            if resource["Type"] == resource_type
        }

    def only(self, resource_type: str, *, containing: str = "") -> tuple[str, JsonObject]:
        """The one resource of a type whose logical id contains a text."""
        (found,) = [item for item in self.resources(resource_type).items() if containing in item[0]]
        return found

    def environment(self) -> dict[str, str]:
        """Returns the merged environment of all functions; a test checks that equal names have equal values."""
        merged: dict[str, str] = {}
        for properties in self.resources("AWS::Lambda::Function").values():
            merged |= self.resolve(properties["Environment"]["Variables"])
        return merged

    def resolve(self, value: Any) -> Any:  # noqa: PLR0911  one return a function of the language
        """Evaluates intrinsic functions; the name of a resource is its logical id in lower case."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Ref": name}:
                return self._ref(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self._attribute(name, attribute)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(str(self.resolve(part)) for part in parts)
            case {"Fn::Select": [index, items]}:
                return self.resolve(items)[int(index)]
            case {"Fn::Split": [separator, text]}:
                return self.resolve(text).split(separator)
            case {"Fn::Sub": str(text)}:
                for name in ("AWS::Region", "AWS::AccountId", "AWS::Partition"):
                    text = text.replace(f"${{{name}}}", str(self._ref(name)))
                return text
        return {name: self.resolve(item) for name, item in value.items()}

    def _ref(self, name: str) -> str:
        pseudo = {
            "AWS::Region": self._region,
            "AWS::AccountId": self._account,
            "AWS::Partition": "aws",
            "AWS::StackName": "stack",
            "AWS::StackId": f"arn:aws:cloudformation:{self._region}:{self._account}:stack/stack/0a1b2c3d-0000",
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        kind = self.document["Resources"].get(name, {}).get("Type", "")
        if kind in {"AWS::StepFunctions::StateMachine", "AWS::SecretsManager::Secret"}:
            return self._arn(name, kind)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{self._region}.amazonaws.com/{self._account}/{name.lower()}"
        return name.lower()

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self.document["Resources"][name]["Type"]
        if attribute == "StreamArn":
            return f"{self._arn(name, kind)}/stream/label"
        # A secret's ARN is its `Id`.
        return self._arn(name, kind) if attribute in {"Arn", "Id"} else f"{name.lower()}-{attribute.lower()}"

    def _arn(self, name: str, kind: str) -> str:
        local, place = name.lower(), f"{self._region}:{self._account}"
        local = self.document["Resources"][name]["Properties"].get("StateMachineName", local)
        return {
            "AWS::S3::Bucket": f"arn:aws:s3:::{local}",
            "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{place}:table/{local}",
            "AWS::Lambda::Function": f"arn:aws:lambda:{place}:function:{local}",
            "AWS::StepFunctions::StateMachine": f"arn:aws:states:{place}:stateMachine:{local}",
            "AWS::Events::EventBus": f"arn:aws:events:{place}:event-bus/{local}",
            "AWS::Cognito::UserPool": f"arn:aws:cognito-idp:{place}:userpool/{local}",
            "AWS::Events::Rule": f"arn:aws:events:{place}:rule/{local}",
            "AWS::SQS::Queue": f"arn:aws:sqs:{place}:{local}",
            "AWS::IAM::Role": f"arn:aws:iam::{self._account}:role/{local}",
            "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{place}:secret:{local}",
            "AWS::Logs::LogGroup": f"arn:aws:logs:{place}:log-group:{local}:*",
        }[kind]


@cache
def template(**context: str) -> Template:
    """The template of a stage, `dev` unless the context says otherwise.

    Synthesizing takes seconds, so that the processes of one test run share it through a file.
    """
    name = "-".join(f"{key}_{value}" for key, value in sorted(context.items())).replace("/", "_").replace(":", "")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"default-risk-jobs-tests-{run}"
    folder.mkdir(exist_ok=True)
    written = folder / f"{name or 'dev'}.json"
    with FileLock(written.with_suffix(".lock")):
        if not written.exists():
            path = synthesize(outdir=folder / f"cdk-{name}", context={**context, **NO_BUNDLES})
            written.write_text(path.read_text())
    return Template(json.loads(written.read_text()))
