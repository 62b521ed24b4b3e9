"""Retries on the local cloud, which enforces the functions' roles."""

import csv
import io

import pytest

from default_risk_jobs import JobsClient
from infra.local import panel
from infra.local.cloud import LocalCloud

pytestmark = pytest.mark.e2e


def rows_of(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode())))


def test_retry_of_a_cancelled_job_scores_exactly_the_other_rows(member: JobsClient) -> None:
    body = panel.as_csv(panel.statement_rows(40_000, seed=5, invalid=400), panel.STATEMENT_COLUMNS)
    parent = member.upload_presigned("annual", "resumed.csv", body)["job_id"]
    for job in member.watch(parent, every_seconds=0.05):
        if job["processed_rows"]:
            break
    member.cancel(parent)
    # Its result files are still being assembled.
    child = member.retry(parent, "unprocessed")["job_id"]
    job = member.wait(child)

    details = member.details(child)
    assert (job["status"], details["source"], details["parent_job_id"]) == ("completed", "retry", parent)
    done = [int(row["row"]) for row in rows_of(member.download(parent, "all")) if row["outcome"] != "unprocessed"]
    rest = [int(row["source_row"]) for row in rows_of(member.download(child, "all"))]
    assert rest
    assert sorted(done + rest) == list(range(1, 40_001))
    assert member.details(parent)["progress"]["processed_rows"] == len(done)


def test_unreadable_file_is_retried_unchanged(cloud: LocalCloud, member: JobsClient) -> None:
    body = b"company_symbol,company_name\nA,B\n"
    cloud.drop("drop/acme/annual/unreadable.csv", body)
    parent = member.wait(member.find("unreadable.csv")["id"])["id"]
    child = member.retry(parent)["job_id"]

    assert member.wait(child)["error_details"] == {"error_code": "missing_columns"}
    assert member.download(child, "unprocessed") == body
