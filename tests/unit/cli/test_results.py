"""Commands that show row errors, download result files and show a job."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.jobs.job import Job, Outcome
from shared.jobs.row_errors import RowErrorCounts
from tests.builders import NOON, a_completed_job, a_count, a_processing_job
from tests.fakes import FakeJobStore, FakeResultStore
from tests.in_process import InProcess
from tests.unit.api.conftest import row_error, store_errors, store_results
from tests.unit.cli.conftest import CommandLine

KINDS = (
    ("missing_field", "sector", "Missing required field: sector", ""),
    ("invalid_market_cap", "market_cap", "Invalid market cap value", "abc"),
    ("invalid_year", "reporting_year", "Invalid reporting year", "20x5"),
    ("invalid_number", "total_assets", "Invalid number: total_assets", "12..5"),
    ("malformed_row", None, "The row has 3 fields, the header 12", None),
)


@pytest.fixture
def job_with_500_invalid_rows(store: FakeJobStore, results: FakeResultStore) -> Job:
    """A job with a hundred invalid rows of each of five kinds."""
    job = a_processing_job(total_rows=1_000, chunk_count=1)
    store.add(job)
    failed = [
        row_error(
            1 + 5 * number + kind,
            code=code,
            column=column,
            error=error,
            value=value,
            errors=[{"code": code, "column": column, "error": error, "value": value}],
        )
        for number in range(100)
        for kind, (code, column, error, value) in enumerate(KINDS)
    ]
    store_errors(results, job.id, 0, *failed)
    counts = RowErrorCounts.of({((code, column),): 100 for code, column, _, _ in KINDS})
    store.commit_chunk(job.id, replace(a_count(0, 500, 500), row_errors=counts), shard=0, now=NOON)
    return job


class TestErrors:
    def test_errors_are_grouped_with_examples(self, run: CommandLine, job_with_500_invalid_rows: Job) -> None:
        ran = run("errors", str(job_with_500_invalid_rows.id))
        assert ran.code == 0, ran.err
        for _, column, error, value in KINDS:
            (line,) = [line for line in ran.out.splitlines() if error in line]
            assert "100" in line
            assert (column or "-") in line
            assert value is None or f"\N{LEFT DOUBLE QUOTATION MARK}{value}" in line
        assert "500 rows failed" in ran.out
        assert f"default-risk download {job_with_500_invalid_rows.id} --outcome failed" in ran.out
        assert len(ran.out.splitlines()) < 25

    def test_errors_are_grouped_as_json(self, run: CommandLine, job_with_500_invalid_rows: Job) -> None:
        output = run("errors", str(job_with_500_invalid_rows.id), "--json").json
        assert output["error_count"] == 500
        assert {(group["code"], group["column"], group["rows"]) for group in output["groups"]} == {
            (code, column, 100) for code, column, _, _ in KINDS
        }
        by_code = {group["code"]: group["examples"] for group in output["groups"]}
        assert [example["row"] for example in by_code["invalid_year"]] == [3, 8, 13]
        assert by_code["invalid_year"][0]["value"] == "20x5"

    def test_errors_are_listed_by_row(self, run: CommandLine, job_with_500_invalid_rows: Job) -> None:
        job_id = str(job_with_500_invalid_rows.id)
        listed = run("errors", job_id, "--rows", "--limit", "7", "--json").json["errors"]
        assert [error["row"] for error in listed] == [1, 2, 3, 4, 5, 6, 7]
        found = run("errors", job_id, "--column", "market_cap", "--json").json["errors"]
        assert {error["code"] for error in found} == {"invalid_market_cap"}
        assert len(found) == 100
        shown = run("errors", job_id, "--code", "invalid_year", "--limit", "2").out.splitlines()
        assert len(shown) == 3
        assert "20x5" in shown[1]

    def test_errors_of_a_job_without_failed_rows_say_so(self, run: CommandLine, store: FakeJobStore) -> None:
        job = a_completed_job()
        store.add(job)
        assert run("errors", str(job.id)).out == "No rows failed.\n"


class TestDownload:
    @pytest.fixture
    def job(self, store: FakeJobStore, results: FakeResultStore, service: InProcess) -> Job:
        job = a_completed_job()
        store.add(job)
        store_results(results, job.id)
        service.result_files = {"figures_failed.csv": b"row,code\n7,missing_field\n"}
        return job

    def test_download_writes_the_file_under_its_name(
        self, run: CommandLine, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        ran = run("download", str(job.id), "--outcome", "failed")
        assert ran.code == 0, ran.err
        assert ran.out == "Wrote figures_failed.csv (25 B)\n"
        (row,) = csv.DictReader((tmp_path / "figures_failed.csv").read_text().splitlines())
        assert row == {"row": "7", "code": "missing_field"}
        assert [path.name for path in tmp_path.glob("*.part")] == []

    def test_download_replaces_a_file_only_with_force(self, run: CommandLine, job: Job, tmp_path: Path) -> None:
        target = tmp_path / "mine.csv"
        target.write_text("mine")
        ran = run("download", str(job.id), "--outcome", "failed", "-o", str(target))
        assert (ran.code, target.read_text()) == (2, "mine")
        assert "--force" in ran.err
        output = run("download", str(job.id), "--outcome", "failed", "-o", str(target), "--force", "--json").json
        assert (output["file"], output["bytes"]) == (str(target), 25)
        assert target.read_text().startswith("row,code")

    def test_download_writes_into_a_folder_or_to_standard_output(
        self, run: CommandLine, job: Job, tmp_path: Path
    ) -> None:
        run("download", str(job.id), "--outcome", "failed", "-o", str(tmp_path))
        assert (tmp_path / "figures_failed.csv").is_file()
        assert run("download", str(job.id), "--outcome", "failed", "-o", "-").out == "row,code\n7,missing_field\n"

    def test_download_waits_for_an_export(self, run: CommandLine, service: InProcess, tmp_path: Path) -> None:
        service.instead = [
            httpx.Response(202, json={"success": True}, headers={"Retry-After": "7"}),
            httpx.Response(303, headers={"Location": "https://results.example/x"}),
            httpx.Response(200, content=b"PAR1"),
        ]
        ran = run("download", "some-job", "--outcome", "all", "--format", "parquet", "-o", str(tmp_path))
        assert ran.code == 0, ran.err
        assert (tmp_path / "some-job_all.parquet").read_bytes() == b"PAR1"
        assert run.pauses == [7]
        requests = service.sent("GET", "/jobs/some-job/download")
        assert [dict(request.url.params) for request in requests] == [{"outcome": "all", "format": "parquet"}] * 2

    def test_interrupted_download_leaves_no_file(self, run: CommandLine, service: InProcess, tmp_path: Path) -> None:
        class Broken(httpx.SyncByteStream):
            def __iter__(self) -> Any:
                yield b"row\n"
                raise httpx.ReadError("reset")

        service.instead = [
            httpx.Response(303, headers={"Location": "https://results.example/x"}),
            httpx.Response(200, stream=Broken()),
        ]
        ran = run("download", "some-job", "-o", str(tmp_path / "out.csv"))
        assert ran.code == 8
        assert "broke off" in ran.err
        assert list(tmp_path.glob("out*")) == []


def test_show_prints_the_details_of_a_job(run: CommandLine, job_with_500_invalid_rows: Job) -> None:
    shown = run("show", str(job_with_500_invalid_rows.id)).out
    for fact in ("processing (scoring)", "1,000 of 1,000", "500", "jane.doe", "default-risk errors"):
        assert fact in shown


RISK = {
    "rows": 3,
    "model_version": "v",
    "default_probability": {
        "mean": 0.0123,
        "lowest": 0.0001,
        "highest": 0.46,
        "quantiles": {"p50": 0.00123, "p95": 0.0789},
    },
    "by_risk_level": {"LOW": 1_200, "CRITICAL": 1},
    "by_risk_grade": {"R01": 1_200, "R10": 1},
    "riskiest": [
        {"company_name": f"Firm {row}", "row": row, "default_probability": 0.4, "risk_grade": "R10"}
        for row in range(1_000, 1_010)
    ],
}


def test_show_prints_the_risk_summary_of_an_ended_job(
    run: CommandLine, store: FakeJobStore, results: FakeResultStore
) -> None:
    job = a_completed_job(total_rows=4, final_successful_rows=3, final_failed_rows=1)
    store.add(job)
    results.files[job.id, Outcome.SUCCESSFUL] = b"company_symbol,row,default_probability\nA,1,0.5\n"
    results.summaries[job.id] = RISK
    shown = " ".join(run("show", str(job.id)).out.split())
    assert "1.2% mean, 0.12% median, 7.9% p95, 46% maximum" in shown
    assert "1,200 low, 1 critical" in shown
    assert "40% R10 Firm 1000, row 1,000; " in shown
    assert "Firm 1003" not in shown
    assert run("show", str(job.id), "--json").json["risk"] == RISK


def test_show_prints_no_risk_summary_when_the_files_are_gone(run: CommandLine, store: FakeJobStore) -> None:
    job = a_completed_job(total_rows=4, final_successful_rows=3, final_failed_rows=1)
    store.add(job)
    ran = run("show", str(job.id))
    assert ran.code == 0
    assert "average" not in ran.out
    assert "completed" in ran.out
