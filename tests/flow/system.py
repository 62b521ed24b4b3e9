"""The whole system in moto: resources and state machine of the synthesized template, and the real handlers.

Replaces what moto does not support: EventBridge does not call Lambda, CloudFormation hides the state machine from the
interpreter, and an integer ToleratedFailurePercentage is not parsed.
"""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from threading import RLock
from typing import Any
from unittest.mock import patch
from uuid import UUID

import boto3
from moto import mock_aws

from shared.aws import clients
from tests.aws_clients import forget_clients
from tests.aws_resources import table_definition
from tests.faster_moto import quicken
from tests.flow.state_machine_definition import adapted
from tests.invocation import InvocationContext
from tests.synthesized import JsonObject, Template, template

_WAIT_SECONDS = 60


@dataclass
class System:
    """The running system. The `before` hooks of a function run before each invocation and may raise."""

    template: Template
    names: dict[str, str]
    state_machine_arn: str
    queue_url: str
    table: str
    uploads_bucket: str
    results_bucket: str
    before: dict[str, list[Callable[[JsonObject], None]]] = field(default_factory=dict)
    invocations: list[tuple[str, JsonObject]] = field(default_factory=list)
    unexpected: list[BaseException] = field(default_factory=list)

    def invoke(self, function: str, event: JsonObject) -> Any:
        """Calls a function's real handler as Lambda does: JSON in, JSON out."""
        self.invocations.append((function, event))
        for hook in self.before.get(function, []):
            hook(event)
        handler = import_module(f"functions.{function}.handler").handler
        return json.loads(json.dumps(handler(json.loads(json.dumps(event)), InvocationContext())))

    def put(self, key: str, body: bytes, **metadata: str) -> str:
        """Puts an object into the uploads bucket and returns its version id."""
        stored = clients.s3().put_object(Bucket=self.uploads_bucket, Key=key, Body=body, Metadata=metadata)
        return str(stored["VersionId"])

    def deliver(self, *, times: int = 1) -> None:
        """Delivers all messages of the queue to intake, each of them `times` times."""
        sqs = boto3.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            records = [{"messageId": message["MessageId"], "body": message["Body"]} for message in messages]
            for _ in range(times):
                response = self.invoke("intake", {"Records": records})
                assert response == {"batchItemFailures": []}
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def wait(self, job_id: UUID) -> str:
        """Waits for the end of the job's execution, delivers its status event, and returns its status."""
        arn = f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{job_id}"
        deadline = time.monotonic() + _WAIT_SECONDS
        while (status := clients.step_functions().describe_execution(executionArn=arn)["status"]) == "RUNNING":
            if time.monotonic() > deadline:
                raise TimeoutError(f"execution of {job_id}")
            time.sleep(0.02)
        if status in {"FAILED", "TIMED_OUT", "ABORTED"}:
            self.execution_ended(job_id, status)
        return status

    def execution_ended(self, job_id: UUID, status: str) -> None:
        """Delivers the status event of an execution to the reconcile function."""
        self.invoke(
            "reconcile",
            {
                "detail-type": "Step Functions Execution Status Change",
                "detail": {"name": str(job_id), "status": status},
            },
        )

    def run(self, key: str, body: bytes, job_id: UUID) -> str:
        """Uploads an object and waits for the end of its job's execution."""
        self.put(key, body)
        self.deliver()
        return self.wait(job_id)

    def objects(self, bucket: str) -> list[str]:
        """Returns the keys of all object versions in a bucket."""
        versions = clients.s3().list_object_versions(Bucket=bucket).get("Versions", [])
        return sorted(version["Key"] for version in versions)


def deployed_functions() -> list[str]:
    """Returns the folder names of the deployed functions."""
    functions = template().resources("AWS::Lambda::Function").values()
    return sorted(_folder(properties) for properties in functions)


@contextmanager
def running_system(
    *, executes: bool = True, asynchronous: deque[tuple[str, JsonObject]] | None = None
) -> Iterator[System]:
    """Yields a new system.

    Without `executes`, started executions do not run. Async invocations are appended to `asynchronous`, if given,
    for the caller to run.
    """
    synthesized = template()
    quicken()
    with mock_aws(config={"stepfunctions": {"execute_state_machine": executes}}):
        forget_clients()
        system = _create(synthesized)
        calls = _invocations_call_handlers(system, asynchronous)
        with patch.dict(os.environ, synthesized.environment()), calls:
            forget_compositions()
            yield system
        forget_compositions()
        forget_clients()
    if system.unexpected:
        raise system.unexpected[0]


