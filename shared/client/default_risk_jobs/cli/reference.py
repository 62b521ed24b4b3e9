"""`default-risk template`, `schema` and `models`: what there is to know before an upload."""

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
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file; the output otherwise.")] = None,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a CSV file that uploads clean, to start from."""
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
    """Show the columns that files have, with their rules."""
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        answer = client.schema(_job_type(annual))
    if as_json:
        environment.print_json(answer)
        return
    table = Table("column", "type", "required", "description", box=None)
    for column in answer["columns"]:
        required = "yes" if column["required"] else "no"
        table.add_row(cell(column["name"]), cell(column["type"]), required, cell(column["description"]))
    environment.out.print(table)
    for profile, columns in answer["profiles"].items():
        environment.say(f"{profile}: {', '.join(columns)}")


def models(ctx: typer.Context, *, deployment: DeploymentOption = None, as_json: JsonOption = False) -> None:
    """Show the models, how good they are and what they are not for."""
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        answer = client.models()
    if as_json:
        environment.print_json(answer)
        return
    table = Table("type", "profile", "model", box=None)
    table.add_column("version", overflow="fold")
    for heading in ("ROC AUC", "KS", "Brier", "basis"):
        table.add_column(heading)
    for model in answer["models"]:
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
    for reason in dict.fromkeys(reason for model in answer["models"] for reason in model["not_for"]):
        environment.say(f"Not for: {reason}")
