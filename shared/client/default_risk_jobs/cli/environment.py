"""Context of a command: settings, API client and output."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import typer
from rich.console import Console

from default_risk_jobs.cli.exit_codes import UsageError, exit_code_of, hint_for
from default_risk_jobs.cli.settings import Deployment, Settings, safe_url
from default_risk_jobs.cli.text import plain
from default_risk_jobs.client import JobsClient, root_url
from default_risk_jobs.errors import ApiError, ClientError, SignInError
from default_risk_jobs.sign_in import expiry
from default_risk_jobs.transport import Retries

FOLDER_VARIABLE = "DEFAULT_RISK_HOME"
API_VARIABLE = "DEFAULT_RISK_API"
TOKEN_VARIABLE = "DEFAULT_RISK_TOKEN"  # noqa: S105 - the name of a variable
DEPLOYMENT_VARIABLE = "DEFAULT_RISK_DEPLOYMENT"

_NOT_SIGNED_IN = "You are not signed in to {}."
# Wide enough that tables in a pipe do not wrap, for grep.
_PIPE_WIDTH = 200


def settings_folder(variables: Mapping[str, str]) -> Path:
    """Returns the folder of the settings."""
    given = variables.get(FOLDER_VARIABLE)
    return Path(given) if given else Path(typer.get_app_dir("default-risk"))


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else _PIPE_WIDTH)


@dataclass(slots=True, kw_only=True)
class Environment:
    """Environment of one run; tests create their own."""

    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)
    transport: httpx.BaseTransport | None = None
    retries: Retries = field(default_factory=Retries)
    out: Console = field(default_factory=_console)
    err: Console = field(default_factory=lambda: _console(stderr=True))
    as_json: bool = False

    @property
    def settings(self) -> Settings:
        """Returns the deployments and tokens of the user."""
        return Settings(settings_folder(self.variables))

    @property
    def is_interactive(self) -> bool:
        """Returns whether the command can prompt: both input and output are a terminal, without --json."""
        return not self.as_json and self.out.is_terminal and sys.stdin.isatty()

    def deployment(self, name: str | None) -> Deployment:
        """Returns the named deployment or the default one. Raises `UsageError`."""
        if name is None and (api_url := self.variables.get(API_VARIABLE)):
            safe_url(api_url)
            return Deployment(name=API_VARIABLE, api_url=root_url(api_url))
        known = self.settings.deployments()
        chosen = name or self.settings.default
        if chosen is None:
            raise UsageError(
                "No deployment yet. Sign in to one: default-risk login --api https://…, "
                "or run one locally: default-risk local"
            )
        if chosen not in known:
            raise UsageError(f"Unknown deployment: {chosen}. Available: {', '.join(sorted(known)) or 'none'}.")
        return known[chosen]

    def connect(self, name: str | None) -> JobsClient:
        """Returns a client with the token of the signed-in user. Raises `SignInError` and `UsageError`."""
        deployment = self.deployment(name)
        token = self.variables.get(TOKEN_VARIABLE) or self.settings.token(deployment.name)
        if token is None:
            message = f"{TOKEN_VARIABLE} is not set." if deployment.name == API_VARIABLE else _NOT_SIGNED_IN
            raise SignInError(message.format(deployment.name), status=401, code="not_signed_in")
        expires_at = expiry(token)
        if expires_at is not None and expires_at <= datetime.now(UTC):
            message = f"Your sign-in to {deployment.name} expired at {expires_at:%Y-%m-%d %H:%M} UTC."
            raise SignInError(message, status=401, code="token_expired")
        return self.client_for(deployment, token)

    def client_for(self, deployment: Deployment, token: str) -> JobsClient:
        """Returns a client with an access token. Raises `UsageError` for a malformed token."""
        if not token.isascii() or not token.isprintable() or " " in token:
            raise UsageError("The access token is malformed.")
        return JobsClient(deployment.api_url, token=token, transport=self.transport, retries=self.retries)

    def print_json(self, value: Any) -> None:
        """Prints a value as one line of JSON."""
        print_line(self.out, json.dumps(value, ensure_ascii=False))

    def say(self, text: str) -> None:
        """Prints a message for people, to stderr with --json."""
        print_line(self.err if self.as_json else self.out, plain(text))

    def report(self, error: ClientError) -> int:
        """Prints an error with a hint and returns the exit code."""
        code = exit_code_of(error)
        hint = hint_for(error)
        if self.as_json:
            body = {"detail": str(error), "exit_code": int(code), "hint": hint}
            if isinstance(error, ApiError):
                body |= {"code": error.code, "status": error.status, "request_id": error.request_id}
                body |= {"errors": list(error.field_errors)} if error.field_errors else {}
            print_line(self.err, json.dumps({"error": body}, ensure_ascii=False))
            return code
        lines = str(error).splitlines()
        if isinstance(error, ApiError):
            lines += [f"  {field_error}" for field_error in error.field_errors]
        lines += [hint] if hint else []
        if isinstance(error, ApiError) and error.status >= 500 and error.request_id:
            lines.append(f"Request id: {error.request_id}")
        for line in lines:
            print_line(self.err, plain(line))
        return code


def print_line(console: Console, line: str) -> None:
    """Prints a line without markup and without wrapping."""
    console.print(line, markup=False, soft_wrap=True)


def begin(ctx: typer.Context, *, as_json: bool = False) -> Environment:
    """Returns the environment of the command that starts."""
    environment = ctx.ensure_object(Environment)
    environment.as_json = as_json
    return environment
