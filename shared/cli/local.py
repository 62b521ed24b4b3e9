"""`default-risk local`: the whole system on this machine, and a sign-in to it."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.cli.environment import Environment, begin
from shared.cli.exit_codes import UsageError
from shared.cli.options import JsonOption
from shared.cli.settings import Deployment
from shared.client.errors import ClientError
from shared.client.jobs_client import root_url

NAME = "local"
_CHECKOUT = Path(__file__).resolve().parents[2]


class LocalCloudFailedError(ClientError):
    """The local cloud did not start or stop, and said why."""


def local(
    ctx: typer.Context,
    *,
    stop: Annotated[bool, typer.Option("--stop", help="End it.")] = False,
    user: Annotated[str, typer.Option("--user", "-u", help="Which of its users to sign in.")] = "acme_member",
    folder: Annotated[Path, typer.Option(help="Where its state and logs are kept.", show_default=False)] = _CHECKOUT
    / ".local",
    as_json: JsonOption = False,
) -> None:
    """Start the whole system on this machine and sign in to it, as the deployment `local`. Needs a checkout."""
    environment = begin(ctx, as_json=as_json)
    if not (_CHECKOUT / "cdk.json").is_file() or find_spec("ministack") is None:
        raise UsageError("The local cloud runs from a checkout of the project: git clone it, then `make local`.")
    _cloud("--stop" if stop else "--detach", folder)
    if stop:
        _stopped(environment)
        return
    cloud: dict[str, Any] = json.loads((folder / "cloud.json").read_text())
    if user not in cloud["users"]:
        raise UsageError(f"The local cloud has no user {user}. It has {', '.join(sorted(cloud['users']))}.")
    deployment = Deployment(
        name=NAME,
        api_url=root_url(cloud["api_url"]),
        client_id=cloud["user_pool_client_id"],
        sign_in_url=cloud["endpoint_url"],
    )
    environment.settings.keep(deployment)
    environment.settings.keep_token(NAME, cloud["users"][user]["token"])
    if as_json:
        environment.print_json({"deployment": NAME, "api_url": deployment.api_url, "user": user})
        return
    environment.say(f"The local cloud is up at {deployment.api_url}. Signed in as {user}.")
    if environment.settings.default != NAME:
        environment.say(f"Name it in commands: -d {NAME}")


def _stopped(environment: Environment) -> None:
    environment.settings.remove(NAME)
    if environment.as_json:
        environment.print_json({"removed": NAME})
    else:
        environment.say("The local cloud is not running.")


def _cloud(action: str, folder: Path) -> None:
    """What `make local` does; its output has a token, so it is kept back. Raises `LocalCloudFailedError`."""
    ran = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "infra.local.daemon", action, "--folder", str(folder)],
        cwd=_CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise LocalCloudFailedError(ran.stderr.strip() or "The local cloud did not start.")
