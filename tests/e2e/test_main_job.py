"""The main job and the steps of the demonstration on the local cloud."""

import csv
import gzip
import io
import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from default_risk_jobs import JobsClient
from infra.local import demo, panel
from infra.local.cloud import LocalCloud

pytestmark = pytest.mark.e2e


def rows_of(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode())))


def test_csv_of_the_demonstration_is_scored_with_fifteen_row_errors(member: JobsClient) -> None:
    annual = demo.own_inputs()[0]
    job_id = member.upload(annual.job_type, annual.filename, annual.body)["job_id"]
    job = member.wait(job_id)

    assert (job["status"], job["total_rows"], job["successful_rows"], job["failed_rows"]) == (
        "completed",
        1000,
        985,
        15,
    )
    details = member.details(job_id, include_errors=True)
    listed = details["errors"]["error_details"]["errors"]
    assert len(listed) == details["errors"]["error_count"] == 15
    assert {error["code"] for error in listed} == {
        "invalid_market_cap",
        "invalid_number",
        "invalid_year",
        "missing_field",
        "too_long",
    }
    scored = rows_of(member.download(job_id, "successful"))
    given = rows_of(annual.body)
    assert [given[int(row["row"]) - 1]["company_symbol"] for row in scored] == [row["company_symbol"] for row in scored]
    assert all(0 < float(row["default_probability"]) < 1 for row in scored)
    assert [int(row["row"]) for row in rows_of(member.download(job_id, "all"))] == list(range(1, 1001))


def test_scored_rows_are_paginated_with_a_summary_of_all_rows(member: JobsClient) -> None:
    body = panel.as_csv(panel.statement_rows(300, seed=11), panel.STATEMENT_COLUMNS)
    job_id = member.upload("annual", "pages.csv", body)["job_id"]
    assert member.wait(job_id)["status"] == "completed"
    downloaded = rows_of(member.download(job_id, "successful"))
    rows: list[dict[str, Any]] = []
    params: dict[str, Any] = {"limit": 120}
    while True:
        answer = member.http.get(f"jobs/{job_id}/results", params=params)
        page = answer.raise_for_status().json()
        rows += page["results"]
        assert page["summary"]["rows"] == 300
        if not page["pagination"]["has_more"]:
            break
        params["cursor"] = page["pagination"]["next_cursor"]
    assert [row["row"] for row in rows] == list(range(1, 301))
    assert [row["default_probability"] for row in rows] == [float(row["default_probability"]) for row in downloaded]


def test_workbook_of_the_demonstration_is_scored_from_the_drop_folder(cloud: LocalCloud, member: JobsClient) -> None:
    quarterly = demo.own_inputs()[1]
    cloud.drop(f"drop/acme/quarterly/{quarterly.filename}", quarterly.body)
    job = member.wait(member.find(quarterly.filename)["id"])

    assert (job["status"], job["successful_rows"], job["failed_rows"]) == ("completed", 500, 0)
    scored = rows_of(member.download(job["id"], "successful"))
    assert sum(json.loads(row["missing_ratios"]) == ["total_debt_to_ebitda"] for row in scored) == 20
    assert "not validated on quarterly outcomes" in scored[0]["model_basis"]


def test_cancelled_job_keeps_its_counts_and_scored_rows(member: JobsClient) -> None:
    body = panel.as_csv(panel.statement_rows(40_000, seed=3), panel.STATEMENT_COLUMNS)
    job_id = member.upload_presigned("annual", "cancel.csv", body)["job_id"]
    for job in member.watch(job_id, every_seconds=0.05):
        if job["processed_rows"]:
            break
    answer = member.cancel(job_id)
    assert answer["cancelled_job"] == {
        "id": job_id,
        "status": "failed",
        "job_type": "annual",
        "original_filename": "cancel.csv",
        "celery_cancelled": True,
    }
    files = {outcome: rows_of(member.download(job_id, outcome)) for outcome in ("successful", "unprocessed", "all")}
    # Gives late chunks of the stopped execution time to end.
    time.sleep(2)
    details = member.details(job_id)
    progress = details["progress"]
    assert (details["status"], details["cancelled"]) == ("failed", True)
    assert details["errors"]["error_message"] == "Job cancelled by user"
    assert 0 < progress["successful_rows"] == len(files["successful"])
    assert len(files["unprocessed"]) == progress["remaining_rows"]
    assert progress["successful_rows"] + progress["failed_rows"] + len(files["unprocessed"]) == 40_000
    assert [int(row["row"]) for row in files["all"]] == list(range(1, 40_001))
    assert member.cancel(job_id) == answer


