"""Downloads in formats that are exported on request."""

import pytest

from shared.api_types import AssemblingResponse
from shared.jobs.errors import UnavailableError
from shared.jobs.job import Export, ExportKind, FileFormat, JobStatus, Outcome
from tests.builders import NOON, a_completed_job
from tests.fakes import FakeExporter, FakeExportFiles, FakeJobStore, FakeResultStore
from tests.unit.api.conftest import API, Client, store_results
from tests.unit.api.schema_checks import assert_matches


class TestExports:
    """GET /jobs/{job_id}/download?format=."""

    @pytest.mark.parametrize("file_format", ["parquet", "xlsx"])
    def test_export_is_requested_once_and_then_redirected_to(
        self,
        client: Client,
        store: FakeJobStore,
        results: FakeResultStore,
        exporter: FakeExporter,
        file_format: str,
    ) -> None:
        job = a_completed_job()
        store.add(job)
        store_results(results, job.id)
        url = f"{API}/jobs/{job.id}/download?outcome=all&format={file_format}"
        for _ in range(3):
            response = client.get(url)
            assert response.status_code == 202
            assert_matches(AssemblingResponse, response.json())
            assert file_format in response.json()["message"]
            assert int(response.headers["Retry-After"]) > 0
        [(job_id, kind, claimed_at)] = exporter.requested
        assert (job_id, kind, claimed_at) == (job.id, ExportKind(Outcome.ALL, FileFormat(file_format)), NOON)

        FakeExportFiles(results).write(job_id, kind)
        response = client.get(url)
        assert (response.status_code, response.content) == (303, b"")
        assert response.headers["Location"].endswith(f"as=figures_all.{file_format}")

    def test_export_of_more_rows_than_excel_allows_is_413_and_suggests_csv(
        self, client: Client, store: FakeJobStore, exporter: FakeExporter
    ) -> None:
        job = a_completed_job(total_rows=1_048_576, final_successful_rows=1_048_576, final_failed_rows=0)
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}/download?format=xlsx")
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert "CSV" in response.json()["detail"]
        assert exporter.requested == []
        assert client.get(f"{API}/jobs/{job.id}/download?format=parquet").status_code == 202

    def test_refused_export_is_a_problem_with_its_reason(self, client: Client, store: FakeJobStore) -> None:
        kind = ExportKind(Outcome.SUCCESSFUL, FileFormat.XLSX)
        refusal = Export(attempts=1, refusal_code="too_large", refusal="Line 3 has a cell too long for Excel.")
        job = a_completed_job(exports={kind: refusal})
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}/download?format=xlsx")
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert response.json()["detail"] == refusal.refusal

    def test_export_of_a_whole_input_is_409(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_completed_job(status=JobStatus.FAILED, total_rows=None)
        store.add(job)
        store_results(results, job.id)
        url = f"{API}/jobs/{job.id}/download?outcome=unprocessed"
        assert client.get(url).status_code == 303
        response = client.get(f"{url}&format=parquet")
        assert (response.status_code, response.json()["code"]) == (409, "not_exportable")

    def test_export_that_cannot_be_requested_is_503_and_requested_next_time(
        self, client: Client, store: FakeJobStore, exporter: FakeExporter
    ) -> None:
        job = a_completed_job()
        store.add(job)
        exporter.error = UnavailableError()
        url = f"{API}/jobs/{job.id}/download?format=parquet"
        assert client.get(url).status_code == 503
        exporter.error = None
        assert client.get(url).status_code == 202
        assert len(exporter.requested) == 1
