"""End-to-end demo on this machine: `make demo`, or `make demo FILES="a.csv b.xlsx"`.

Starts a local cloud, signs a user in, uploads a CSV through the API, puts an XLSX into the S3 drop folder, shows
progress and results, cancels a larger job while it runs, and writes all result files to a folder.
"""

import csv
import io
import json
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.table import Table

from default_risk_jobs import TERMINAL, ApiError, ClientError, JobsClient, is_workbook, job_type_of
from default_risk_jobs.types import JobErrors
from infra.local import panel
from infra.local.cloud import STATE_FOLDER, LocalCloud, local_cloud
from infra.local.emulator import LocalCloudError
from infra.local.locks import locked
from infra.project import ROOT

RESULTS_FOLDER = ROOT / "demo-results"
SEED = 2026
CANCELLED_ROWS = 60_000
CANCEL_AT_PERCENT = 40.0
_SHOWN_ROWS = 5
_SHOWN_ERRORS = 15
_OUTCOMES = ("successful", "failed", "unprocessed", "all")

console = Console(highlight=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A file to upload."""

    filename: str
    job_type: str
    body: bytes


def own_inputs() -> list[Input]:
    """Returns 1,000 annual rows, 15 of them invalid, as CSV, and 500 quarterly rows as XLSX."""
    annual = panel.statement_rows(1_000, seed=SEED, invalid=15)
    quarterly = panel.quarterly_ratio_rows(500, seed=SEED)
    return [
        Input(filename="annual_1000.csv", job_type="annual", body=panel.as_csv(annual, panel.STATEMENT_COLUMNS)),
        Input(
            filename="quarterly_500.xlsx",
            job_type="quarterly",
            body=panel.as_xlsx(quarterly, panel.QUARTERLY_RATIO_COLUMNS),
        ),
    ]


def given_inputs(paths: Sequence[str]) -> list[Input]:
    """Returns the files at `paths`; those with a column of quarters are quarterly. Raises `UnreadableFileError`."""
    return [Input(filename=path.name, job_type=job_type_of(path), body=path.read_bytes()) for path in map(Path, paths)]


def submit(cloud: LocalCloud, client: JobsClient, inputs: Iterable[Input]) -> list[str]:
    """Starts a job for each file, CSV through the API and XLSX by the drop folder. Returns the job ids."""
    job_ids = []
    for file in inputs:
        if is_workbook(Path(file.filename)):
            key = f"drop/acme/{file.job_type}/{file.filename}"
            cloud.drop(key, file.body)
            job_id = client.find(file.filename)["id"]
            console.print(f"Dropped [bold]{file.filename}[/] into S3 at {key}: job {job_id}")
        else:
            accepted = client.send_file(file.job_type, file.filename, io.BytesIO(file.body))
            job_id = accepted["job_id"]
            way = "straight to S3 with a presigned form" if "upload" in accepted else "through the API"
            console.print(f"Uploaded [bold]{file.filename}[/] {way}: job {job_id}")
        job_ids.append(job_id)
    return job_ids


def watch(client: JobsClient, job_ids: Sequence[str], *, until_percent: float | None = None) -> None:
    """Shows progress until all jobs have ended, or until one live job has reached `until_percent`."""
    with Progress(
        TextColumn("{task.description:<34}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        console=console,
    ) as bars:
        tasks: dict[str, TaskID] = {}
        for job in client.watch(*job_ids, every_seconds=0.15, timeout_seconds=600):
            if job["id"] not in tasks:
                tasks[job["id"]] = bars.add_task(job["original_filename"][:34], total=None, state="")
            bars.update(
                tasks[job["id"]],
                total=job["total_rows"] or None,
                completed=job["processed_rows"],
                state=f"{job['status']} ({job['phase']})",
            )
            is_far_enough = until_percent is not None and job["progress_percentage"] >= until_percent
            if is_far_enough and job["status"] not in TERMINAL:
                return


def show(client: JobsClient, job_id: str, folder: Path) -> None:
    """Prints a job's details, first scored rows and row errors, and writes its result files."""
    job = client.details(job_id, include_errors=True)
    progress, performance = job["progress"], job["performance"]
    console.rule(f"{job['file_info']['original_filename']} ({job['job_type']})")
    facts = {
        "id": job["id"],
        "status": job["status"] + (" (cancelled)" if job["cancelled"] else ""),
        "source": job["source"],
        "profile, model": f"{job['profile']}, {job['model_version']}",
        "rows": (
            f"{progress['total_rows']} in all, {progress['successful_rows']} successful, "
            f"{progress['failed_rows']} failed, {progress['remaining_rows']} unprocessed"
        ),
        "progress": f"{progress['progress_percentage']} %",
        "time": f"{performance['processing_time_seconds']} s, {performance['rows_per_second']} rows/s",
        "message": job["errors"]["error_message"] or "none",
    }
    for name, value in facts.items():
        console.print(f"  {name:<15} {value}", markup=False)
    files = _write_results(client, job_id, folder / job["file_info"]["original_filename"])
    if job["status"] == "completed" or job["cancelled"]:
        show_scored(files["successful"])
    _show_errors(job["errors"])
    console.print()


def _write_results(client: JobsClient, job_id: str, folder: Path) -> dict[str, bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    files = {outcome: client.download(job_id, outcome) for outcome in _OUTCOMES}
    for outcome, body in files.items():
        (folder / f"{outcome}.csv").write_bytes(body)
    return files


def show_scored(body: bytes) -> None:
    """Prints the first rows of a file of scored rows, whose input columns are named as in the upload."""
    reader = csv.DictReader(io.StringIO(body.decode()))
    reader.fieldnames = [name.strip().casefold().replace(" ", "_") for name in reader.fieldnames or ()]
    rows = list(reader)
    if not rows:
        return
    table = Table("row", "symbol", "default probability", "level", "grade", "first reason",
                  title=f"First scored rows of {len(rows)}", title_justify="left")  # fmt: skip
    for row in rows[:_SHOWN_ROWS]:
        reason = next(iter(json.loads(row["top_factors"])), None)
        table.add_row(
            row["row"],
            row["company_symbol"],
            row["default_probability"],
            row["risk_level"],
            row["risk_grade"],
            f"{reason['input']} {reason['contribution']:+.2f}" if reason else "",
        )
    console.print(table)


def _show_errors(errors: JobErrors) -> None:
    listed = errors["error_details"]["errors"] if "error_details" in errors else []
    if not listed:
        console.print("  No row errors.")
        return
    console.print(f"Row errors: {errors['error_count']}")
    for error in listed[:_SHOWN_ERRORS]:
        company = error["company_symbol"] or "-"
        console.print(
            f"  row {error['row']:<6} {company:<8} {error['code']:<19} {error['error']}", markup=False, soft_wrap=True
        )


def cancel_half_way(client: JobsClient) -> str:
    """Starts a larger job, cancels it while it is being scored, and returns its id."""
    rows = panel.statement_rows(CANCELLED_ROWS, seed=SEED + 1)
    body = panel.as_csv(rows, panel.STATEMENT_COLUMNS)
    job_id = client.upload_presigned("annual", "to_be_cancelled.csv", body)["job_id"]
    console.print(f"Uploaded [bold]to_be_cancelled.csv[/] ({CANCELLED_ROWS} rows): job {job_id}")
    watch(client, [job_id], until_percent=CANCEL_AT_PERCENT)
    try:
        console.print(client.cancel(job_id)["message"], markup=False)
    except ApiError as error:
        if error.code != "job_not_cancellable":
            raise
        # The job ended before the cancel arrived.
        console.print(str(error), markup=False)
    return job_id


def run(inputs: Sequence[Input]) -> None:
    """Runs the demo, after any other demo in this checkout. Raises `LocalCloudError` and `ClientError`."""
    folder = STATE_FOLDER / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    # Two demos would overwrite each other's cloud assembly, which contains the emulator's port, and result files.
    with locked(folder / "demo.lock", waiting=_say_that_it_waits):
        _run_alone(inputs, folder)


def _say_that_it_waits() -> None:
    console.print("Another demo is running in this checkout. Waiting for it to end ...")


def _run_alone(inputs: Sequence[Input], folder: Path) -> None:
    console.print("Starting the whole system on this machine: no AWS account, no Docker ...")
    started = time.monotonic()
    with local_cloud(folder) as (cloud, _), JobsClient(cloud.api_url, token=cloud.token("acme_member")) as client:
        console.print(f"Up after {time.monotonic() - started:.1f} s at {cloud.api_url}")
        console.print("Signed in as acme_member of the organization acme")
        job_ids = submit(cloud, client, inputs)
        watch(client, job_ids)
        for job_id in job_ids:
            show(client, job_id, RESULTS_FOLDER)
        show(client, cancel_half_way(client), RESULTS_FOLDER)
        console.print(f"The result files are in {RESULTS_FOLDER}")


def _stop_on_signal(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Runs the demo with the files on the command line, or with generated ones. Returns the exit code."""
    signal.signal(signal.SIGTERM, _stop_on_signal)
    try:
        run(given_inputs(sys.argv[1:]) or own_inputs())
    except (LocalCloudError, ClientError) as error:
        console.print(str(error), markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
