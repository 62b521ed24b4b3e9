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
        Literal["successful", "failed", "unprocessed", "all"], typer.Option("--outcome", help="Rows to download.")
    ] = "successful",
    file_format: Annotated[Literal["csv", "parquet", "xlsx"], typer.Option("--format", help="Output format.")] = "csv",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Output file or folder; - writes to stdout.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing file.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the file to be assembled.")] = 600,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download the rows of an outcome, once their file is assembled."""
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
    """Writes the file atomically and returns its size in bytes."""
    if target.exists() and not force:
        raise UsageError(f"{target} already exists. Use --force to overwrite or --output to rename.")
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
    code: Annotated[str | None, typer.Option(help="Rows with this error code.")] = None,
    column: Annotated[str | None, typer.Option(help="Rows with an error in this column.")] = None,
    list_rows: Annotated[bool, typer.Option("--rows", help="List the rows instead of groups.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of rows.")] = 100,
    deployment: DeploymentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show why rows failed, grouped by error with examples.

    With --rows, --code or --column, list the rows instead.
    """
    environment = begin(ctx, as_json=as_json)
    filters = {key: value for key, value in {"code": code, "column": column}.items() if value is not None}
    with environment.connect(deployment) as client:
        if list_rows or filters:
            _print_rows(environment, list(_row_errors(client, job, limit, filters)))
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
    table = Table("error", "column", box=None)
    table.add_column("rows", justify="right")
    table.add_column("examples")
    for group, examples in groups:
        table.add_row(
            cell(examples[0]["error"] if examples else group["code"]),
            cell(group["column"]),
            rows(group["rows"]),
            cell("; ".join(f"row {example['row']} {_quoted(example['value'])}".strip() for example in examples)),
        )
    environment.out.print(table)
    environment.say(f"{rows(summary['error_count'])} rows failed. Download them, fix them and upload the file again:")
    environment.say(f"  default-risk download {job} --outcome failed")


def _row_errors(client: JobsClient, job_id: str, limit: int, filters: dict[str, str]) -> Iterator[RowError]:
    return islice(client.iter_row_errors(job_id, limit=min(limit, _PAGE), **filters), limit)


def _examples(client: JobsClient, job_id: str, group: RowErrorGroup) -> list[dict[str, Any]]:
    """Returns the first rows of a group with the error of the group."""
    filters = {"code": group["code"], **({"column": group["column"]} if group["column"] else {})}
    examples = []
    for failed in _row_errors(client, job_id, _EXAMPLES, filters):
        errors: list[Any] = failed.get("errors") or [failed]
        error = next(
            error for error in errors if (error["code"], error.get("column")) == (group["code"], group["column"])
        )
        row = {"row": failed["row"], "company_symbol": failed["company_symbol"]}
        examples.append({**row, "error": error["error"], "value": error.get("value")})
    return examples


def _print_rows(environment: Environment, listed: list[RowError]) -> None:
    if environment.as_json:
        environment.print_json({"errors": listed})
        return
    table = Table("row", "company", "column", "error", "value", box=None)
    for failed in listed:
        errors: list[Any] = failed.get("errors") or [failed]
        for number, error in enumerate(errors):
            first = (str(failed["row"]), cell(failed["company_symbol"])) if number == 0 else ("", "")
            table.add_row(*first, cell(error.get("column")), cell(error["error"]), cell(_quoted(error.get("value"))))
    environment.out.print(table)


def _quoted(value: str | None) -> str:
    return "" if value is None else f"\N{LEFT DOUBLE QUOTATION MARK}{value}\N{RIGHT DOUBLE QUOTATION MARK}"
