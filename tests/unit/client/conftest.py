"""The client and the application in one process."""

import asyncio
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from default_risk_jobs.client import JobsClient
from default_risk_jobs.transport import Retries
from tests.in_process import InProcess
from tests.unit.api.conftest import *  # noqa: F403 - the application's fixtures, whichever it needs
from tests.unit.api.conftest import Token

API_URL = "https://api.example"


@pytest.fixture
def service(app: FastAPI) -> Iterator[InProcess]:
    with asyncio.Runner() as runner:
        yield InProcess(app=app, runner=runner)


@pytest.fixture
def pauses() -> list[float]:
    """The seconds of all waits, none of which is really waited."""
    return []


@pytest.fixture
def jobs_client(service: InProcess, token: Token, pauses: list[float]) -> Iterator[JobsClient]:
    with JobsClient(API_URL, token=token(), transport=service, retries=Retries(pause=pauses.append)) as made:
        yield made
