"""`default-risk watch`: follows jobs until they end, and handles Ctrl-C."""

from collections.abc import Sequence

import typer

from default_risk_jobs.cli.environment import Environment, begin
from default_risk_jobs.cli.exit_codes import ExitCode
from default_risk_jobs.cli.live_view import view_for
from default_risk_jobs.cli.options import DeploymentOption, JobsArgument, JsonOption
from default_risk_jobs.cli.text import rows
from default_risk_jobs.client import JobsClient
from default_risk_jobs.errors import ApiError
from default_risk_jobs.polling import TERMINAL
from default_risk_jobs.types import JobSummary

_QUESTION = "\n[c]ancel, [d]etach or [k]eep watching?"


def watch(
    ctx: typer.Context,
    *,
    jobs: JobsArgument,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch jobs until they finish.

    With --json, each change is a line. Ctrl-C offers to cancel the jobs.
    """
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        raise typer.Exit(watch_jobs(environment, client, jobs))


def watch_jobs(environment: Environment, client: JobsClient, job_ids: Sequence[str]) -> int:
    """Follows jobs until they end, prints how they ended and returns the exit code."""
    latest: dict[str, JobSummary] = {}
    live = list(dict.fromkeys(job_ids))
    while live:
        try:
            with view_for(environment, client) as view:
                for job in client.watch(*live):
                    latest[job["id"]] = job
                    view.show(job)
        except KeyboardInterrupt:
            live = [job_id for job_id in live if not _has_ended(latest.get(job_id))]
            if not _continues(environment, client, live):
                return ExitCode.INTERRUPTED
        else:
            break
    if not environment.as_json:
        for job in latest.values():
            environment.say(_ending(job))
            if job["notes_count"]:
                for note in client.details(job["id"])["notes"]:
                    environment.say(f"  Note: {note['message']}")
    return _exit_code(list(latest.values()))


def _has_ended(job: JobSummary | None) -> bool:
    return job is not None and job["status"] in TERMINAL


def _continues(environment: Environment, client: JobsClient, live: Sequence[str]) -> bool:
    """Offers to cancel the jobs, and returns whether to continue watching."""
    if not environment.is_interactive:
        choice = "d"
    else:
        try:
            choice = str(typer.prompt(_QUESTION, default="d", err=True)).strip().lower()[:1]
        except (typer.Abort, KeyboardInterrupt):
            choice = "d"
    if choice == "k":
        return True
    if choice == "c":
        for job_id in live:
            _cancel(environment, client, job_id)
        return True
    job_ids = " ".join(live)
    environment.say(f"Still running. Watch again: default-risk watch {job_ids}")
    return False


def _cancel(environment: Environment, client: JobsClient, job_id: str) -> None:
    try:
        client.cancel(job_id)
    except ApiError as error:
        # The job ended first; its end is printed with the others.
        if error.code != "job_not_cancellable":
            raise
        environment.say(str(error))


def _ending(job: JobSummary) -> str:
    name = job["original_filename"]
    if job["cancelled"]:
        unprocessed = job["total_rows"] - job["processed_rows"]
        return (
            f"{name}: cancelled, {rows(job['successful_rows'])} rows scored, {rows(unprocessed)} not processed. "
            f"default-risk download {job['id']}"
        )
    if job["status"] == "failed":
        return f"{name}: failed. {job['error_message']}"
    if job["failed_rows"]:
        return (
            f"{name}: completed, {rows(job['successful_rows'])} rows successful, {rows(job['failed_rows'])} failed. "
            f"default-risk errors {job['id']}"
        )
    return f"{name}: completed, {rows(job['successful_rows'])} rows successful. default-risk download {job['id']}"


def _exit_code(jobs: Sequence[JobSummary]) -> int:
    if any(job["status"] == "failed" and not job["cancelled"] for job in jobs):
        return ExitCode.JOB_FAILED
    return ExitCode.JOB_CANCELLED if any(job["cancelled"] for job in jobs) else ExitCode.OK