def test_job_with_too_many_failed_rows_ends_early_with_its_results(member: JobsClient) -> None:
    body = panel.as_csv(panel.statement_rows(40_000, seed=12, invalid=30_000), panel.STATEMENT_COLUMNS)
    job_id = member.upload_presigned("annual", "hopeless.csv", body, max_failed_percent=10)["job_id"]
    assert member.wait(job_id)["status"] == "failed"
    files = {outcome: rows_of(member.download(job_id, outcome)) for outcome in ("failed", "unprocessed", "all")}
    details = member.details(job_id)
    assert details["errors"]["error_code"] == "too_many_failed_rows"
    assert details["cancelled"] is False
    assert len(files["failed"]) == details["progress"]["failed_rows"] > 0
    assert len(files["unprocessed"]) == details["progress"]["remaining_rows"] > 0
    assert [int(row["row"]) for row in files["all"]] == list(range(1, 40_001))


def test_thousand_rows_are_scored_within_a_minute_on_a_warm_system(member: JobsClient) -> None:
    body = panel.as_csv(panel.statement_rows(1_000, seed=4), panel.STATEMENT_COLUMNS)
    job = member.wait(member.upload("annual", "warm.csv", body)["job_id"], timeout_seconds=60)
    assert job["status"] == "completed"


@pytest.mark.samples
@pytest.mark.parametrize(
    "name",
    [
        "annual_statements_1000.csv",
        "annual_ratios_1000.csv",
        "quarterly_ratios_500.xlsx",
        "quarterly_statements_400_semicolon_bom.csv",
    ],
)
def test_sample_file_has_the_expected_results(
    member: JobsClient, samples: Path, expected: dict[str, Any], name: str
) -> None:
    facts = expected[name]
    job_id = member.upload(facts["job_type"], name, (samples / name).read_bytes())["job_id"]
    job = member.wait(job_id)

    assert job["status"] == "completed"
    assert {key: job[key] for key in ("total_rows", "successful_rows", "failed_rows")} == {
        key: facts[key] for key in ("total_rows", "successful_rows", "failed_rows")
    }
    assert member.details(job_id)["profile"] == facts["profile"]
    found: list[Any] = list(member.row_errors(job_id))
    wanted = facts.get("errors", [])
    assert len(found) == len(wanted)
    for error, fact in zip(found, wanted, strict=True):
        # Some expected errors have no message; any message is accepted then.
        assert error["error"]
        assert {key: error[key] for key in fact if fact[key] is not None} == {
            key: value for key, value in fact.items() if value is not None
        }
    scored = rows_of(member.download(job_id, "successful"))
    numbers = [int(row["row"]) for row in scored]
    assert numbers == sorted(set(range(1, facts["total_rows"] + 1)) - {fact["row"] for fact in wanted})
    missing = [json.loads(row["missing_ratios"]) for row in scored]
    assert sum(map(bool, missing)) == facts.get("rows_with_a_missing_scored_ratio", 0)


@pytest.mark.samples
def test_whole_panel_is_scored_with_monotonic_progress(member: JobsClient, panel_file: Path) -> None:
    body = annual_statements(panel_file)
    started = time.monotonic()
    job_id = member.upload_presigned("annual", "panel.csv", body)["job_id"]
    seen = list(member.watch(job_id, every_seconds=0.1))

    job = seen[-1]
    assert (job["status"], job["total_rows"], job["failed_rows"]) == ("completed", 78_210, 6)
    processed = [status["processed_rows"] for status in seen]
    assert processed == sorted(processed)
    assert len(set(processed)) > 3, f"progress hardly moved in {time.monotonic() - started:.1f} s"
    assert {error["column"] for error in member.row_errors(job_id)} == {"current_assets"}


def annual_statements(panel_file: Path) -> bytes:
    """Returns the panel as annual statement amounts."""
    names = dict(zip(panel.STATEMENT_COLUMNS[5:], ("X10", "X17", "X1", "X14", "X5", "X6", "X4"), strict=True))
    with gzip.open(panel_file, "rt") as file:
        rows = [
            {
                "company_symbol": row["company_name"].replace("_", ""),
                "company_name": row["company_name"],
                "market_cap": row["X8"],
                "sector": "Unknown",
                "reporting_year": row["year"],
                **{ours: row[theirs] for ours, theirs in names.items()},
            }
            for row in csv.DictReader(file)
        ]
    return panel.as_csv(rows, panel.STATEMENT_COLUMNS)


