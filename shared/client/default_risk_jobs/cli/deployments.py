"""`default-risk deployments`: the ones that are known, and which is meant where none is named."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from default_risk_jobs.cli.environment import begin
from default_risk_jobs.cli.options import JsonOption
from default_risk_jobs.cli.settings import a_deployment
from default_risk_jobs.cli.text import cell

app = typer.Typer(name="deployments", no_args_is_help=True, help="The deployments that this command knows.")

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
    table = Table("", "name", "address", "signed in", box=None)
    for name, deployment in known.items():
        signed_in = "yes" if settings.token(name) is not None else "no"
        table.add_row("*" if name == settings.default else "", cell(name), cell(deployment.api_url), signed_in)
    environment.out.print(table)


@app.command("add")
def add_deployment(
    ctx: typer.Context,
    *,
    name: NameArgument,
    api: Annotated[str, typer.Option(help="The API's address.")],
    client_id: Annotated[str | None, typer.Option(help="The id of the user pool's client (UserPoolClientId).")] = None,
    region: Annotated[str | None, typer.Option(help="The region of the user pool, if the address has none.")] = None,
    sign_in_url: Annotated[str | None, typer.Option(help="The user pool's service, if it is not that of AWS.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Add a deployment, or give one another address."""
    environment = begin(ctx, as_json=as_json)
    made = a_deployment(name, api_url=api, client_id=client_id, region=region, sign_in_url=sign_in_url)
    before = environment.settings.deployments().get(name)
    if before is not None and before.api_url != made.api_url:
        # The token of one service must not go to another.
        environment.settings.forget_token(name)
    environment.settings.keep(made)
    if as_json:
        environment.print_json(asdict(made))
    else:
        environment.say(f"Added {name}. Sign in: default-risk login -d {name}")


@app.command("use")
def use_deployment(ctx: typer.Context, *, name: NameArgument, as_json: JsonOption = False) -> None:
    """Make a deployment the default."""
    environment = begin(ctx, as_json=as_json)
    environment.settings.use(environment.deployment(name).name)
    if as_json:
        environment.print_json({"default": name})
    else:
        environment.say(f"Commands mean {name} now.")


@app.command("remove")
def remove_deployment(ctx: typer.Context, *, name: NameArgument, as_json: JsonOption = False) -> None:
    """Forget a deployment and its token."""
    environment = begin(ctx, as_json=as_json)
    environment.settings.remove(environment.deployment(name).name)
    if as_json:
        environment.print_json({"removed": name})
    else:
        environment.say(f"Removed {name}.")
