"""One local cloud for all end-to-end tests, in one process of the run."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from default_risk_jobs import JobsClient
from infra.local.cloud import LocalCloud, local_cloud
from infra.project import ROOT

SHARED = ROOT.parent / "shared"


# Before xdist reads the groups, also when these tests are named on the command line.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            # One group, so that one worker starts one local cloud.
            if item.get_closest_marker("xdist_group") is None:
                item.add_marker(pytest.mark.xdist_group("local-cloud"))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with local_cloud(tmp_path_factory.mktemp("local-cloud")) as (running, _):
        yield running


@pytest.fixture(scope="session")
def client_of(cloud: LocalCloud) -> Iterator[Callable[[str], JobsClient]]:
    """Returns the API client of a local user, one per user."""
    with ExitStack() as clients:

        @cache
        def of(user: str) -> JobsClient:
            return clients.enter_context(JobsClient(cloud.api_url, token=cloud.token(user)))

        yield of


@pytest.fixture(scope="session")
def member(client_of: Callable[[str], JobsClient]) -> JobsClient:
    return client_of("acme_member")


@pytest.fixture(scope="session")
def samples() -> Path:
    folder = SHARED / "samples"
    if not folder.is_dir():
        pytest.skip("the sample files are neither in the repository nor next to it")
    return folder


@pytest.fixture(scope="session")
def expected(samples: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((samples / "expected.json").read_text())
    return facts


@pytest.fixture(scope="session")
def panel_file() -> Path:
    path = SHARED / "data" / "us_bankruptcy_1999_2018.csv.gz"
    if not path.is_file():
        pytest.skip("the American panel is neither in the repository nor next to it")
    return path
