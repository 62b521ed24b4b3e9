"""`default-risk login` and `logout`."""

import sys
from typing import Annotated

import typer

from default_risk_jobs.cli.environment import API_VARIABLE, Environment, begin
from default_risk_jobs.cli.exit_codes import UsageError
from default_risk_jobs.cli.options import DeploymentOption, JsonOption
from default_risk_jobs.cli.settings import Deployment, a_deployment
from default_risk_jobs.sign_in import expiry, sign_in, username

_FIRST_NAME = "default"
_FROM_INPUT = "-"


def login(
    ctx: typer.Context,
    *,
    deployment: DeploymentOption = None,
    api: Annotated[str | None, typer.Option(help="The API's address, for a deployment that is new here.")] = None,
    client_id: Annotated[str | None, typer.Option(help="The id of the user pool's client (UserPoolClientId).")] = None,
    region: Annotated[str | None, typer.Option(help="The region of the user pool, if the address has none.")] = None,
    sign_in_url: Annotated[str | None, typer.Option(help="The user pool's service, if it is not that of AWS.")] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Your name; asked for otherwise.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from the input.")] = False,
    token: Annotated[
        str | None,
        typer.Option(help="An access token of your own issuer; - reads it from the input."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Sign in to a deployment, and remember it."""
    environment = begin(ctx, as_json=as_json)
    settings = environment.settings
    if api is None:
        chosen = environment.deployment(deployment)
        if chosen.name == API_VARIABLE:
            raise UsageError(f"{API_VARIABLE} is set. To remember that deployment give --api {chosen.api_url}")
    else:
        chosen = a_deployment(
            deployment or _FIRST_NAME, api_url=api, client_id=client_id, region=region, sign_in_url=sign_in_url
        )
    if token is not None:
        given = sys.stdin.readline().strip() if token == _FROM_INPUT else token
    else:
        given = _sign_in(environment, chosen, user=user, password_stdin=password_stdin)
    # A token that the service does not take is not worth keeping.
    with environment.client_of(chosen, given) as client:
        client.jobs(limit=1)
    settings.keep(chosen)
    settings.keep_token(chosen.name, given)
    _report(environment, chosen, given)


def _sign_in(environment: Environment, deployment: Deployment, *, user: str | None, password_stdin: bool) -> str:
    if deployment.client_id is None or deployment.sign_in_url is None:
        raise UsageError(
            f"No user pool is known for {deployment.name}. Give --client-id with --api, or a token: --token -"
        )
    if password_stdin:
        if user is None:
            raise UsageError("With --password-stdin give your name as well: --user")
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        user = user or typer.prompt("Name", err=True)
        password = typer.prompt("Password", hide_input=True, err=True)
    else:
        raise UsageError("Nobody can be asked for a password here. Give --password-stdin or --token -")
    return sign_in(
        username=user,
        password=password,
        client_id=deployment.client_id,
        endpoint=deployment.sign_in_url,
        transport=environment.transport,
        retries=environment.retries,
    )


def _report(environment: Environment, deployment: Deployment, token: str) -> None:
    ends = expiry(token)
    if environment.as_json:
        environment.print_json(
            {
                "deployment": deployment.name,
                "api_url": deployment.api_url,
                "user": username(token),
                "expires_at": ends.isoformat().replace("+00:00", "Z") if ends else None,
            }
        )
        return
    until = f" until {ends:%Y-%m-%d %H:%M} UTC" if ends else ""
    environment.say(f"Signed in to {deployment.name} as {username(token) or 'the owner of the token'}{until}.")


def logout(ctx: typer.Context, *, deployment: DeploymentOption = None, as_json: JsonOption = False) -> None:
    """Forget the access token of a deployment."""
    environment = begin(ctx, as_json=as_json)
    chosen = environment.deployment(deployment)
    environment.settings.forget_token(chosen.name)
    if as_json:
        environment.print_json({"deployment": chosen.name})
    else:
        environment.say(f"Signed out of {chosen.name}.")
