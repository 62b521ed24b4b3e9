"""The random job lives of the unit tests, run on the jobs table."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from moto import mock_aws

from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.jobs.ports import JobStore
from tests.aws_resources import TABLE, create_table, delete_table
from tests.unit.jobs.job_state_machine import JobStateMachine


def fresh_table() -> JobStore:
    delete_table()
    create_table()
    return JobsTable(client=clients.dynamodb, table=TABLE)


class LivesOnDynamoDB(JobStateMachine):
    make_store = staticmethod(fresh_table)


@pytest.fixture
def dynamodb() -> Iterator[None]:
    with mock_aws():
        create_table()
        yield


@pytest.mark.hazard("Every step of a job's life in any order, more than once")
@pytest.mark.usefixtures("dynamodb")
def test_steps_in_any_order_keep_every_promise_on_dynamodb() -> None:
    run_state_machine_as_test(LivesOnDynamoDB, settings=settings(max_examples=50, stateful_step_count=30))
