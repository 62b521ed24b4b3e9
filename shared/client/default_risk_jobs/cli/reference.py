"""`default-risk template`, `schema` and `models`: reference for uploads."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from default_risk_jobs.cli.environment import begin
from default_risk_jobs.cli.exit_codes import UsageError
from default_risk_jobs.cli.options import DeploymentOption, JobTypeOption, JsonOption
from default_risk_jobs.cli.text import cell


def _job_type(annual: bool | None) -> str:  # noqa: FBT001 - one option
    return "quarterly" if annual is False else "annual"


def template(
    ctx: typer.Context,
    *,
    annual: JobTypeOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Output file (default: stdout).")] = None,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print an example CSV that passes validation."""
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        text = client.template(_job_type(annual))
    if output is not None:
        try:
            with output.open("x") as file:
                file.write(text)
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}.") from error
    if as_json:
        environment.print_json({"job_type": _job_type(annual), "file": str(output) if output else None, "csv": text})
    elif output is not None:
        environment.say(f"Wrote {output}")
    else:
        typer.echo(text, nl=False)


def schema(
    ctx: typer.Context,
    *,
    annual: JobTypeOption = None,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the input columns and their rules."""
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        response = client.schema(_job_type(annual))
    if as_json:
        environment.print_json(response)
        return
    table = Table("column", "type", "required", "description", box=None)
    for column in response["columns"]:
        required = "yes" if column["required"] else "no"
        table.add_row(cell(column["name"]), cell(column["type"]), required, cell(column["description"]))
    environment.out.print(table)
    for profile, columns in response["profiles"].items():
        environment.say(f"{profile}: {', '.join(columns)}")


def models(ctx: typer.Context, *, deployment: DeploymentOption = None, as_json: JsonOption = False) -> None:
    """Show the models with their performance and limits."""
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        response = client.models()
    if as_json:
        environment.print_json(response)
        return
    table = Table("type", "profile", "model", box=None)
    table.add_column("version", overflow="fold")
    for heading in ("ROC AUC", "KS", "Brier", "basis"):
        table.add_column(heading)
    for model in response["models"]:
        metrics = model["metrics"]
        table.add_row(
            cell(model["job_type"]),
            cell(model["profile"]),
            cell(model["name"]),
            cell(model["version"]),
            f"{metrics['roc_auc']:.3f}",
            f"{metrics['ks']:.3f}",
            f"{metrics['brier']:.4f}",
            cell(model["basis"]),
        )
    environment.out.print(table)
    for reason in dict.fromkeys(reason for model in response["models"] for reason in model["not_for"]):
        environment.say(f"Not for: {reason}")
