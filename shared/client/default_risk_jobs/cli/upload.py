"""`default-risk upload`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from default_risk_jobs.cli.environment import Environment, begin
from default_risk_jobs.cli.exit_codes import ExitCode, UsageError
from default_risk_jobs.cli.options import DeploymentOption, JobTypeOption, JsonOption
from default_risk_jobs.cli.text import plain
from default_risk_jobs.cli.watch import watch_jobs
from default_risk_jobs.client import JobsClient
from default_risk_jobs.errors import ClientError, NoResponseError, SignInError
from default_risk_jobs.files import OnSent, job_type_of, no_progress
from default_risk_jobs.types import JobTypeName, UploadRequestOptions, UploadResponse

FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="CSV (also gzipped) or XLSX files.", show_default=False)
]


class DecimalSign(StrEnum):
    """Decimal signs to choose from."""

    POINT = "."
    COMMA = ","


def upload(
    ctx: typer.Context,
    *,
    files: FilesArgument,
    annual: JobTypeOption = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Watch until finished.")] = False,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Validate rows without scoring them.")] = False,
    max_failed_percent: Annotated[
        float | None, typer.Option(min=0, max=100, help="Fail the job if more than this percentage of rows fails.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", help="Label to attach (repeatable).")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="CSV encoding (default: UTF-8).")] = None,
    sheet: Annotated[str | None, typer.Option(help="Excel sheet (default: first visible one with data).")] = None,
    decimal: Annotated[
        DecimalSign | None, typer.Option(help="Decimal sign of figures in text (default: detected).")
    ] = None,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Upload files; each becomes a job.

    Small files go through the API, large ones directly to storage. Without --annual or --quarterly, a file with a
    column reporting_quarter is quarterly. If a file is rejected, the others are still uploaded.
    """
    environment = begin(ctx, as_json=as_json)
    options: UploadRequestOptions = {"labels": labels_of(label or [])} if label else {}
    if validate_only:
        options["validate_only"] = True
    if max_failed_percent is not None:
        options["max_failed_percent"] = max_failed_percent
    if encoding is not None:
        options["encoding"] = encoding
    if sheet is not None:
        options["sheet"] = sheet
    if decimal is not None:
        options["decimal"] = decimal.value
    job_ids: list[str] = []
    exit_code = int(ExitCode.OK)
    with environment.connect(deployment) as client:
        for path in files:
            try:
                job_ids.append(_upload(environment, client, path, annual=annual, options=options)["job_id"])
            except (SignInError, NoResponseError):
                # The other files would fail the same way.
                raise
            except ClientError as error:
                exit_code = exit_code or environment.report(error)
        if watch and job_ids:
            exit_code = watch_jobs(environment, client, job_ids) or exit_code
    raise typer.Exit(exit_code)


def labels_of(texts: Sequence[str]) -> dict[str, str]:
    """Returns labels written as KEY=VALUE. Raises `UsageError`."""
    labels = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"Invalid label {text!r}: expected KEY=VALUE.")
        labels[key] = value
    return labels


def _upload(
    environment: Environment, client: JobsClient, path: Path, *, annual: bool | None, options: UploadRequestOptions
) -> UploadResponse:
    detected = job_type_of(path)
    job_type: JobTypeName = detected if annual is None else "annual" if annual else "quarterly"
    with _bar(environment, path) as on_sent:
        accepted = client.upload_file(job_type, path, on_sent=on_sent, **options)
    if environment.as_json:
        # The presigned form grants write access to storage, and is used up.
        environment.print_json(
            {"file": str(path), "job_type": job_type, **{key: accepted[key] for key in accepted if key != "upload"}}  # type: ignore[literal-required]
        )
        return accepted
    note = " by its header" if annual is None else ""
    environment.say(f"Uploaded {path.name} ({job_type}{note}): job {accepted['job_id']}")
    if earlier := accepted.get("duplicate_of"):
        environment.say(f"  Duplicate file: already uploaded as job {earlier}.")
    return accepted


@contextmanager
def _bar(environment: Environment, path: Path) -> Iterator[OnSent]:
    """Yields a progress callback, which draws a bar in a terminal."""
    if not environment.is_interactive:
        yield no_progress
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=environment.out, transient=True) as bars:
        task = bars.add_task(plain(path.name), total=path.stat().st_size)
        yield lambda sent: bars.update(task, completed=sent)
