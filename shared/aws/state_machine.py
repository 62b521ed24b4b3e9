"""Step Functions as the engine that runs jobs."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from botocore.exceptions import ClientError

from shared.aws import clients
from shared.aws.failures import code_of, translated
from shared.jobs.job import Job
from shared.jobs.ports import Execution, ExecutionState

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

# Step Functions keeps a cause of at most 32,768 characters; a log line has no use for more than this.
_CAUSE_SHOWN = 500


class StateMachine:
    """`Workflow` on Step Functions. An execution is named after its job, so there is at most one."""

    def __init__(self, arn: str, *, client: "Callable[[], SFNClient]" = clients.step_functions) -> None:
        self._client = client
        self._arn = arn

    def execution_arn(self, job_id: UUID) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{job_id}"

    def start(self, job: Job) -> None:
        payload = {"job_id": str(job.id), "organization_id": job.organization_id}
        try:
            with translated():
                self._client().start_execution(stateMachineArn=self._arn, name=str(job.id), input=json.dumps(payload))
        except ClientError as error:
            # Another delivery of the same event was first.
            if code_of(error) != "ExecutionAlreadyExists":
                raise

    def stop(self, job_id: UUID, *, reason: str) -> bool:
        if self.describe(job_id).state is not ExecutionState.RUNNING:
            return False
        with translated():
            self._client().stop_execution(executionArn=self.execution_arn(job_id), cause=reason)
        return True

    def describe(self, job_id: UUID) -> Execution:
        try:
            with translated():
                answer = self._client().describe_execution(executionArn=self.execution_arn(job_id))
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return Execution(state=ExecutionState.UNKNOWN)
            raise
        if answer["status"] in {"RUNNING", "PENDING_REDRIVE"}:
            return Execution(state=ExecutionState.RUNNING)
        return Execution(state=ExecutionState.ENDED, cause=(answer.get("cause") or answer["status"])[:_CAUSE_SHOWN])
