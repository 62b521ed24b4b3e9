"""Runs each race on the jobs table a thousand times. Run by `make soak`."""

from collections.abc import Callable
from typing import Any

import pytest
from moto import mock_aws

from shared.aws.jobs_table import JobsTable
from shared.jobs.ports import JobStore
from tests.aws_resources import TABLE, create_table
from tests.contract.concurrency import OneCallAtATime
from tests.contract.test_races import race_cancels_against_the_end, race_deletes_against_late_commits


@pytest.mark.parametrize("race", [race_cancels_against_the_end, race_deletes_against_late_commits])
def test_thousand_races_keep_every_promise(race: Callable[[JobStore, int], None]) -> None:
    with mock_aws():
        create_table()
        client: Any = OneCallAtATime()
        race(JobsTable(client=lambda: client, table=TABLE), 1_000)
