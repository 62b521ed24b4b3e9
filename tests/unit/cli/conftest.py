"""The command line and the application in one process."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from rich.console import Console
from typer.testing import CliRunner

from default_risk_jobs.cli import environment as module
from default_risk_jobs.cli.environment import FOLDER_VARIABLE, Environment
from default_risk_jobs.cli.main import app as command_line
from default_risk_jobs.cli.settings import Deployment, Settings
from default_risk_jobs.transport import Retries
from tests.in_process import InProcess
from tests.unit.api.conftest import *  # noqa: F403 - the application's fixtures, whichever it needs
from tests.unit.api.conftest import Token

DEPLOYMENT = Deployment(
    name="prod",
    api_url="https://api.example",
    client_id="client-1",
    sign_in_url="https://cognito-idp.eu-central-1.amazonaws.com/",
)


@pytest.fixture
def service(app: FastAPI) -> Iterator[InProcess]:
    with asyncio.Runner() as runner:
        yield InProcess(app=app, runner=runner)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home")


@dataclass
class Ran:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """The lines of the output, parsed as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        """The output of one line, parsed as JSON."""
        (value,) = self.lines
        return value


@dataclass
class CommandLine:
    """Runs `default-risk` in this process; `given` is its standard input."""

    service: InProcess
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)

    def __call__(self, *arguments: str, given: str | None = None, terminal: bool = False) -> Ran:
        made = Environment(
            variables={FOLDER_VARIABLE: str(self.folder), **self.variables},
            transport=self.service,
            retries=Retries(pause=self.pauses.append),
            out=Console(highlight=False, width=200, force_terminal=terminal, color_system=None),
            err=Console(highlight=False, width=200, stderr=True),
        )
        ran = CliRunner().invoke(command_line, list(arguments), input=given, obj=made)
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return Ran(code=ran.exit_code, out=ran.stdout, err=ran.stderr)


@pytest.fixture
def newcomer(service: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of a user without any settings."""
    for name in (module.DEPLOYMENT_VARIABLE, module.FOLDER_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return CommandLine(service=service, folder=tmp_path / "home")


@pytest.fixture
def run(newcomer: CommandLine, settings: Settings, token: Token) -> CommandLine:
    """The command line of the creator of `a_job()`, signed in."""
    settings.save(DEPLOYMENT)
    settings.save_token(DEPLOYMENT.name, token())
    return newcomer


Run = Callable[..., Ran]
