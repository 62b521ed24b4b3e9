"""`default-risk login` and `logout`."""

import sys
from typing import Annotated

import typer

from default_risk_jobs.cli.environment import API_VARIABLE, Environment, begin
from default_risk_jobs.cli.exit_codes import UsageError
from default_risk_jobs.cli.options import DeploymentOption, JsonOption
from default_risk_jobs.cli.settings import Deployment, deployment_from
from default_risk_jobs.sign_in import expiry, sign_in, username

_DEFAULT_NAME = "default"
_FROM_INPUT = "-"


def login(
    ctx: typer.Context,
    *,
    deployment: DeploymentOption = None,
    api: Annotated[str | None, typer.Option(help="URL of the API, for a new deployment.")] = None,
    client_id: Annotated[str | None, typer.Option(help="Client id of the user pool (UserPoolClientId).")] = None,
    region: Annotated[str | None, typer.Option(help="Region of the user pool (default: from the API URL).")] = None,
    sign_in_url: Annotated[str | None, typer.Option(help="Cognito endpoint (default: that of the region).")] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="User name (default: prompt).")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
    token: Annotated[
        str | None,
        typer.Option(help="Access token of your identity provider; - reads it from stdin."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Sign in to a deployment."""
    environment = begin(ctx, as_json=as_json)
    settings = environment.settings
    if api is None:
        chosen = environment.deployment(deployment)
        if chosen.name == API_VARIABLE:
            raise UsageError(f"{API_VARIABLE} is set. To save that deployment, pass --api {chosen.api_url}")
    else:
        chosen = deployment_from(
            deployment or _DEFAULT_NAME, api_url=api, client_id=client_id, region=region, sign_in_url=sign_in_url
        )
    if token is not None:
        access_token = sys.stdin.readline().strip() if token == _FROM_INPUT else token
    else:
        access_token = _sign_in(environment, chosen, user=user, password_stdin=password_stdin)
    # Save the token only if the API accepts it.
    with environment.client_for(chosen, access_token) as client:
        client.jobs(limit=1)
    settings.save(chosen)
    settings.save_token(chosen.name, access_token)
    _report(environment, chosen, access_token)


def _sign_in(environment: Environment, deployment: Deployment, *, user: str | None, password_stdin: bool) -> str:
    if deployment.client_id is None or deployment.sign_in_url is None:
        raise UsageError(
            f"No user pool is known for {deployment.name}. Pass --client-id with --api, or a token: --token -"
        )
    if password_stdin:
        if user is None:
            raise UsageError("--password-stdin also needs --user.")
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        user = user or typer.prompt("Name", err=True)
        password = typer.prompt("Password", hide_input=True, err=True)
    else:
        raise UsageError("No terminal for a password prompt; use --password-stdin or --token -.")
    return sign_in(
        username=user,
        password=password,
        client_id=deployment.client_id,
        endpoint=deployment.sign_in_url,
        transport=environment.transport,
        retries=environment.retries,
    )


def _report(environment: Environment, deployment: Deployment, token: str) -> None:
    expires_at = expiry(token)
    if environment.as_json:
        environment.print_json(
            {
                "deployment": deployment.name,
                "api_url": deployment.api_url,
                "user": username(token),
                "expires_at": expires_at.isoformat().replace("+00:00", "Z") if expires_at else None,
            }
        )
        return
    until = f" until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else ""
    environment.say(f"Signed in to {deployment.name} as {username(token) or 'the owner of the token'}{until}.")


def logout(ctx: typer.Context, *, deployment: DeploymentOption = None, as_json: JsonOption = False) -> None:
    """Sign out of a deployment."""
    environment = begin(ctx, as_json=as_json)
    chosen = environment.deployment(deployment)
    environment.settings.forget_token(chosen.name)
    if as_json:
        environment.print_json({"deployment": chosen.name})
    else:
        environment.say(f"Signed out of {chosen.name}.")
