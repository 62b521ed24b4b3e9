"""A thousand of each race on the table. Run by `make soak`."""

from collections.abc import Callable
from typing import Any

import pytest
from moto import mock_aws

from shared.aws.jobs_table import JobsTable
from shared.jobs.ports import JobStore
from tests.aws_resources import TABLE, create_table
from tests.contract.test_races import race_cancels_against_the_end, race_deletes_against_late_commits
from tests.contract.threads import OneCallAtATime


@pytest.mark.parametrize("race", [race_cancels_against_the_end, race_deletes_against_late_commits])
def test_a_thousand_races(race: Callable[[JobStore, int], None]) -> None:
    with mock_aws():
        create_table()
        client: Any = OneCallAtATime()
        race(JobsTable(client=lambda: client, table=TABLE), 1_000)
