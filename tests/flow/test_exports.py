"""Result files in every format, through the services of the api function and the real export function."""

import csv
import io
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from openpyxl import load_workbook
from pyarrow import parquet

from functions.api.dependencies import Services
from functions.api.handler import ApiSettings, services
from infra.local import panel
from shared.aws import clients
from shared.jobs.access import Caller, Role
from shared.jobs.errors import ExportRefusedError, ResultsAssemblingError
from shared.jobs.job import FileFormat, Job, JobType, Outcome, UploadOptions
from tests.flow.system import System
from tests.synthesized import JsonObject

MEMBER = Caller(user_id="u1", username="jane", organization_id="acme", role=Role.ORG_MEMBER)
NUMBERS = ("row", "default_probability")


@pytest.fixture
def api(system: System) -> Services:
    assert system.state_machine_arn
    return services(ApiSettings.from_environment())


def annual_csv(count: int, *, remarks: str, invalid: int = 0) -> bytes:
    """Returns statements with an additional column that has the same text in every row."""
    rows = [{**row, "remarks": remarks} for row in panel.statement_rows(count, seed=8, invalid=invalid)]
    return panel.as_csv(rows, [*panel.STATEMENT_COLUMNS, "remarks"])


def ended(system: System, api: Services, body: bytes, **options: Any) -> UUID:
    job = api.jobs.upload(
        MEMBER, job_type=JobType.ANNUAL, filename="a.csv", body=body, options=UploadOptions(**options)
    )
    system.deliver()
    assert system.wait(job.id) == "SUCCEEDED"
    return job.id


def job_of(api: Services, job_id: UUID) -> Job:
    return api.jobs.get(MEMBER, job_id).job


def stored(system: System, link: str) -> bytes:
    key = link.rsplit(f"{system.results_bucket}", maxsplit=1)[-1].split("?", maxsplit=1)[0].split("/", 1)[1]
    return clients.s3().get_object(Bucket=system.results_bucket, Key=key)["Body"].read()


def downloaded(system: System, api: Services, job_id: UUID, outcome: Outcome, file_format: FileFormat) -> bytes:
    if file_format is not FileFormat.CSV:
        with pytest.raises(ResultsAssemblingError):
            api.downloads.link(job_of(api, job_id), outcome, file_format)
    return stored(system, api.downloads.link(job_of(api, job_id), outcome, file_format))


def in_three_formats(
    system: System, api: Services, job_id: UUID, outcome: Outcome
) -> tuple[list[dict[str, str]], pa.Table, list[tuple[Any, ...]]]:
    text, table, book = (downloaded(system, api, job_id, outcome, file_format) for file_format in FileFormat)
    rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    sheet = load_workbook(io.BytesIO(book), read_only=True).active
    assert sheet is not None
    return rows, parquet.read_table(pa.BufferReader(table)), list(sheet.iter_rows(values_only=True))


@pytest.mark.parametrize("validate_only", [False, True])
def test_result_rows_are_the_same_in_every_format(system: System, api: Services, *, validate_only: bool) -> None:
    body = panel.as_csv(panel.statement_rows(60, seed=8, invalid=15), panel.STATEMENT_COLUMNS)
    body = (
        body.replace(b"\n", b",remarks\n", 1).replace(b"\n", b",=1+1\n").replace(b",remarks,=1+1\n", b",remarks\n", 1)
    )
    job_id = ended(system, api, body, validate_only=validate_only)

    for outcome, count in zip(Outcome, (45, 15, 0, 60), strict=True):
        rows, table, sheet = in_three_formats(system, api, job_id, outcome)
        assert (len(rows), table.num_rows, len(sheet)) == (count, count, count + 1), outcome
        names = [str(name) for name in sheet[0]]
        assert table.column_names == names
        assert ("default_probability" in names) is (outcome in (Outcome.SUCCESSFUL, Outcome.ALL) and not validate_only)
        for row, typed, cells in zip(rows, table.to_pylist(), sheet[1:], strict=True):
            assert list(row) == names
            assert row["remarks"] == cells[names.index("remarks")] == "'=1+1"
            assert typed["remarks"] == "=1+1"
            for name, cell in zip(names, cells, strict=True):
                if name in NUMBERS:
                    assert typed[name] == cell == (float(row[name]) if row[name] else None), name
                elif name != "remarks":
                    assert (typed[name] or "") == row[name], name
                    assert row[name] == (cell or "") if not isinstance(cell, int | float) else float(row[name]) == cell
    assert [name for name, _ in system.invocations].count("export") == 2 * len(Outcome)


def test_export_too_large_for_excel_is_refused_and_delete_removes_exports(system: System, api: Services) -> None:
    job_id = ended(system, api, annual_csv(20, remarks="x" * 32_000))
    failing = ended(system, api, annual_csv(5, remarks="é" * 40_000, invalid=5))
    with pytest.raises(ResultsAssemblingError):
        api.downloads.link(job_of(api, failing), Outcome.FAILED, FileFormat.XLSX)
    with pytest.raises(ExportRefusedError, match=r"40,\d{3} characters.*format=csv") as refused:
        api.downloads.link(job_of(api, failing), Outcome.FAILED, FileFormat.XLSX)
    assert refused.value.code == "too_large"
    api.jobs.delete(MEMBER, failing)

    downloaded(system, api, job_id, Outcome.ALL, FileFormat.XLSX)
    assert f"exports/{job_id}/all.xlsx" in system.objects(system.results_bucket)

    def delete(_event: JsonObject) -> None:
        api.jobs.delete(MEMBER, job_id)

    system.before["export"] = [delete]
    with pytest.raises(ResultsAssemblingError):
        api.downloads.link(job_of(api, job_id), Outcome.ALL, FileFormat.PARQUET)
    assert system.objects(system.results_bucket) == []
