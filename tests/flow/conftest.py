from collections.abc import Iterator

import pytest

from tests.flow.system import System, running_system


@pytest.fixture
def system() -> Iterator[System]:
    with running_system() as running:
        yield running
