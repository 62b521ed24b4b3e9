"""`default-risk cancel`, `retry` and `delete`."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

import typer

from default_risk_jobs.cli.environment import Environment, begin
from default_risk_jobs.cli.exit_codes import ExitCode, UsageError, exit_code_of_refusal
from default_risk_jobs.cli.options import DeploymentOption, JobArgument, JobsArgument, JsonOption, YesOption
from default_risk_jobs.cli.watch import watch_jobs
from default_risk_jobs.client import JobsClient

_AT_ONCE = 100


class RetriedOutcome(StrEnum):
    """The rows that a retry can be made of, as a repeatable option needs them."""

    FAILED = "failed"
    UNPROCESSED = "unprocessed"


_DONE = {"cancel": "Cancelled", "delete": "Deleted"}


def cancel(
    ctx: typer.Context,
    *,
    jobs: JobsArgument,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel jobs. Rows that were scored before stay, and can be downloaded."""
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        raise typer.Exit(_each(environment, client, "cancel", jobs))


def delete(
    ctx: typer.Context,
    *,
    jobs: JobsArgument,
    yes: YesOption = False,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete jobs, with their files and results."""
    environment = begin(ctx, as_json=as_json)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Nobody can be asked here. Give --yes to delete.")
        count = "this job" if len(jobs) == 1 else f"these {len(jobs)} jobs"
        typer.confirm(f"Delete {count} with all files and results?", abort=True, err=True)
    with environment.connect(deployment) as client:
        raise typer.Exit(_each(environment, client, "delete", jobs))


def _each(environment: Environment, client: JobsClient, action: Literal["cancel", "delete"], ids: Sequence[str]) -> int:
    """Do it to each job, whatever becomes of the others; the exit code of the first that could not be done."""
    if len(ids) == 1:
        answer = client.cancel(ids[0]) if action == "cancel" else client.delete(ids[0])
        if environment.as_json:
            environment.print_json(answer)
        else:
            environment.say(answer["message"])
        return ExitCode.OK
    unique = list(dict.fromkeys(ids))
    outcomes = [
        outcome
        for start in range(0, len(unique), _AT_ONCE)
        for outcome in client.bulk(action, unique[start : start + _AT_ONCE])["results"]
    ]
    if environment.as_json:
        environment.print_json({"results": outcomes})
    worst = int(ExitCode.OK)
    for outcome in outcomes:
        if not outcome["success"]:
            worst = worst or exit_code_of_refusal(outcome["code"])
        if not environment.as_json:
            told = _DONE[action] if outcome["success"] else outcome["detail"]
            environment.say(f"{outcome['job_id']}: {told}")
    return worst


def retry(
    ctx: typer.Context,
    *,
    job: JobArgument,
    outcome: Annotated[
        list[RetriedOutcome] | None,
        typer.Option("--outcome", "-o", help="Which rows; both kinds otherwise."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the new job to its end.")] = False,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new job of the rows that failed or were left undone.

    Rows that failed fail again as they are: to correct them, download them, and upload the corrected file.
    """
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        accepted = client.retry(job, *(str(kind) for kind in outcome or ()))
        if as_json:
            environment.print_json(accepted)
        else:
            environment.say(f"Made job {accepted['job_id']}")
        if watch:
            raise typer.Exit(watch_jobs(environment, client, [accepted["job_id"]]))
