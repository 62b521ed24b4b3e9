"""Options that commands share."""

import os
from typing import Annotated

import typer

from default_risk_jobs.cli.environment import DEPLOYMENT_VARIABLE, settings_folder
from default_risk_jobs.cli.settings import Settings


def _known_deployments(incomplete: str) -> list[str]:
    return [name for name in Settings(settings_folder(os.environ)).deployments() if name.startswith(incomplete)]


DeploymentOption = Annotated[
    str | None,
    typer.Option(
        "--deployment",
        "-d",
        envvar=DEPLOYMENT_VARIABLE,
        autocompletion=_known_deployments,
        help="Deployment to use (default: current).",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the API response as JSON.")]
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Job id.", show_default=False)]
JobsArgument = Annotated[list[str], typer.Argument(metavar="JOB...", help="Job ids.", show_default=False)]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Skip confirmation.")]
# None without either option: `upload` detects it, other commands use annual or both.
JobTypeOption = Annotated[
    bool | None,
    typer.Option("--annual/--quarterly", help="Reporting period.", show_default=False),
]
