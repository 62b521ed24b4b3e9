"""Downloads in every format on the local cloud."""

import csv
import io
import time
from contextlib import closing
from math import isfinite
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook
from pyarrow import BufferReader, parquet

from default_risk_jobs import JobsClient
from infra.local import panel
from infra.local.cloud import LocalCloud

pytestmark = pytest.mark.e2e

OUTCOMES = ("successful", "failed", "unprocessed", "all")
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def download(member: JobsClient, job_id: str, outcome: str, file_format: str) -> bytes:
    """Downloads a result file and checks its headers."""
    deadline = time.monotonic() + 120
    params = {"outcome": outcome, "format": file_format}
    while (response := member.http.get(f"jobs/{job_id}/download", params=params)).status_code == httpx.codes.ACCEPTED:
        assert time.monotonic() < deadline, response.text
        assert int(response.headers["Retry-After"]) > 0
        time.sleep(0.5)
    assert response.status_code == httpx.codes.SEE_OTHER, response.text
    file = httpx.get(response.headers["location"], timeout=120).raise_for_status()
    assert file.headers["content-type"] == CONTENT_TYPES[file_format]
    assert f"statements_{outcome}.{file_format}" in file.headers["content-disposition"]
    return file.content


def test_result_rows_are_equal_in_every_format_and_deleted_with_the_job(cloud: LocalCloud, member: JobsClient) -> None:
    rows = [{**row, "remarks": "=1+1"} for row in panel.statement_rows(200, seed=9, invalid=20)]
    body = panel.as_csv(rows, [*panel.STATEMENT_COLUMNS, "remarks"])
    job_id = member.upload("annual", "statements.csv", body)["job_id"]
    member.wait(job_id)
    for outcome, count in zip(OUTCOMES, (180, 20, 0, 200), strict=True):
        text, table, book = (download(member, job_id, outcome, file_format) for file_format in CONTENT_TYPES)
        expected = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
        assert len(expected) == count
        assert [as_text(row) for row in parquet.read_table(BufferReader(table)).to_pylist()] == [
            {**row, "remarks": "=1+1"} for row in expected
        ]
        sheet = load_workbook(io.BytesIO(book), read_only=True).active
        assert sheet is not None
        names, *cells = sheet.iter_rows(values_only=True)
        assert [dict(zip(names, values, strict=True))["remarks"] for values in cells] == ["'=1+1"] * count
        assert [number(value) for values in cells for value in values] == [
            number(value) for row in expected for value in row.values()
        ]

    member.delete(job_id)
    with closing(cloud.session().client("s3", endpoint_url=cloud.endpoint_url)) as s3:
        keys = [entry["Key"] for entry in s3.list_object_versions(Bucket=cloud.results_bucket).get("Versions", [])]
    assert not [key for key in keys if job_id in key]


def test_results_frame_has_the_rows_that_the_api_lists(member: JobsClient) -> None:
    rows = [{**row, "remarks": "=1+1"} for row in panel.statement_rows(200, seed=9, invalid=20)]
    body = panel.as_csv(rows, [*panel.STATEMENT_COLUMNS, "remarks"])
    job_id = member.upload("annual", "framed.csv", body)["job_id"]
    member.wait(job_id)
    frame = member.results_frame(job_id)
    listed = member.http.get(f"jobs/{job_id}/results", params={"limit": 500}).json()["results"]
    assert len(frame) == 180
    assert frame.to_dict("records") == listed


def as_text(row: dict[str, Any]) -> dict[str, str]:
    """Returns the row as in the CSV: probabilities have six significant digits and no exponent."""
    return {
        name: "" if value is None else f"{value:.12f}".rstrip("0") if isinstance(value, float) else str(value)
        for name, value in row.items()
    }


def number(value: Any) -> Any:
    """Converts numeric text and numbers to float, and other values to text."""
    try:
        read = float(value)
    except (TypeError, ValueError):
        return value or ""
    return read if isfinite(read) else value
