"""What AWS does around the functions, by hand and without its waiting: deliveries, retries, executions, the schedule.

Every delivery is tried as often as AWS tries it. The functions are the real ones, over moto.
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
from tests.aws_resources import REGION, table_definition
from tests.fakes import SettableClock, time_of
from tests.faults.faults import Faults, ProcessEndedError
from tests.faults.gateway import gateway_event, key_set, token
from tests.flow.definition import retries_of
from tests.flow.stream import passes_the_filter
from tests.flow.system import System, forget_compositions, running_system
from tests.synthesised import JsonObject

# The queue's `maxReceiveCount` and Lambda's attempts of an asynchronous invocation.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
DELIVERIES = 5
ASYNCHRONOUS_ATTEMPTS = 3
# A client repeats what it got no answer to, or a 5xx, as often as ours does.
CLIENT_ATTEMPTS = 5

ACCOUNT = "123456789012"
API = "/api/v1/predictions"


class TaskFailedError(Exception):
    """A task of an execution failed in every attempt."""


@dataclass
class Platform:
    """AWS around the functions. `answers` has the status of every request that a client got an answer to.

    `asked` has every method and path that was ever requested.
    """

    system: System
    faults: Faults
    clock: SettableClock
    asynchronous: deque[tuple[str, JsonObject]]
    answers: list[tuple[str, str, int]] = field(default_factory=list)
    asked: set[tuple[str, str]] = field(default_factory=set)
    after_invocation: Callable[[], None] = lambda: None
    before_chunk: dict[int, Callable[[], object]] = field(default_factory=dict)
    poisoned_chunks: set[int] = field(default_factory=set)
    _published: int = 0
    _played: set[str] = field(default_factory=set)

    def clear(self) -> None:
        """Begin anew with nothing: every transaction in moto copies the whole table, its stream too."""
        clients.dynamodb().delete_table(TableName=self.system.table)
        clients.dynamodb().create_table(**{**table_definition(), "TableName": self.system.table})
        for bucket in (self.system.uploads_bucket, self.system.results_bucket):
            for version in clients.s3().list_object_versions(Bucket=bucket).get("Versions", []):
                clients.s3().delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        self.executions().clear()
        self._played.clear()
        self.answers.clear()
        self.asynchronous.clear()
        self._published = 0
        self.before_chunk.clear()
        self.poisoned_chunks.clear()
        # Moto keeps every table that a transaction was rolled back to, and every object that was ever stored.
        for stored in cast("Any", FakeKey).instances_tracked:
            stored.dispose()
        reset_model_data()
        # What the last run made is young: all that stays from run to run need not be looked through each time.
        gc.collect(1)

    def invoke(self, function: str, event: JsonObject, *, attempts: int) -> Any:
        """One invocation of so many that there may be, and what it answers. Raises what the function raises."""
        try:
            with self.faults.invocation(function, event, attempts=attempts):
                return self.system.invoke(function, event)
        finally:
            self.after_invocation()

    def attempt(self, function: str, event: JsonObject, *, attempts: int, of: int | None = None) -> tuple[bool, Any]:
        """Invocations until one does not raise; whether one did not, and its answer.

        `of` says how many there may be in all where these are some of them.
        """
        for _ in range(attempts):
            try:
                return True, self.invoke(function, event, attempts=of or attempts)
            except Exception:  # noqa: BLE001, S112  the platform tries again, whatever was raised
                continue
        return False, None

    def forget_processes(self) -> None:
        """Let every function start anew at its next invocation."""
        forget_compositions()

    def pass_time(self, **by: float) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(**by))

    # Callers

    def request(self, method: str, path: str, *, caller: Mapping[str, Any] | None = None, **sent: Any) -> JsonObject:
        """What the API answers, asked again as clients do; `{"status": 0}` when it never did."""
        self.asked.add((method, path.partition("?")[0]))
        event = gateway_event(httpx.Request(method, f"https://api.example{path}", **sent), token(caller or {}))
        for _ in range(CLIENT_ATTEMPTS):
            try:
                answer = self.invoke("api", event, attempts=CLIENT_ATTEMPTS)
            except ProcessEndedError:
                continue
            status = int(answer["statusCode"])
            self.answers.append((method, path, status))
            if status < 500:
                body = answer.get("body") or "null"
                headers = answer["headers"]
                parsed = json.loads(body) if "json" in headers.get("content-type", "") else body
                return {"status": status, "body": parsed, "headers": headers}
        return {"status": 0, "body": None, "headers": {}}

    # Deliveries

    def deliver(self) -> None:
        """The queue's messages to intake, each until it is taken in or given up."""
        sqs = boto3.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.system.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                record = {"messageId": message["MessageId"], "body": message["Body"]}
                for _ in range(DELIVERIES):
                    done, answer = self.attempt("intake", {"Records": [record]}, attempts=1, of=DELIVERIES)
                    if done and not answer["batchItemFailures"]:
                        break
                sqs.delete_message(QueueUrl=self.system.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def settle(self) -> None:
        """The asynchronous invocations that were asked for."""
        while self.asynchronous:
            function, event = self.asynchronous.popleft()
            self.attempt(function, event, attempts=ASYNCHRONOUS_ATTEMPTS)

    def reconcile(self) -> None:
        """One run of the schedule, and what it asks for."""
        self.attempt("reconcile", {"source": "aws.events", "time": str(self.clock())}, attempts=ASYNCHRONOUS_ATTEMPTS)
        self.settle()

    def publish(self) -> None:
        """What the table's stream has to publish, from where it was left, until all of it went out."""
        # Not by the API of streams, over which moto takes half the time of a whole run.
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
        """Play the state machine for every execution that was started and not played before."""
        for execution in list(self.executions()):
            if execution.name not in self._played:
                self._played.add(execution.name)
                self._play(execution)
        self.settle()

    def executions(self) -> list[Any]:
        """The executions that there are: moto's own list of them."""
        (machine,) = get_backend("stepfunctions")[ACCOUNT][REGION].state_machines
        executions: list[Any] = machine.executions
        return executions

    def table(self) -> Any:
        """The jobs table as moto has it."""
        return get_backend("dynamodb")[ACCOUNT][REGION].tables[self.system.table]

    def forget_execution(self, name: str) -> None:
        """Lose an execution, as when a start is not known of."""
        self.executions()[:] = [execution for execution in self.executions() if execution.name != name]

    def abandon_execution(self, name: str) -> None:
        """Let an execution run without doing anything."""
        self._played.add(name)

    def _play(self, execution: Any) -> None:
        job = {"job_id": json.loads(execution.execution_input)["job_id"]}
        try:
            plan = self._task("Plan", job)
            if plan["outcome"] == "planned":
                self._play_map(job, plan["manifest_key"])
            # A stopped execution starts nothing more; what runs goes on.
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

    def _play_map(self, job: JsonObject, manifest_key: str) -> None:
        stored = clients.s3().get_object(Bucket=self.system.results_bucket, Key=manifest_key)
        for chunk in json.loads(stored["Body"].read()):
            if chunk["index"] in self.before_chunk:
                self.before_chunk.pop(chunk["index"])()
            if chunk["index"] in self.poisoned_chunks:
                continue
            try:
                # Chunks of a stopped execution come late, but they come.
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
    """The platform with nothing in it, for as long as the block runs."""
    asynchronous: deque[tuple[str, JsonObject]] = deque()
    clock, faults = SettableClock(utc_now()), Faults()
    with ExitStack() as stack:
        stack.enter_context(time_of(clock))
        stack.enter_context(patch.object(PyJWKClient, "fetch_data", lambda _: key_set()))
        # Chunks of a few rows, so that a small file has several.
        stack.enter_context(patch("functions.plan.planner.chunk_size", lambda size: max(700, size // 4)))
        stack.enter_context(patch("time.sleep", lambda _seconds: None))
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        asyncio.set_event_loop(loop)
        stack.callback(asyncio.set_event_loop, None)
        system = stack.enter_context(running_system(executes=False, asynchronous=asynchronous))
        clients.events().create_event_bus(Name=os.environ["EVENT_BUS_NAME"])
        # The clients made so far made the resources; those of the functions are watched.
        forget_clients()
        faults.listen(clients._session())
        # Cycles are looked for between the runs, among what the runs made: else a fifth of the time goes into it.
        gc.freeze()
        gc.disable()
        stack.callback(gc.enable)
        yield Platform(system=system, faults=faults, clock=clock, asynchronous=asynchronous)
