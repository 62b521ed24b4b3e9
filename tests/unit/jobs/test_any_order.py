"""Random sequences of steps over the services and the store in memory; see `job_state_machine`."""

import pytest
from hypothesis import settings

from tests.fakes import FakeJobStore
from tests.unit.jobs.job_state_machine import JobStateMachine


class JobsInMemory(JobStateMachine):
    make_store = FakeJobStore


TestAnyOrder = pytest.mark.hazard("Every step of a job's life in any order, more than once")(JobsInMemory.TestCase)
TestAnyOrder.settings = settings(max_examples=250, stateful_step_count=50)
