"""Simulates AWS around the functions without waiting: deliveries, retries, executions and the schedule.

Every delivery is attempted as often as on AWS. The functions are the real ones, on moto.
"""

import asyncio
import gc
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from unittest.mock import patch

import boto3
import httpx
from jwt import PyJWKClient
from moto.backends import get_backend
from moto.core.model_instances import reset_model_data
from moto.s3.models import FakeKey

from shared.aws import clients
from shared.jobs.job import utc_now
from tests.aws_clients import forget_clients
from tests.aws_resources import ACCOUNT, REGION, table_definition
from tests.fakes import SettableClock, time_of
from tests.faults.fault_injection import FaultInjector, ProcessEndedError
from tests.faults.gateway import gateway_event, key_set, token
from tests.faults.missing_objects import MissingObjects
from tests.faults.permissions import grants_of
from tests.flow.state_machine_definition import retries_of
from tests.flow.status_stream import passes_the_filter
from tests.flow.system import System, forget_compositions, running_system
from tests.synthesized import JsonObject

# The queue's `maxReceiveCount` and Lambda's attempts of an asynchronous invocation.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
DELIVERIES = 20
ASYNCHRONOUS_ATTEMPTS = 3
# Attempts of this project's client after a connection error or a 5xx response.
CLIENT_ATTEMPTS = 5

API = "/api/v1/predictions"


class TaskFailedError(Exception):
    """A task of an execution failed in every attempt."""


