"""Scored rows, downloads and row errors."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from shared.api_types import AssemblingResponse, DownloadResponse, ResultsResponse, RowErrorsResponse
from shared.jobs.job import JobStatus, Outcome
from shared.jobs.row_errors import RowErrorCounts
from shared.scoring.risk_summary import RiskSummary
from tests.builders import NOON, a_completed_job, a_count, a_job, a_processing_job, a_shard
from tests.fakes import FakeJobStore, FakeResultStore
from tests.unit.api.conftest import API, Client, row_error, store_errors, store_results
from tests.unit.api.schema_checks import assert_matches


class TestDownload:
    """GET /jobs/{job_id}/download."""

    @pytest.mark.parametrize("outcome", [None, *Outcome])
    def test_download_redirects_to_the_file_of_the_outcome(
        self, client: Client, store: FakeJobStore, results: FakeResultStore, outcome: Outcome | None
    ) -> None:
        job = a_completed_job()
        store.add(job)
        store_results(results, job.id)
        response = client.get(f"{API}/jobs/{job.id}/download", params={"outcome": outcome} if outcome else {})
        assert (response.status_code, response.content) == (303, b"")
        location = urlsplit(response.headers["Location"])
        assert location.path == f"/{job.id}/{outcome or 'successful'}"
        assert response.headers["Cache-Control"] == "no-store"

    def test_download_without_redirect_returns_the_same_url_as_json(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_completed_job()
        store.add(job)
        store_results(results, job.id)
        url = f"{API}/jobs/{job.id}/download?outcome=failed"
        response = client.get(f"{url}&redirect=false")
        assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")
        assert_matches(DownloadResponse, response.json())
        assert response.json()["url"] == client.get(url).headers["Location"]

    @pytest.mark.parametrize("query", ["", "?outcome=bogus&format=xlsx"])
    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.PROCESSING])
    def test_download_before_the_end_is_409_for_any_parameters(
        self, client: Client, store: FakeJobStore, status: JobStatus, query: str
    ) -> None:
        job = a_job(status=status)
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}/download{query}")
        assert (response.status_code, response.json()["code"]) == (409, "results_not_ready")
        assert status in response.json()["detail"]

    def test_download_while_the_files_are_assembled_is_202(self, client: Client, store: FakeJobStore) -> None:
        job = a_completed_job(status=JobStatus.FAILED, results_ready=False)
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}/download")
        assert response.status_code == 202
        assert_matches(AssemblingResponse, response.json())
        assert int(response.headers["Retry-After"]) > 0

    def test_download_of_a_job_whose_file_never_arrived_is_409(self, client: Client, store: FakeJobStore) -> None:
        job = a_job(status=JobStatus.FAILED, completed_at=NOON, results_ready=True)
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}/download?outcome=unprocessed")
        assert (response.status_code, response.json()["code"]) == (409, "results_not_ready")

    @pytest.mark.parametrize("query", ["outcome=bogus", "format=xls", "format=", "format=CSV", "outcome=%00"])
    def test_download_of_an_unknown_outcome_or_format_is_422(
        self, client: Client, store: FakeJobStore, results: FakeResultStore, query: str
    ) -> None:
        job = a_completed_job()
        store.add(job)
        store_results(results, job.id)
        assert client.get(f"{API}/jobs/{job.id}/download?{query}").status_code == 422


class TestGone:
    """A job whose record exists and whose stored results do not."""

    @pytest.mark.hazard("Stored objects deleted: a job that never ends, a download that is never ready")
    @pytest.mark.parametrize("path", ["download", "results", "errors"])
    def test_results_that_are_gone_are_409_and_say_what_to_do(
        self, client: Client, store: FakeJobStore, path: str
    ) -> None:
        job = a_processing_job(total_rows=5)
        store.add(job)
        store.commit_chunk(job.id, a_count(0, 4, 1), shard=0, now=NOON)
        store.complete(job, successful=4, failed=1, now=NOON)
        response = client.get(f"{API}/jobs/{job.id}/{path}")
        assert (response.status_code, response.json()["code"]) == (409, "results_not_ready")
        assert "Upload the rows again" in response.json()["detail"]
        details = client.get(f"{API}/jobs/{job.id}?include_errors=true").json()["job"]["errors"]
        assert (details["error_count"], details["error_details"]["errors"]) == (1, [])
        assert details["error_details"]["truncated"] is True


RESULTS = b'company_symbol,row,default_probability\nA,1,0.5\n"B\nb",2,0.25\n\'=C,4,0.125\n'
SUMMARY = RiskSummary().as_json(model_version="v", training_grades=None)


class TestResults:
    """GET /jobs/{job_id}/results."""

    def test_results_are_paged_in_row_order_with_the_risk_of_the_whole_job(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_completed_job(total_rows=4, final_successful_rows=3, final_failed_rows=1)
        store.add(job)
        results.files[job.id, Outcome.SUCCESSFUL] = RESULTS
        results.summaries[job.id] = SUMMARY
        for limit in (1, 2, 3, 1_000):
            symbols: list[str] = []
            cursor = None
            while True:
                params = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
                body = client.get(f"{API}/jobs/{job.id}/results", params=params).json()
                assert_matches(ResultsResponse, body)
                assert (body["job_id"], body["summary"]) == (str(job.id), SUMMARY)
                assert body["links"] == {"download": f"{API}/jobs/{job.id}/download?outcome=successful"}
                symbols += [row["company_symbol"] for row in body["results"]]
                cursor = body["pagination"]["next_cursor"]
                assert body["pagination"] == {"limit": limit, "has_more": cursor is not None, "next_cursor": cursor}
                if cursor is None:
                    break
            assert symbols == ["A", "B\nb", "=C"]

    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.PROCESSING])
    def test_results_before_the_end_are_409(self, client: Client, store: FakeJobStore, status: JobStatus) -> None:
        job = a_job(status=status)
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}/results?limit=0")
        assert (response.status_code, response.json()["code"]) == (409, "results_not_ready")

    def test_results_while_the_files_are_assembled_are_202(self, client: Client, store: FakeJobStore) -> None:
        job = a_completed_job(status=JobStatus.FAILED, results_ready=False)
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}/results")
        assert response.status_code == 202
        assert_matches(AssemblingResponse, response.json())
        assert int(response.headers["Retry-After"]) > 0

    def test_results_of_a_job_whose_file_never_arrived_are_409(self, client: Client, store: FakeJobStore) -> None:
        job = a_job(status=JobStatus.FAILED, completed_at=NOON, results_ready=True)
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}/results")
        assert (response.status_code, response.json()["code"]) == (409, "results_not_ready")

    def test_results_of_a_job_that_ended_before_planning_are_empty(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_completed_job(status=JobStatus.FAILED, total_rows=None)
        store.add(job)
        results.files[job.id, Outcome.SUCCESSFUL] = b"row\n"
        body = client.get(f"{API}/jobs/{job.id}/results").json()
        assert_matches(ResultsResponse, body)
        assert (body["results"], body["summary"]) == ([], None)

    @pytest.mark.parametrize("limit", ["0", "1001", "x"])
    def test_results_with_a_limit_out_of_range_are_422(self, client: Client, store: FakeJobStore, limit: str) -> None:
        job = a_completed_job()
        store.add(job)
        assert client.get(f"{API}/jobs/{job.id}/results?limit={limit}").status_code == 422

    def test_results_refuse_the_cursor_of_another_job_or_list(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        jobs = [a_completed_job(), a_completed_job()]
        for job in jobs:
            store.add(job)
            results.files[job.id, Outcome.SUCCESSFUL] = RESULTS
        first = client.get(f"{API}/jobs/{jobs[0].id}/results?limit=1").json()["pagination"]["next_cursor"]
        for url in (
            f"{API}/jobs/{jobs[1].id}/results?cursor={first}",
            f"{API}/jobs/{jobs[0].id}/errors?cursor={first}",
        ):
            response = client.get(url)
            assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


class TestErrors:
    """GET /jobs/{job_id}/errors."""

    def test_row_errors_are_paged_in_row_order_without_loss(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_completed_job(total_rows=30, final_successful_rows=5, final_failed_rows=25)
        store.add(job, a_shard(done=frozenset({0, 1, 2}), with_failures=frozenset({0, 2})))
        store_errors(results, job.id, 0, *(row_error(row, value="x" * 40 * row) for row in range(1, 14)))
        store_errors(results, job.id, 2, *(row_error(row) for row in range(14, 26)))
        for limit in (1, 4, 13, 24, 1000):
            rows: list[int] = []
            cursor = None
            while True:
                params = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
                body = client.get(f"{API}/jobs/{job.id}/errors", params=params).json()
                assert_matches(RowErrorsResponse, body)
                assert body["error_count"] == 25
                rows += [error["row"] for error in body["errors"]]
                cursor = body["pagination"]["next_cursor"]
                assert body["pagination"] == {"limit": limit, "has_more": cursor is not None, "next_cursor": cursor}
                if cursor is None:
                    break
            assert rows == list(range(1, 26))

    def test_row_errors_of_a_processing_job_are_those_so_far(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_processing_job()
        store.add(job, a_shard(done=frozenset({1}), with_failures=frozenset({1}), failed_rows=1))
        store_errors(results, job.id, 1, row_error(7))
        body = client.get(f"{API}/jobs/{job.id}/errors").json()
        assert ([error["row"] for error in body["errors"]], body["error_count"]) == ([7], 1)

    def test_row_errors_of_a_job_without_failed_rows_are_empty(self, client: Client, store: FakeJobStore) -> None:
        job = a_completed_job(final_successful_rows=10, final_failed_rows=0)
        store.add(job)
        body = client.get(f"{API}/jobs/{job.id}/errors").json()
        assert body == {
            "success": True,
            "errors": [],
            "error_count": 0,
            "counts_by_code": {},
            "groups": [],
            "links": {"failed_rows": f"{API}/jobs/{job.id}/download?outcome=failed"},
            "pagination": {"limit": 100, "has_more": False, "next_cursor": None},
        }

    def test_row_errors_are_filtered_and_counted_by_any_error_of_their_row(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        blank, bad = ("missing_field", "sector"), ("invalid_number", "inventory")
        job = a_processing_job()
        store.add(job)
        counts = RowErrorCounts.of({(blank,): 2, (blank, bad): 1})
        store.commit_chunk(job.id, replace(a_count(0, 2, 3), row_errors=counts), shard=0, now=NOON)
        both = [{"code": code, "column": column} for code, column in (blank, bad)]
        store_errors(results, job.id, 0, row_error(1), row_error(3, errors=both), row_error(4))

        def rows(**params: str) -> list[int]:
            found: list[int] = []
            cursor = None
            while True:
                page = {**params, "limit": "1", **({"cursor": cursor} if cursor else {})}
                body = client.get(f"{API}/jobs/{job.id}/errors", params=page).json()
                assert_matches(RowErrorsResponse, body)
                assert body["counts_by_code"] == {"missing_field": 3, "invalid_number": 1}
                assert body["groups"] == [
                    {"code": "missing_field", "column": "sector", "rows": 3},
                    {"code": "invalid_number", "column": "inventory", "rows": 1},
                ]
                found += [error["row"] for error in body["errors"]]
                cursor = body["pagination"]["next_cursor"]
                if cursor is None:
                    return found

        assert rows(code="missing_field") == rows(column=" Sector ") == [1, 3, 4]
        assert rows(code="invalid_number") == rows(column="inventory") == [3]
        assert rows(code="missing_field", column="inventory") == rows(code="too_long") == []

    def test_row_errors_filtered_by_an_unknown_code_are_422(self, client: Client, store: FakeJobStore) -> None:
        job = a_completed_job()
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}/errors?code=bad")
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "query.code")

    @pytest.mark.parametrize("limit", ["0", "1001", "x", "1e3", "-1"])
    def test_row_errors_with_a_limit_out_of_range_are_422(
        self, client: Client, store: FakeJobStore, limit: str
    ) -> None:
        job = a_completed_job()
        store.add(job)
        assert client.get(f"{API}/jobs/{job.id}/errors?limit={limit}").status_code == 422

    def test_row_errors_refuse_the_cursor_of_another_job_or_list(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        jobs = [a_completed_job(), a_completed_job()]
        for job in jobs:
            store.add(job, a_shard(with_failures=frozenset({0})))
            store_errors(results, job.id, 0, row_error(1), row_error(2))
        first = client.get(f"{API}/jobs/{jobs[0].id}/errors?limit=1").json()["pagination"]["next_cursor"]
        listed = client.get(f"{API}/jobs?limit=1").json()["pagination"]["next_cursor"]
        assert client.get(f"{API}/jobs/{jobs[0].id}/errors?cursor={first}").status_code == 200
        for url in (
            f"{API}/jobs/{jobs[1].id}/errors?cursor={first}",
            f"{API}/jobs/{jobs[0].id}/errors?code=too_long&cursor={first}",
            f"{API}/jobs/{jobs[0].id}/errors?cursor={listed}",
        ):
            response = client.get(url)
            assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")
