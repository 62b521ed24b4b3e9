"""Contract tests run every port twice: on its fake and on its AWS adapter with moto."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.jobs.ports import JobStore
from tests.aws_resources import TABLE, create_table
from tests.fakes import FakeJobStore
from tests.faster_moto import quicken

quicken()


@pytest.fixture(params=["fake", "moto"])
def job_store(request: pytest.FixtureRequest) -> Iterator[JobStore]:
    if request.param == "fake":
        yield FakeJobStore()
        return
    with mock_aws():
        create_table()
        yield JobsTable(client=clients.dynamodb, table=TABLE)