@dataclass
class Platform:
    """AWS around the functions.

    `responses` has method, path and status of every response that a client received.
    `requested` has every method and path that was ever requested.
    """

    system: System
    fault_injector: FaultInjector
    missing_objects: MissingObjects
    clock: SettableClock
    asynchronous: deque[tuple[str, JsonObject]]
    responses: list[tuple[str, str, int]] = field(default_factory=list)
    requested: set[tuple[str, str]] = field(default_factory=set)
    after_invocation: Callable[[], None] = lambda: None
    before_chunk: dict[int, Callable[[], object]] = field(default_factory=dict)
    poisoned_chunks: set[int] = field(default_factory=set)
    _published: int = 0
    _executed: set[str] = field(default_factory=set)

    def clear(self) -> None:
        """Removes all data. A new table is faster, as every transaction in moto copies the table and its stream."""
        clients.dynamodb().delete_table(TableName=self.system.table)
        clients.dynamodb().create_table(**{**table_definition(), "TableName": self.system.table})
        for bucket in (self.system.uploads_bucket, self.system.results_bucket):
            for version in clients.s3().list_object_versions(Bucket=bucket).get("Versions", []):
                clients.s3().delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        self.executions().clear()
        self._executed.clear()
        self.responses.clear()
        self.asynchronous.clear()
        self._published = 0
        self.before_chunk.clear()
        self.poisoned_chunks.clear()
        # moto keeps every table that a transaction was rolled back to, and every object that was ever stored.
        for stored in cast("Any", FakeKey).instances_tracked:
            stored.dispose()
        reset_model_data()
        # Garbage of the last run is in the young generations; a full collection would be slow.
        gc.collect(1)

    def invoke(self, function: str, event: JsonObject, *, attempts: int) -> Any:
        """Invokes a function once, of at most `attempts` times; returns its result or raises its error."""
        try:
            with self.fault_injector.invocation(function, event, attempts=attempts):
                return self.system.invoke(function, event)
        finally:
            self.after_invocation()

    def attempt(self, function: str, event: JsonObject, *, attempts: int, of: int | None = None) -> tuple[bool, Any]:
        """Invokes a function until it succeeds; returns whether it did, and its result.

        `of` is the total number of attempts, where these are some of them.
        """
        for _ in range(attempts):
            try:
                return True, self.invoke(function, event, attempts=of or attempts)
            except Exception:  # noqa: BLE001, S112  AWS retries after any error
                continue
        return False, None

    def forget_processes(self) -> None:
        """Makes every function cold-start at its next invocation."""
        forget_compositions()

    def pass_time(self, **by: float) -> None:
        """Advances the clock."""
        self.clock.advance(timedelta(**by))

    # Callers

    def request(self, method: str, path: str, *, caller: Mapping[str, Any] | None = None, **sent: Any) -> JsonObject:
        """Returns the API's response, with the retries of a client; `{"status": 0}` if all attempts failed."""
        self.requested.add((method, path.partition("?")[0]))
        event = gateway_event(httpx.Request(method, f"https://api.example{path}", **sent), token(caller or {}))
        for _ in range(CLIENT_ATTEMPTS):
            try:
                answer = self.invoke("api", event, attempts=CLIENT_ATTEMPTS)
            except ProcessEndedError:
                continue
            status = int(answer["statusCode"])
            self.responses.append((method, path, status))
            if status < 500:
                body = answer.get("body") or "null"
                headers = answer["headers"]
                parsed = json.loads(body) if "json" in headers.get("content-type", "") else body
                return {"status": status, "body": parsed, "headers": headers}
        return {"status": 0, "body": None, "headers": {}}

    # Deliveries

    def deliver(self) -> None:
        """Delivers the queue's messages to intake, each until it succeeds or its deliveries are used up."""
        sqs = boto3.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.system.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                record = {"messageId": message["MessageId"], "body": message["Body"]}
                for _ in range(DELIVERIES):
                    done, answer = self.attempt("intake", {"Records": [record]}, attempts=1, of=DELIVERIES)
                    if done and not answer["batchItemFailures"]:
                        break
                sqs.delete_message(QueueUrl=self.system.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def run_asynchronous(self) -> None:
        """Runs the pending async invocations."""
        while self.asynchronous:
            function, event = self.asynchronous.popleft()
            self.attempt(function, event, attempts=ASYNCHRONOUS_ATTEMPTS)

    def reconcile(self) -> None:
        """Runs the reconcile schedule once, and the async invocations it requests."""
        self.attempt("reconcile", {"source": "aws.events", "time": str(self.clock())}, attempts=ASYNCHRONOUS_ATTEMPTS)
        self.run_asynchronous()

    def publish(self) -> None:
        """Delivers the unpublished records of the table's stream until all are published."""
        # Reads moto's data directly: its DynamoDB Streams API would take half the time of a whole run.
        written = [json.loads(json.dumps(record.to_json(), default=str)) for record in self.table().stream_shard.items]
        records = [record for record in written if passes_the_filter(record)]
        for _ in range(2 * DELIVERIES):
            batch = records[self._published :]
            if not batch:
                return
            done, answer = self.attempt("publish", {"Records": batch}, attempts=1, of=2 * DELIVERIES)
            if not done:
                continue
            failures = answer["batchItemFailures"]
            numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
            self._published += numbers.index(failures[0]["itemIdentifier"]) if failures else len(batch)

    # Executions

    def run_executions(self) -> None:
        """Runs the state machine for every execution that was started and not run before."""
        for execution in list(self.executions()):
            if execution.name not in self._executed:
                self._executed.add(execution.name)
                self._execute(execution)
        self.run_asynchronous()

    def executions(self) -> list[Any]:
        """Returns moto's list of executions."""
        (machine,) = get_backend("stepfunctions")[ACCOUNT][REGION].state_machines
        executions: list[Any] = machine.executions
        return executions

    def table(self) -> Any:
        """Returns moto's jobs table."""
        return get_backend("dynamodb")[ACCOUNT][REGION].tables[self.system.table]

    def forget_execution(self, name: str) -> None:
        """Removes an execution, as if its start had been lost."""
        self.executions()[:] = [execution for execution in self.executions() if execution.name != name]

    def abandon_execution(self, name: str) -> None:
        """Keeps an execution running without any progress."""
        self._executed.add(name)

    def _execute(self, execution: Any) -> None:
        job = {"job_id": json.loads(execution.execution_input)["job_id"]}
        try:
            plan = self._task("Plan", job)
            if plan["outcome"] == "planned":
                self._execute_map(job, plan["manifest_key"])
            # A stopped execution starts no further task; running tasks continue.
            if execution.status == "RUNNING":
                self._task("Finalize", job)
        except TaskFailedError:
            if execution.status == "RUNNING":
                execution.status = "FAILED"
        if execution.status == "RUNNING":
            execution.status = "SUCCEEDED"
        else:
            self.asynchronous.append(
                (
                    "reconcile",
                    {
                        "detail-type": "Step Functions Execution Status Change",
                        "detail": {"name": job["job_id"], "status": execution.status},
                    },
                )
            )

    def _execute_map(self, job: JsonObject, manifest_key: str) -> None:
        stored = clients.s3().get_object(Bucket=self.system.results_bucket, Key=manifest_key)
        for chunk in json.loads(stored["Body"].read()):
            if chunk["index"] in self.before_chunk:
                self.before_chunk.pop(chunk["index"])()
            if chunk["index"] in self.poisoned_chunks:
                continue
            try:
                # Chunks of a stopped execution still run, late.
                self._task("Score", {**job, "chunk": chunk})
            except TaskFailedError:
                continue  # tolerated: Finalize sees what is missing

    def _task(self, state: str, event: JsonObject) -> Any:
        done, answer = self.attempt(state.lower(), event, attempts=1 + retries_of(self.system.template, state))
        if not done:
            raise TaskFailedError
        return answer


@contextmanager
def running_platform() -> Iterator[Platform]:
    """Yields an empty platform."""
    asynchronous: deque[tuple[str, JsonObject]] = deque()
    clock, fault_injector = SettableClock(utc_now()), FaultInjector()
    with ExitStack() as stack:
        stack.enter_context(time_of(clock))
        stack.enter_context(patch.object(PyJWKClient, "fetch_data", lambda _: key_set()))
        # Small chunks, so that a small file has several of them.
        stack.enter_context(patch("functions.plan.planner.chunk_size", lambda size: max(700, size // 4)))
        stack.enter_context(patch("time.sleep", lambda _seconds: None))
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        asyncio.set_event_loop(loop)
        stack.callback(asyncio.set_event_loop, None)
        system = stack.enter_context(running_system(executes=False, asynchronous=asynchronous))
        clients.events().create_event_bus(Name=os.environ["EVENT_BUS_NAME"])
        # The clients so far created the resources; only the functions' new clients are observed.
        forget_clients()
        fault_injector.listen(clients._session())
        missing_objects = MissingObjects(grants_of(system.template), lambda: fault_injector.running_function)
        missing_objects.listen(clients._session())
        # Garbage is collected between the runs only; otherwise it would take a fifth of the time.
        gc.freeze()
        gc.disable()
        stack.callback(gc.enable)
        yield Platform(
            system=system,
            fault_injector=fault_injector,
            missing_objects=missing_objects,
            clock=clock,
            asynchronous=asynchronous,
        )
