"""`default-risk download` and `errors`."""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from default_risk_jobs.cli.environment import Environment, begin
from default_risk_jobs.cli.exit_codes import UsageError
from default_risk_jobs.cli.options import DeploymentOption, JobArgument, JsonOption
from default_risk_jobs.cli.text import cell, rows, size
from default_risk_jobs.client import JobsClient
from default_risk_jobs.polling import ResultFile
from default_risk_jobs.types import RowError, RowErrorGroup

_EXAMPLES = 3
_PAGE = 500


def download(
    ctx: typer.Context,
    *,
    job: JobArgument,
    outcome: Annotated[
        Literal["successful", "failed", "unprocessed", "all"], typer.Option("--outcome", help="Which rows.")
    ] = "successful",
    file_format: Annotated[Literal["csv", "parquet", "xlsx"], typer.Option("--format", help="Of the file.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to put it; - is the output.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the file to be put together.")] = 600,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download the rows of an outcome, waiting while the file is put together."""
    environment = begin(ctx, as_json=as_json)
    with (
        environment.connect(deployment) as client,
        client.result_file(job, outcome, file_format=file_format, timeout_seconds=timeout) as file,
    ):
        if output == Path("-"):
            for part in file.parts:
                sys.stdout.buffer.write(part)
            return
        folder = output if output is not None and output.is_dir() else Path()
        target = output if output is not None and not output.is_dir() else folder / file.filename
        written = _save(file, target, force=force)
    if as_json:
        environment.print_json({"file": str(target), "bytes": written, "outcome": outcome, "format": file_format})
    else:
        environment.say(f"Wrote {target} ({size(written)})")


def _save(file: ResultFile, target: Path, *, force: bool) -> int:
    """Write the file, whole or not at all; its size."""
    if target.exists() and not force:
        raise UsageError(f"{target} is there already. Give --force to replace it, or --output for another name.")
    partial = target.with_name(f"{target.name}.part")
    try:
        with partial.open("wb") as opened:
            written = sum(opened.write(part) for part in file.parts)
        partial.replace(target)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return written


def errors(
    ctx: typer.Context,
    *,
    job: JobArgument,
    code: Annotated[str | None, typer.Option(help="Rows with a fault of this code.")] = None,
    column: Annotated[str | None, typer.Option(help="Rows with a fault in this column.")] = None,
    list_rows: Annotated[bool, typer.Option("--rows", help="List the rows one by one.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many rows at most.")] = 100,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show why rows failed, grouped by cause with the first examples.

    With --rows, --code or --column the rows themselves are listed.
    """
    environment = begin(ctx, as_json=as_json)
    filters = {key: value for key, value in {"code": code, "column": column}.items() if value is not None}
    with environment.connect(deployment) as client:
        if list_rows or filters:
            _print_rows(environment, list(_some(client, job, limit, filters)))
            return
        summary = client.row_errors_page(job, limit=1)
        groups = [(group, _examples(client, job, group)) for group in summary["groups"]]
    if as_json:
        counts = {"error_count": summary["error_count"], "counts_by_code": summary["counts_by_code"]}
        shown = [{**group, "examples": examples} for group, examples in groups]
        environment.print_json({"job_id": job, **counts, "groups": shown})
        return
    if not groups:
        environment.say("No rows failed.")
        return
    table = Table("cause", "column", box=None)
    table.add_column("rows", justify="right")
    table.add_column("for example")
    for group, examples in groups:
        table.add_row(
            cell(examples[0]["error"] if examples else group["code"]),
            cell(group["column"]),
            rows(group["rows"]),
            cell("; ".join(f"row {example['row']} {_quoted(example['value'])}".strip() for example in examples)),
        )
    environment.out.print(table)
    environment.say(f"{rows(summary['error_count'])} rows failed. Correct them and upload the file again:")
    environment.say(f"  default-risk download {job} --outcome failed")


def _some(client: JobsClient, job_id: str, limit: int, filters: dict[str, str]) -> Iterator[RowError]:
    return islice(client.iter_row_errors(job_id, limit=min(limit, _PAGE), **filters), limit)


def _examples(client: JobsClient, job_id: str, group: RowErrorGroup) -> list[dict[str, Any]]:
    """The first rows of a group, with the fault that puts them there."""
    wanted = {"code": group["code"], **({"column": group["column"]} if group["column"] else {})}
    found = []
    for error in _some(client, job_id, _EXAMPLES, wanted):
        faults: list[Any] = error.get("errors") or [error]
        fault = next(
            fault for fault in faults if (fault["code"], fault.get("column")) == (group["code"], group["column"])
        )
        known = {"row": error["row"], "company_symbol": error["company_symbol"]}
        found.append({**known, "error": fault["error"], "value": fault.get("value")})
    return found


def _print_rows(environment: Environment, listed: list[RowError]) -> None:
    if environment.as_json:
        environment.print_json({"errors": listed})
        return
    table = Table("row", "company", "column", "error", "value", box=None)
    for error in listed:
        faults: list[Any] = error.get("errors") or [error]
        for number, fault in enumerate(faults):
            first = (str(error["row"]), cell(error["company_symbol"])) if number == 0 else ("", "")
            table.add_row(*first, cell(fault.get("column")), cell(fault["error"]), cell(_quoted(fault.get("value"))))
    environment.out.print(table)


def _quoted(value: str | None) -> str:
    return "" if value is None else f"\N{LEFT DOUBLE QUOTATION MARK}{value}\N{RIGHT DOUBLE QUOTATION MARK}"