def _create(synthesized: Template) -> System:
    table, _ = synthesized.only("AWS::DynamoDB::Table")
    clients.dynamodb().create_table(**{**table_definition(), "TableName": table.lower()})
    for name, properties in synthesized.resources("AWS::S3::Bucket").items():
        _create_bucket(name.lower(), synthesized.resolve(properties))
    secret, _ = synthesized.only("AWS::SecretsManager::Secret")
    clients.secrets().create_secret(Name=secret.lower(), SecretString="x" * 64)
    queue_url = _create_intake_route(synthesized)
    role = _create_role()
    names = _create_functions(synthesized, role)
    state_machine_arn = _create_state_machine(synthesized, role)
    return System(
        template=synthesized,
        names=names,
        state_machine_arn=state_machine_arn,
        queue_url=queue_url,
        table=synthesized.only("AWS::DynamoDB::Table")[0].lower(),
        uploads_bucket=synthesized.only("AWS::S3::Bucket", containing="Uploads")[0].lower(),
        results_bucket=synthesized.only("AWS::S3::Bucket", containing="Results")[0].lower(),
    )


def _create_bucket(name: str, properties: JsonObject) -> None:
    s3 = clients.s3()
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    if properties.get("VersioningConfiguration", {}).get("Status") == "Enabled":
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if "EventBridgeConfiguration" in properties.get("NotificationConfiguration", {}):
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )


def _create_intake_route(synthesized: Template) -> str:
    name, _ = synthesized.only("AWS::SQS::Queue", containing="Arrivals")
    queue_url: str = boto3.client("sqs").create_queue(QueueName=name.lower())["QueueUrl"]
    rule, properties = synthesized.only("AWS::Events::Rule", containing="ObjectCreated")
    events = boto3.client("events")
    events.put_rule(Name=rule, EventPattern=json.dumps(synthesized.resolve(properties["EventPattern"])))
    targets: list[Any] = [
        {"Id": target["Id"], "Arn": synthesized.resolve(target["Arn"])} for target in properties["Targets"]
    ]
    events.put_targets(Rule=rule, Targets=targets)
    return queue_url


def _create_role() -> str:
    trust = {"Version": "2012-10-17", "Statement": []}
    role = boto3.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=json.dumps(trust))
    return str(role["Role"]["Arn"])


def _create_functions(synthesized: Template, role: str) -> dict[str, str]:
    """Creates functions without code under the template's names; their invocations call the handlers."""
    names = {}
    for logical_id, properties in synthesized.resources("AWS::Lambda::Function").items():
        names[logical_id.lower()] = _folder(properties)
        clients.lambda_().create_function(
            FunctionName=logical_id.lower(),
            Runtime="python3.13",
            Role=role,
            Handler=properties["Handler"],
            Code={"ZipFile": b"none"},
        )
    return names


def _create_state_machine(synthesized: Template, role: str) -> str:
    _, properties = synthesized.only("AWS::StepFunctions::StateMachine")
    definition = adapted(synthesized)
    response = clients.step_functions().create_state_machine(
        name=properties["StateMachineName"], definition=json.dumps(definition), roleArn=role
    )
    return response["stateMachineArn"]


def _folder(properties: JsonObject) -> str:
    return str(properties["Handler"].split(".")[1])


@contextmanager
def _invocations_call_handlers(system: System, asynchronous: deque[tuple[str, JsonObject]] | None) -> Iterator[None]:
    # moto closes an object that is overwritten while another thread reads it; S3 does not.
    lock = RLock()

    def invoke(function: Any, body: Any, request_headers: Any, response_headers: Any) -> Any:
        folder = system.names[function.function_name]
        event = json.loads(body)
        if request_headers.get("x-amz-invocation-type", "") == "Event":
            if asynchronous is not None:
                asynchronous.append((folder, event))
                return ""
            try:
                with lock:
                    system.invoke(folder, event)
            except Exception as error:  # noqa: BLE001  moto would swallow it
                system.unexpected.append(error)
            return ""
        try:
            return json.dumps(system.invoke(folder, event)).encode()
        except Exception as error:  # noqa: BLE001  as Lambda does
            response_headers["x-amz-function-error"] = "Unhandled"
            return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()

    with patch("moto.awslambda.models.LambdaFunction.invoke", invoke):
        yield


def forget_compositions() -> None:
    """Makes every function cold-start at its next invocation."""
    for function in deployed_functions():
        for member in vars(import_module(f"functions.{function}.handler")).values():
            if hasattr(member, "cache_clear"):
                member.cache_clear()
