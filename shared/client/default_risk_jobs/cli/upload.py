"""`default-risk upload`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV or XLSX.", show_default=False)]


def upload(
    ctx: typer.Context,
    *,
    files: FilesArgument,
    annual: JobTypeOption = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the jobs to their end.")] = False,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Check the rows and score none.")] = False,
    max_failed_percent: Annotated[
        float | None, typer.Option(min=0, max=100, help="Fail the job when more rows than this fail.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", help="A name and value of your own.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a CSV file that is not UTF-8.")] = None,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Upload files, each as a job.

    Small files go through the API and large ones straight to storage. Without --annual or --quarterly a file with a
    column of quarters is quarterly. A file that is refused does not keep the others from being uploaded.
    """
    environment = begin(ctx, as_json=as_json)
    options: UploadRequestOptions = {"labels": labels_of(label or [])} if label else {}
    if validate_only:
        options["validate_only"] = True
    if max_failed_percent is not None:
        options["max_failed_percent"] = max_failed_percent
    if encoding is not None:
        options["encoding"] = encoding
    job_ids: list[str] = []
    worst = int(ExitCode.OK)
    with environment.connect(deployment) as client:
        for path in files:
            try:
                job_ids.append(_upload(environment, client, path, annual=annual, options=options)["job_id"])
            except (SignInError, NoResponseError):
                # Nothing else will do better.
                raise
            except ClientError as error:
                worst = worst or environment.report(error)
        if watch and job_ids:
            worst = watch_jobs(environment, client, job_ids) or worst
    raise typer.Exit(worst)


def labels_of(texts: Sequence[str]) -> dict[str, str]:
    """Labels as they are written on a command line. Raises `UsageError`."""
    labels = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"The label {text!r} is not of the form key=value.")
        labels[key] = value
    return labels


def _upload(
    environment: Environment, client: JobsClient, path: Path, *, annual: bool | None, options: UploadRequestOptions
) -> UploadResponse:
    by_itself = job_type_of(path)
    job_type: JobTypeName = by_itself if annual is None else "annual" if annual else "quarterly"
    with _bar(environment, path) as on_sent:
        accepted = client.upload_file(job_type, path, on_sent=on_sent, **options)
    if environment.as_json:
        # The form has the right to write into storage, and has been used.
        environment.print_json(
            {"file": str(path), "job_type": job_type, **{key: accepted[key] for key in accepted if key != "upload"}}  # type: ignore[literal-required]
        )
        return accepted
    guessed = " by its header" if annual is None else ""
    environment.say(f"Uploaded {path.name} ({job_type}{guessed}): job {accepted['job_id']}")
    if earlier := accepted.get("duplicate_of"):
        environment.say(f"  The same file was uploaded before, as job {earlier}.")
    return accepted


@contextmanager
def _bar(environment: Environment, path: Path) -> Iterator[OnSent]:
    """A bar of what has been sent, where somebody looks on."""
    if not environment.is_interactive:
        yield no_progress
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=environment.out, transient=True) as bars:
        task = bars.add_task(plain(path.name), total=path.stat().st_size)
        yield lambda sent: bars.update(task, completed=sent)
