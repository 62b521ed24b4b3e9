"""Random lives of jobs over the services and the store in memory; see `life`."""

import pytest
from hypothesis import settings

from tests.fakes import FakeJobStore
from tests.unit.jobs.life import JobLives


class InMemoryLives(JobLives):
    make_store = FakeJobStore


TestAnyOrder = pytest.mark.hazard("Every step of a job's life in any order, more than once")(InMemoryLives.TestCase)
TestAnyOrder.settings = settings(max_examples=250, stateful_step_count=50)
