"""Settings of all tests: no network outside of tests/e2e, fake AWS credentials, one hypothesis profile."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket, enable_socket

from tests.fakes import (
    FakeAssembler,
    FakeJobStore,
    FakePreparer,
    FakeResultStore,
    FakeUploadStore,
    FakeWorkflow,
    SettableClock,
)

_E2E = Path(__file__).parent / "e2e"

# Deadlines of examples would fail on a busy machine.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

# Tests create many objects and few cycles; with the default thresholds, collection takes a fifth of their time.
gc.set_threshold(100_000, 50, 50)

# Fake credentials without a profile, so that no test can reach an AWS account by mistake.
os.environ.update(
    {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
)
for _name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ROLE_ARN"):
    os.environ.pop(_name, None)


def pytest_collection_finish() -> None:
    # Imported modules live until the end, so they need no further garbage collection.
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Disables sockets except in tests/e2e, which use the local cloud; event loops need Unix sockets."""
    if _E2E in request.path.parents:
        yield
        return
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def store() -> FakeJobStore:
    return FakeJobStore()


@pytest.fixture
def uploads() -> FakeUploadStore:
    return FakeUploadStore()


@pytest.fixture
def results() -> FakeResultStore:
    return FakeResultStore()


@pytest.fixture
def workflow() -> FakeWorkflow:
    return FakeWorkflow()


@pytest.fixture
def assembler() -> FakeAssembler:
    return FakeAssembler()


@pytest.fixture
def preparer() -> FakePreparer:
    return FakePreparer()
