"""Long random sequences of job changes on the jobs table, different in every run. Run by `make soak`."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from moto import mock_aws

from tests.aws_resources import create_table
from tests.contract.test_random_job_lives import LivesOnDynamoDB


def test_long_random_job_lives_keep_every_promise() -> None:
    with mock_aws():
        create_table()
        run_state_machine_as_test(LivesOnDynamoDB, settings=settings(max_examples=1_000, stateful_step_count=60))
