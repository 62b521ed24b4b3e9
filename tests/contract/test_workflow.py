"""Contract of `Workflow`, and the async invocations that request files."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from shared.aws import clients
from shared.aws.invocations import request_assembly, request_retry_file
from shared.aws.state_machine import StateMachine
from shared.jobs.errors import UnavailableError
from shared.jobs.ports import ExecutionState, Workflow
from tests.aws_resources import create_state_machine
from tests.builders import a_job
from tests.fakes import FakeWorkflow


@pytest.fixture(params=["fake", "moto"])
def engine(request: pytest.FixtureRequest) -> Iterator[Workflow]:
    if request.param == "fake":
        yield FakeWorkflow()
        return
    with mock_aws():
        yield StateMachine(client=clients.step_functions, arn=create_state_machine())


def end(engine: Workflow, job_id: UUID) -> None:
    """Ends the execution from outside of this system."""
    if isinstance(engine, FakeWorkflow):
        engine.end(job_id, cause="States.Timeout")
    else:
        clients.step_functions().stop_execution(executionArn=engine.execution_arn(job_id), cause="States.Timeout")


class TestWorkflow:
    def test_execution_that_was_not_started_is_unknown(self, engine: Workflow) -> None:
        assert engine.describe(uuid4()).state is ExecutionState.UNKNOWN
        assert not engine.stop(uuid4(), reason="x")

    def test_started_execution_runs_until_it_is_stopped(self, engine: Workflow) -> None:
        job_id = uuid4()
        engine.start(a_job(id=job_id))
        assert engine.describe(job_id).state is ExecutionState.RUNNING
        assert engine.stop(job_id, reason="Job cancelled by user")
        execution = engine.describe(job_id)
        assert execution.state is ExecutionState.ENDED
        assert execution.cause

    def test_only_a_running_execution_is_stopped(self, engine: Workflow) -> None:
        job_id = uuid4()
        engine.start(a_job(id=job_id))
        assert [engine.stop(job_id, reason="x") for _ in range(2)] == [True, False]

    def test_second_start_of_an_execution_is_a_no_op(self, engine: Workflow) -> None:
        job_id = uuid4()
        for _ in range(3):
            engine.start(a_job(id=job_id))
        assert engine.describe(job_id).state is ExecutionState.RUNNING
        end(engine, job_id)
        engine.start(a_job(id=job_id))
        assert engine.describe(job_id).state is ExecutionState.ENDED

    def test_ended_execution_has_a_cause(self, engine: Workflow) -> None:
        job_id = uuid4()
        engine.start(a_job(id=job_id))
        end(engine, job_id)
        assert engine.describe(job_id).cause

    def test_execution_arn_is_known_before_its_start(self, engine: Workflow) -> None:
        first, second = uuid4(), uuid4()
        assert engine.execution_arn(first).endswith(f":{first}")
        assert engine.execution_arn(first) != engine.execution_arn(second)


class TestStateMachine:
    def test_execution_arn_is_that_of_step_functions(self) -> None:
        with mock_aws():
            machine = StateMachine(client=clients.step_functions, arn=create_state_machine())
            job_id = uuid4()
            machine.start(a_job(id=job_id))
            response = clients.step_functions().describe_execution(executionArn=machine.execution_arn(job_id))
            assert response["name"] == str(job_id)
            assert json.loads(response["input"]) == {"job_id": str(job_id), "organization_id": a_job().organization_id}

    def test_missing_state_machine_raises_an_error(self) -> None:
        with mock_aws():
            arn = create_state_machine()
            machine = StateMachine(client=clients.step_functions, arn=f"{arn}-gone")
            with pytest.raises(Exception, match="StateMachineDoesNotExist"):
                machine.start(a_job())

    def test_long_cause_of_an_execution_is_truncated(self) -> None:
        client = boto3.client("stepfunctions")
        machine = StateMachine(client=lambda: client, arn="arn:aws:states:eu-central-1:1:stateMachine:m")
        with Stubber(client) as stub:
            stub.add_response(
                "describe_execution",
                {
                    "executionArn": "arn",
                    "stateMachineArn": "arn",
                    "startDate": 0,
                    "status": "FAILED",
                    "cause": "x" * 32_768,
                },
            )
            cause = machine.describe(uuid4()).cause
        assert cause is not None
        assert cause.startswith("xxx")
        assert len(cause) <= 1_000


@pytest.mark.parametrize(
    ("request_files", "event"),
    [(request_assembly, {"settle_only": True}), (request_retry_file, {})],
)
class TestRequests:
    def test_function_is_invoked_asynchronously(
        self, stub: Stubber, request_files: Callable[[str, UUID], None], event: dict[str, Any]
    ) -> None:
        job_id = uuid4()
        stub.add_response(
            "invoke",
            {"StatusCode": 202},
            {
                "FunctionName": "worker",
                "InvocationType": "Event",
                "Payload": json.dumps({"job_id": str(job_id), **event}).encode(),
            },
        )
        request_files("worker", job_id)
        stub.assert_no_pending_responses()

    def test_throttled_invocation_is_unavailable(
        self, stub: Stubber, request_files: Callable[[str, UUID], None], event: dict[str, Any]
    ) -> None:
        del event  # the payload makes no difference
        stub.add_client_error("invoke", "TooManyRequestsException", http_status_code=429)
        with pytest.raises(UnavailableError):
            request_files("worker", uuid4())


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """A stub of the Lambda client."""
    client = boto3.client("lambda")
    monkeypatch.setattr(clients, "lambda_", lambda: client)
    with Stubber(client) as stub:
        yield stub
