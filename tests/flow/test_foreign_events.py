"""Events that are not of the uploads bucket of this account create no job and remove no object."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.aws import clients
from tests.aws_resources import ACCOUNT
from tests.flow.system import System, running_system


@pytest.fixture
def system() -> Iterator[System]:
    # A started execution that is still running would outlive the mocks of the test.
    with running_system(executes=False) as running:
        yield running


def event_of(system: System, **changed: Any) -> dict[str, Any]:
    """Returns the event of an object that would be taken in, with changed fields."""
    detail = {
        "bucket": {"name": changed.pop("bucket", system.uploads_bucket)},
        "object": {"key": "drop/acme/annual/a.csv", "size": 4, "version-id": "1"},
    }
    return {"source": "aws.s3", "account": ACCOUNT, "detail": detail, **changed}


def jobs_of(system: System, event: dict[str, Any]) -> list[str]:
    """Returns the names of the executions after intake received the event."""
    record = {"messageId": "m", "body": json.dumps(event)}
    assert system.invoke("intake", {"Records": [record]}) == {"batchItemFailures": []}
    executions = clients.step_functions().list_executions(stateMachineArn=system.state_machine_arn)["executions"]
    return [execution["name"] for execution in executions]


@pytest.mark.parametrize(
    "changed", [{"account": "999999999999"}, {"bucket": "another-bucket"}, {"source": "custom.s3"}]
)
def test_event_of_another_account_bucket_or_source_is_ignored(system: System, changed: dict[str, str]) -> None:
    assert jobs_of(system, event_of(system, **changed)) == []
    assert len(jobs_of(system, event_of(system))) == 1
