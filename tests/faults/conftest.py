"""One simulated platform for all fault tests, in one pytest process, and the AWS calls of its scenarios."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.fault_runs import CleanRuns, clean_runs
from tests.faults.scenarios import SCENARIOS
from tests.faults.simulated_platform import Platform, running_platform


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and item.path.name.startswith("test_"):
            # One group, because each process would need seconds to start a platform of its own.
            item.add_marker(pytest.mark.xdist_group("platform"))


@pytest.fixture(scope="package")
def platform() -> Iterator[Platform]:
    with running_platform() as running:
        yield running


@pytest.fixture(scope="package")
def calls(platform: Platform) -> CleanRuns:
    return clean_runs(platform, SCENARIOS)
