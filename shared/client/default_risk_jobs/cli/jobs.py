"""`default-risk jobs` and `show`."""

from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer
from rich.table import Table

from default_risk_jobs.cli.environment import begin
from default_risk_jobs.cli.options import DeploymentOption, JobArgument, JobTypeOption, JsonOption
from default_risk_jobs.cli.text import cell, percent, rows, size, utc_time
from default_risk_jobs.cli.upload import labels_of
from default_risk_jobs.client import JobsClient
from default_risk_jobs.errors import ApiError
from default_risk_jobs.types import JobDetails, JobRisk, JobSummary

_PAGE = 100
_SHOWN_COMPANIES = 3
_STYLES = {"completed": "green", "failed": "red", "processing": "cyan"}


class ShownStatus(StrEnum):
    """Statuses to filter by. Repeatable options need an enum."""

    PENDING = "pending"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


def jobs(
    ctx: typer.Context,
    *,
    status: Annotated[list[ShownStatus] | None, typer.Option("--status", "-s", help="Repeatable.")] = None,
    annual: JobTypeOption = None,
    name: Annotated[str | None, typer.Option(help="Part of the file name.")] = None,
    created_by: Annotated[str | None, typer.Option(help="User who created the job.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Created at or after this local time.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Created before this local time.")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", help="Label of the job (repeatable).")
    ] = None,
    with_errors: Annotated[
        bool | None, typer.Option("--with-errors/--without-errors", help="Whether the job or any of its rows failed.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of jobs.")] = 20,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    environment = begin(ctx, as_json=as_json)
    filters = {
        "status": list(status) if status else None,
        "job_type": None if annual is None else "annual" if annual else "quarterly",
        "filename_contains": name,
        "created_by": created_by,
        "created_after": since.astimezone().isoformat() if since else None,
        "created_before": until.astimezone().isoformat() if until else None,
        "label": [f"{key}:{value}" for key, value in labels_of(label).items()] if label else None,
        "has_errors": with_errors,
    }
    given = {key: value for key, value in filters.items() if value is not None}
    with environment.connect(deployment) as client:
        found = list(islice(client.iter_jobs(limit=min(limit, _PAGE), **given), limit))
    if as_json:
        environment.print_json({"jobs": found})
        return
    if not found:
        environment.say("No jobs.")
        return
    environment.out.print(_table(found))


def _table(found: list[JobSummary]) -> Table:
    table = Table("created (UTC)", "file", "type", "status", box=None)
    table.add_column("rows", justify="right")
    table.add_column("failed", justify="right")
    table.add_column("job", no_wrap=True)
    for job in found:
        state = "cancelled" if job["cancelled"] else job["status"]
        percentage = f" {job['progress_percentage']:.0f}%" if job["status"] == "processing" else ""
        table.add_row(
            utc_time(job["created_at"]),
            cell(job["original_filename"]),
            job["job_type"],
            cell(state + percentage, _STYLES.get(state, "")),
            rows(job["total_rows"]),
            rows(job["failed_rows"]),
            job["id"],
        )
    return table


def show(
    ctx: typer.Context,
    *,
    job: JobArgument,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show job details."""
    environment = begin(ctx, as_json=as_json)
    with environment.connect(deployment) as client:
        details = client.details(job)
        summary = _risk_of(client, details)
    if as_json:
        environment.print_json({**details, "risk": summary})
        return
    table = Table(box=None, show_header=False)
    for name, value in {**_details(details), **(_risk(summary) if summary else {})}.items():
        table.add_row(cell(name, "dim"), cell(value))
    environment.out.print(table)
    if details["progress"]["failed_rows"]:
        environment.say(f"Why rows failed: default-risk errors {details['id']}")


def _risk_of(client: JobsClient, job: JobDetails) -> JobRisk | None:
    if not job["results_ready"] or not job["progress"]["successful_rows"] or job["options"]["validate_only"]:
        return None
    try:
        return client.risk_summary(job["id"])
    except ApiError as error:
        # The result files have expired; the details remain.
        if error.code == "results_not_ready":
            return None
        raise


def _risk(summary: JobRisk) -> dict[str, str]:
    probabilities = summary["default_probability"]
    if probabilities is None:
        return {}
    quantiles = probabilities["quantiles"]
    return {
        "default risk": f"{percent(probabilities['mean'])} mean, {percent(quantiles['p50'])} median, "
        f"{percent(quantiles['p95'])} p95, {percent(probabilities['highest'])} maximum",
        "levels": ", ".join(f"{rows(count)} {level.lower()}" for level, count in summary["by_risk_level"].items()),
        "grades": ", ".join(f"{grade} {rows(count)}" for grade, count in summary["by_risk_grade"].items()),
        "riskiest": "; ".join(
            f"{percent(row['default_probability'])} {row['risk_grade']} {row['company_name']}, row {rows(row['row'])}"
            for row in summary["riskiest"][:_SHOWN_COMPANIES]
        ),
    }


def _details(job: JobDetails) -> dict[str, str]:
    progress, speed, times = job["progress"], job["performance"], job["timestamps"]
    rate = speed["rows_per_second"]
    values = {
        "job": job["id"],
        "file": f"{job['file_info']['original_filename']} ({size(job['file_info']['file_size'])})",
        "type": job["job_type"] + (f", {job['profile']}" if job["profile"] else ""),
        "status": "cancelled" if job["cancelled"] else f"{job['status']} ({job['phase']})",
        "error": job["errors"]["error_message"] or "",
        "rows": f"{rows(progress['processed_rows'])} of {rows(progress['total_rows'])} "
        f"({progress['progress_percentage']}%)",
        "successful": rows(progress["successful_rows"]),
        "failed": rows(progress["failed_rows"]),
        "speed": f"{rate:,.0f} rows/s" if rate is not None else "",
        "time left": speed["estimated_completion_time"] or "",
        "model": job["model_version"] or "",
        "created": f"{utc_time(times['created_at'])} by {job['context']['created_by']}",
        "started": utc_time(times["started_at"]),
        "ended": utc_time(times["completed_at"]),
        "expires": utc_time(job["expires_at"]),
        "source": job["source"],
        "retry of": job["parent_job_id"] or "",
        "labels": ", ".join(f"{key}={value}" for key, value in job["options"]["labels"].items()),
        "notes": "; ".join(note["message"] for note in job["notes"]),
    }
    return {name: value for name, value in values.items() if value not in {"", "-"}}
