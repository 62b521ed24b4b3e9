"""`default-risk cancel`, `retry` and `delete`."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

import typer

from default_risk_jobs.cli.environment import Environment, begin
from default_risk_jobs.cli.exit_codes import ExitCode, UsageError, exit_code_of_api_code
from default_risk_jobs.cli.options import DeploymentOption, JobArgument, JobsArgument, JsonOption, YesOption
from default_risk_jobs.cli.watch import watch_jobs
from default_risk_jobs.client import JobsClient

_BATCH_SIZE = 100


class RetriedOutcome(StrEnum):
    """Rows that can be retried. Repeatable options need an enum."""

    FAILED = "failed"
    UNPROCESSED = "unprocessed"


_PAST_TENSE = {"cancel": "Cancelled", "delete": "Deleted"}


def cancel(
    ctx: typer.Context,
    *,
    jobs: JobsArgument,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel jobs. Rows already scored are kept and can be downloaded."""
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        raise typer.Exit(_run_for_each(environment, client, "cancel", jobs))


def delete(
    ctx: typer.Context,
    *,
    jobs: JobsArgument,
    yes: YesOption = False,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete jobs with their files and results."""
    environment = begin(ctx, as_json=as_json)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Refusing to delete without confirmation; pass --yes.")
        count = "this job" if len(jobs) == 1 else f"these {len(jobs)} jobs"
        typer.confirm(f"Delete {count} with all files and results?", abort=True, err=True)
    with environment.connect(deployment) as client:
        raise typer.Exit(_run_for_each(environment, client, "delete", jobs))


def _run_for_each(
    environment: Environment, client: JobsClient, action: Literal["cancel", "delete"], ids: Sequence[str]
) -> int:
    """Runs the action for each job and returns the exit code of the first failure."""
    if len(ids) == 1:
        response = client.cancel(ids[0]) if action == "cancel" else client.delete(ids[0])
        if environment.as_json:
            environment.print_json(response)
        else:
            environment.say(response["message"])
        return ExitCode.OK
    unique = list(dict.fromkeys(ids))
    outcomes = [
        outcome
        for start in range(0, len(unique), _BATCH_SIZE)
        for outcome in client.bulk(action, unique[start : start + _BATCH_SIZE])["results"]
    ]
    if environment.as_json:
        environment.print_json({"results": outcomes})
    exit_code = int(ExitCode.OK)
    for outcome in outcomes:
        if not outcome["success"]:
            exit_code = exit_code or exit_code_of_api_code(outcome["code"])
        if not environment.as_json:
            text = _PAST_TENSE[action] if outcome["success"] else outcome["detail"]
            environment.say(f"{outcome['job_id']}: {text}")
    return exit_code


def retry(
    ctx: typer.Context,
    *,
    job: JobArgument,
    outcome: Annotated[
        list[RetriedOutcome] | None,
        typer.Option("--outcome", "-o", help="Rows to retry (default: failed and unprocessed)."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Watch until finished.")] = False,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Retry failed or unprocessed rows in a new job.

    Rows with validation errors will fail again unless corrected: download them, fix them and upload the file.
    """
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        accepted = client.retry(job, *(str(kind) for kind in outcome or ()))
        if as_json:
            environment.print_json(accepted)
        else:
            environment.say(f"Created job {accepted['job_id']}")
        if watch:
            raise typer.Exit(watch_jobs(environment, client, [accepted["job_id"]]))
