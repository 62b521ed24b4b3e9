"""What holds for every test: no network outside tests/e2e, made-up AWS credentials, one hypothesis profile."""

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

# Wall-clock limits on an example fail where the machine is busy, and say nothing of the code.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

# Tests make many objects and few cycles: to look for these as often as programs do takes a fifth of their time.
gc.set_threshold(100_000, 50, 50)

# Read when a client is made; with no network and no profile nothing can reach an account by mistake.
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
    # What was imported stays; nothing of it has to be looked through again.
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Sockets are refused but in tests/e2e, which talks to the local cloud; an event loop's own pair is let through."""
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
