"""The options that many commands share."""

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
        help="Which deployment is meant; the default one otherwise.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the API's answer as JSON.")]
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.", show_default=False)]
JobsArgument = Annotated[list[str], typer.Argument(metavar="JOB...", help="The jobs' ids.", show_default=False)]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
# Neither is None: the file decides where there is one.
JobTypeOption = Annotated[
    bool | None,
    typer.Option("--annual/--quarterly", help="Annual or quarterly figures.", show_default=False),
]
