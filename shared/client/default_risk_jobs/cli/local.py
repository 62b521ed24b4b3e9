"""`default-risk local`: runs the full stack locally and signs in to it."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from default_risk_jobs.cli.environment import Environment, begin
from default_risk_jobs.cli.exit_codes import UsageError
from default_risk_jobs.cli.options import JsonOption
from default_risk_jobs.cli.settings import Deployment
from default_risk_jobs.client import root_url
from default_risk_jobs.errors import ClientError

NAME = "local"
_PACKAGE = Path(__file__).resolve().parents[1]
_PACKAGE_IN_A_CHECKOUT = Path("shared", "client", "default_risk_jobs")


class LocalCloudFailedError(ClientError):
    """The local cloud did not start or stop; the text says why."""


def local(
    ctx: typer.Context,
    *,
    stop: Annotated[bool, typer.Option("--stop", help="Stop it.")] = False,
    user: Annotated[str, typer.Option("--user", "-u", help="User to sign in as.")] = "acme_member",
    folder: Annotated[
        Path | None, typer.Option(help="Folder for state and logs (default: .local in the checkout).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the full stack locally and sign in to it as deployment `local` (requires a source checkout)."""
    environment = begin(ctx, as_json=as_json)
    checkout = _checkout()
    folder = folder or checkout / ".local"
    _cloud("--stop" if stop else "--detach", folder, checkout=checkout)
    if stop:
        _report_stop(environment)
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
    environment.settings.save(deployment)
    environment.settings.save_token(NAME, cloud["users"][user]["token"])
    if as_json:
        environment.print_json({"deployment": NAME, "api_url": deployment.api_url, "user": user})
        return
    environment.say(f"The local cloud is running at {deployment.api_url}. Signed in as {user}.")
    if environment.settings.default != NAME:
        environment.say(f"Use it with: -d {NAME}")


def _report_stop(environment: Environment) -> None:
    environment.settings.remove(NAME)
    if environment.as_json:
        environment.print_json({"removed": NAME})
    else:
        environment.say("The local cloud is not running.")


def _checkout() -> Path:
    """Returns the folder of the checkout that this command is part of. Raises `UsageError` for an installed command."""
    for folder in _PACKAGE.parents:
        if folder / _PACKAGE_IN_A_CHECKOUT == _PACKAGE and (folder / "cdk.json").is_file():
            if find_spec("ministack") is None:
                raise UsageError(
                    f"The local cloud needs the environment of the checkout: run `make local` in {folder}."
                )
            return folder
    raise UsageError("The local cloud runs from a checkout of the project: git clone it, then `make local`.")


def _cloud(action: str, folder: Path, *, checkout: Path) -> None:
    """Runs the module behind `make local` and hides its output, which has a token. Raises `LocalCloudFailedError`."""
    ran = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "infra.local.daemon", action, "--folder", str(folder)],
        cwd=checkout,
        check=False,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise LocalCloudFailedError(ran.stderr.strip() or "The local cloud did not start.")
