"""One platform for all of these tests, in one process of the run, and the calls that its scenarios make."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.platform import Platform, running_platform
from tests.faults.scenarios import SCENARIOS
from tests.faults.schedules import CleanRuns, clean_runs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and item.path.name.startswith("test_"):
            # One group: the platform takes seconds to start, which is nothing to what runs for long.
            item.add_marker(pytest.mark.xdist_group("platform"))


@pytest.fixture(scope="package")
def platform() -> Iterator[Platform]:
    with running_platform() as running:
        yield running


@pytest.fixture(scope="package")
def calls(platform: Platform) -> CleanRuns:
    return clean_runs(platform, SCENARIOS)
