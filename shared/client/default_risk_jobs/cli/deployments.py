"""`default-risk deployments`: manages the known deployments and the default one."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from default_risk_jobs.cli.environment import begin
from default_risk_jobs.cli.options import JsonOption
from default_risk_jobs.cli.settings import deployment_from
from default_risk_jobs.cli.text import cell

app = typer.Typer(name="deployments", no_args_is_help=True, help="Manage deployments.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]


@app.command("list")
def list_deployments(ctx: typer.Context, *, as_json: JsonOption = False) -> None:
    """List the deployments."""
    environment = begin(ctx, as_json=as_json)
    settings = environment.settings
    known = settings.deployments()
    if as_json:
        environment.print_json(
            {
                "default": settings.default,
                "deployments": [
                    {**asdict(deployment), "signed_in": settings.token(name) is not None}
                    for name, deployment in known.items()
                ],
            }
        )
        return
    table = Table("", "name", "URL", "signed in", box=None)
    for name, deployment in known.items():
        signed_in = "yes" if settings.token(name) is not None else "no"
        table.add_row("*" if name == settings.default else "", cell(name), cell(deployment.api_url), signed_in)
    environment.out.print(table)


@app.command("add")
def add_deployment(
    ctx: typer.Context,
    *,
    name: NameArgument,
    api: Annotated[str, typer.Option(help="URL of the API.")],
    client_id: Annotated[str | None, typer.Option(help="Client id of the user pool (UserPoolClientId).")] = None,
    region: Annotated[str | None, typer.Option(help="Region of the user pool (default: from the API URL).")] = None,
    sign_in_url: Annotated[str | None, typer.Option(help="Cognito endpoint (default: that of the region).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Add or replace a deployment."""
    environment = begin(ctx, as_json=as_json)
    added = deployment_from(name, api_url=api, client_id=client_id, region=region, sign_in_url=sign_in_url)
    previous = environment.settings.deployments().get(name)
    if previous is not None and previous.api_url != added.api_url:
        # Never send the token of one service to another.
        environment.settings.forget_token(name)
    environment.settings.save(added)
    if as_json:
        environment.print_json(asdict(added))
    else:
        environment.say(f"Added {name}. Sign in: default-risk login -d {name}")


@app.command("use")
def use_deployment(ctx: typer.Context, *, name: NameArgument, as_json: JsonOption = False) -> None:
    """Set the default deployment."""
    environment = begin(ctx, as_json=as_json)
    environment.settings.use(environment.deployment(name).name)
    if as_json:
        environment.print_json({"default": name})
    else:
        environment.say(f"Now using {name}.")


@app.command("remove")
def remove_deployment(ctx: typer.Context, *, name: NameArgument, as_json: JsonOption = False) -> None:
    """Remove a deployment and its access token."""
    environment = begin(ctx, as_json=as_json)
    environment.settings.remove(environment.deployment(name).name)
    if as_json:
        environment.print_json({"removed": name})
    else:
        environment.say(f"Removed {name}.")