@pytest.mark.parametrize(
    ("filename", "body", "status", "code", "sentence"),
    [
        ("a.csv", b"company_symbol,market_cap\nA,1\n", 400, "missing_columns", "company_name"),
        ("a.csv", b"", 400, "empty_file", "empty"),
        ("a.csv", b"%PDF-1.7\nrenamed", 415, "unsupported_format", "PDF"),
        ("a.xlsx", demo.own_inputs()[1].body[:9_000], 415, "unsupported_format", "Excel"),
    ],
    ids=["missing columns", "empty", "renamed PDF", "truncated workbook"],
)
def test_file_that_cannot_be_scored_is_refused_on_upload(
    member: JobsClient, filename: str, body: bytes, status: int, code: str, sentence: str
) -> None:
    answer = member.http.post("annual/bulk-upload-async", files={"file": (filename, body)})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert sentence in answer.json()["detail"]
    assert "Traceback" not in answer.text


def test_job_of_another_organization_is_unknown_on_every_route(
    cloud: LocalCloud, member: JobsClient, client_of: Callable[[str], JobsClient]
) -> None:
    stranger = client_of("globex_member")
    body = panel.as_csv(panel.statement_rows(20, seed=5), panel.STATEMENT_COLUMNS)
    job_id = member.upload("annual", "mine.csv", body)["job_id"]
    member.wait(job_id)

    for method, path in job_routes(cloud):
        mine, unknown = (
            stranger.http.request(method, path.replace("{job_id}", identifier)) for identifier in (job_id, str(uuid4()))
        )
        assert (mine.status_code, unknown.status_code) == (404, 404), path
        assert without_ids(mine) == without_ids(unknown)
    assert job_id not in {job["id"] for job in stranger.jobs(limit=100)["jobs"]}
    assert client_of("acme_colleague").status(job_id)["status"] == "completed"
    assert client_of("super_admin").status(job_id)["status"] == "completed"
    assert client_of("solo_user").http.get(f"jobs/{job_id}").status_code == 404
    assert client_of("no_role").http.get(f"jobs/{job_id}").status_code == 403


def job_routes(cloud: LocalCloud) -> list[tuple[str, str]]:
    """Returns every route with a job id, from the OpenAPI document."""
    document = httpx.get(f"{cloud.api_url}/api/v1/openapi.json", timeout=30).json()
    prefix = "/api/v1/predictions/"
    routes = [
        (method.upper(), path.removeprefix(prefix))
        for path, operations in document["paths"].items()
        for method in operations
        if "{job_id}" in path
    ]
    assert len(routes) >= 6
    return routes


def without_ids(answer: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name not in {"request_id", "instance"}}


def test_requests_without_a_valid_token_are_refused_except_for_health(cloud: LocalCloud, member: JobsClient) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        assert httpx.get(f"{cloud.api_url}/api/v1/predictions/jobs", headers=headers, timeout=30).status_code == 401
    assert httpx.get(f"{cloud.api_url}/api/v1/health", timeout=30).json()["success"] is True
    assert httpx.get(f"{cloud.api_url}/api/v1/docs", timeout=30).status_code == 200
    assert member.http.get("annual/schema").json()["success"] is True


def test_template_is_scored_without_errors_and_its_download_redirects(cloud: LocalCloud, member: JobsClient) -> None:
    template = member.http.get("quarterly/template").content
    job_id = member.upload("quarterly", "template.csv", template)["job_id"]
    assert member.wait(job_id)["failed_rows"] == 0

    with httpx.Client(headers={"Authorization": f"Bearer {cloud.token('acme_member')}"}) as client:
        file = client.get(
            f"{cloud.api_url}/api/v1/predictions/jobs/{job_id}/download?outcome=successful",
            follow_redirects=True,
            timeout=30,
        )
    assert file.status_code == 200
    assert "template_successful.csv" in file.headers["content-disposition"]


def test_deleted_job_is_unknown_and_has_no_objects(cloud: LocalCloud, member: JobsClient) -> None:
    body = panel.as_csv(panel.statement_rows(20, seed=6), panel.STATEMENT_COLUMNS)
    job_id = member.upload("annual", "gone.csv", body)["job_id"]
    member.wait(job_id)

    assert member.delete(job_id) == {
        "success": True,
        "message": f"Job {job_id} deleted successfully",
        "deleted_job": {
            "id": job_id,
            "status": "completed",
            "job_type": "annual",
            "original_filename": "gone.csv",
        },
    }
    assert member.http.get(f"jobs/{job_id}").json()["detail"] == "Job not found or access denied"
    with closing(cloud.session().client("s3", endpoint_url=cloud.endpoint_url)) as s3:
        for bucket in (cloud.uploads_bucket, cloud.results_bucket):
            keys = [entry["Key"] for entry in s3.list_object_versions(Bucket=bucket).get("Versions", [])]
            assert not [key for key in keys if job_id in key]
