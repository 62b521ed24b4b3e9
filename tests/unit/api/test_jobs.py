"""Reading, cancelling and deleting jobs: the response bodies of the base document and their additions."""

from datetime import timedelta

import pytest

from shared.api_types import CancelResponse, DeleteResponse, JobDetailsResponse, JobStatusResponse
from shared.jobs.job import JobStatus, JobType, Phase
from shared.jobs.progress import ChunkCount
from tests.builders import NOON, a_completed_job, a_job, a_processing_job, a_shard
from tests.fakes import FakeAssembler, FakeJobStore, FakeResultStore, FakeUploadStore, FakeWorkflow, SettableClock
from tests.unit.api.conftest import API, Client, row_error, store_errors
from tests.unit.api.schema_checks import assert_matches


class TestDetails:
    """GET /jobs/{job_id}."""

    def test_details_have_every_field_of_the_base_document(self, client: Client, store: FakeJobStore) -> None:
        job = a_completed_job(file_size=2_048_576)
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}")
        assert response.status_code == 200
        body = response.json()
        assert_matches(JobDetailsResponse, body)
        shown = body["job"]
        assert body["success"] is True
        assert (shown["id"], shown["status"], shown["job_type"]) == (str(job.id), "completed", "annual")
        assert shown["file_info"] == {
            "original_filename": "figures.csv",
            "file_size": 2_048_576,
            "file_size_mb": 1.95,
        }
        assert shown["progress"] == {
            "total_rows": 10,
            "processed_rows": 10,
            "successful_rows": 8,
            "failed_rows": 2,
            "progress_percentage": 100.0,
            "remaining_rows": 0,
        }
        assert shown["timestamps"]["created_at"] == "2026-03-02T12:00:00.000Z"
        assert shown["context"] == {"user_id": "user-1", "organization_id": "acme", "created_by": "jane.doe"}
        assert shown["errors"] == {"has_errors": True, "error_message": None, "error_count": 2}
        assert set(shown["celery_info"]) == {"task_id", "celery_status", "celery_meta"}
        assert "Retry-After" not in response.headers

    def test_details_include_the_first_hundred_row_errors_on_request(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_completed_job(total_rows=150, final_successful_rows=0, final_failed_rows=150)
        store.add(job, a_shard(done=frozenset({0, 1}), with_failures=frozenset({0, 1})))
        store_errors(results, job.id, 0, *(row_error(row) for row in range(1, 76)))
        store_errors(results, job.id, 1, *(row_error(row) for row in range(76, 151)))
        body = client.get(f"{API}/jobs/{job.id}", params={"include_errors": "true"}).json()
        assert_matches(JobDetailsResponse, body)
        details = body["job"]["errors"]["error_details"]
        assert [error["row"] for error in details["errors"]] == list(range(1, 101))
        assert details["truncated"] is True
        assert details["more"] == f"{API}/jobs/{job.id}/errors"
        assert body["job"]["errors"]["error_count"] == 150

    def test_details_of_a_processing_job_include_the_estimate(
        self, client: Client, store: FakeJobStore, clock: SettableClock
    ) -> None:
        job = a_processing_job()
        store.add(job)
        clock.advance(timedelta(seconds=5))
        store.commit_chunk(job.id, ChunkCount(chunk=0, successful_rows=5, failed_rows=0), shard=0, now=clock())
        response = client.get(f"{API}/jobs/{job.id}")
        performance = response.json()["job"]["performance"]
        assert set(performance) == {
            "processing_time_seconds",
            "rows_per_second",
            "estimated_completion_seconds",
            "estimated_completion_time",
        }
        assert int(response.headers["Retry-After"]) > 0

    def test_details_with_lone_surrogates_and_nul_are_returned(
        self, client: Client, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_completed_job(original_filename="a\ud800\0é.csv", error_message="\udfff")
        store.add(job, a_shard(with_failures=frozenset({0})))
        store_errors(results, job.id, 0, row_error(1, value="\ud800\0"))
        response = client.get(f"{API}/jobs/{job.id}", params={"include_errors": "1"})
        assert response.status_code == 200
        assert response.json()["job"]["file_info"]["original_filename"] == "a\ud800\0é.csv"

    def test_details_are_found_only_by_a_hyphenated_uuid(self, client: Client, store: FakeJobStore) -> None:
        job = a_completed_job()
        store.add(job)
        assert client.get(f"{API}/jobs/{str(job.id).upper()}").status_code == 200
        for spelling in (job.id.hex, f"{{{job.id}}}", f"urn:uuid:{job.id}", f"{job.id}%20", f"{job.id}-"):
            assert client.get(f"{API}/jobs/{spelling}").status_code == 404


class TestStatus:
    """GET /jobs/{job_id}/status."""

    @pytest.mark.parametrize("status", JobStatus)
    def test_status_response_has_the_same_fields_in_every_status(
        self, client: Client, store: FakeJobStore, status: JobStatus
    ) -> None:
        job = a_job(status=status, completed_at=NOON if status.is_terminal else None)
        store.add(job)
        response = client.get(f"{API}/jobs/{job.id}/status")
        assert_matches(JobStatusResponse, response.json())
        assert set(response.json()["job"]) == {
            "id", "status", "phase", "job_type", "original_filename", "total_rows", "processed_rows",
            "successful_rows", "failed_rows", "progress_percentage", "created_at", "started_at", "completed_at",
            "error_message", "error_details", "celery_task_id", "celery_status", "celery_meta", "cancelled",
            "notes_count",
        }  # fmt: skip
        assert ("Retry-After" in response.headers) is not status.is_terminal

    @pytest.mark.parametrize("part", ["", "/status"])
    def test_unchanged_job_is_304_without_a_body(self, client: Client, store: FakeJobStore, part: str) -> None:
        job = a_processing_job()
        store.add(job)
        url = f"{API}/jobs/{job.id}{part}"
        tag = client.get(url).headers["ETag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            response = client.get(url, headers={"If-None-Match": known})
            assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", tag)
            assert "content-type" not in response.headers
            assert int(response.headers["Retry-After"]) > 0
        for known in ('"other"', "", '"', tag.strip('"')):
            assert client.get(url, headers={"If-None-Match": known}).status_code == 200
        store.commit_chunk(job.id, ChunkCount(chunk=0, successful_rows=5, failed_rows=0), shard=0, now=NOON)
        changed = client.get(url, headers={"If-None-Match": tag})
        assert (changed.status_code, changed.headers["ETag"] != tag) == (200, True)


class TestCancel:
    """POST /jobs/{job_id}/cancel."""

    def test_cancel_returns_the_body_of_the_base_document_every_time(
        self, client: Client, store: FakeJobStore, workflow: FakeWorkflow, assembler: FakeAssembler
    ) -> None:
        job = a_processing_job(job_type=JobType.QUARTERLY, original_filename="quarterly_data.xlsx")
        store.add(job)
        workflow.start(job)
        response = client.post(f"{API}/jobs/{job.id}/cancel")
        assert response.status_code == 200
        assert_matches(CancelResponse, response.json())
        assert response.json() == {
            "success": True,
            "message": f"Job {job.id} cancelled successfully",
            "cancelled_job": {
                "id": str(job.id),
                "status": "failed",
                "job_type": "quarterly",
                "original_filename": "quarterly_data.xlsx",
                "celery_cancelled": True,
            },
        }
        assert workflow.stopped == [job.id]
        assert assembler.requested == [job.id]
        assert client.post(f"{API}/jobs/{job.id}/cancel").json() == response.json()

    def test_cancel_of_a_job_that_never_ran_stops_no_execution(self, client: Client, store: FakeJobStore) -> None:
        job = a_job()
        store.add(job)
        assert client.post(f"{API}/jobs/{job.id}/cancel").json()["cancelled_job"]["celery_cancelled"] is False

    @pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED])
    def test_cancel_of_an_ended_job_is_400_with_the_base_message(
        self, client: Client, store: FakeJobStore, status: JobStatus
    ) -> None:
        job = a_completed_job(status=status)
        store.add(job)
        response = client.post(f"{API}/jobs/{job.id}/cancel")
        assert (response.status_code, response.json()["code"]) == (400, "job_not_cancellable")
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"] == (
            f"Cannot cancel job with status '{status}'. Only pending or processing jobs can be cancelled."
        )


class TestDelete:
    """DELETE /jobs/{job_id}."""

    @pytest.mark.parametrize("status", sorted(set(JobStatus) - {JobStatus.PROCESSING}))
    def test_delete_returns_the_body_of_the_base_document_and_then_404(
        self, client: Client, store: FakeJobStore, status: JobStatus
    ) -> None:
        job = a_job(status=status)
        store.add(job)
        response = client.delete(f"{API}/jobs/{job.id}")
        assert_matches(DeleteResponse, response.json())
        assert (response.status_code, response.json()) == (
            200,
            {
                "success": True,
                "message": f"Job {job.id} deleted successfully",
                "deleted_job": {
                    "id": str(job.id),
                    "status": str(status),
                    "job_type": "annual",
                    "original_filename": "figures.csv",
                },
            },
        )
        assert client.get(f"{API}/jobs/{job.id}").status_code == 404
        assert client.delete(f"{API}/jobs/{job.id}").status_code == 404

    def test_delete_of_a_processing_job_is_400_with_the_base_message(
        self, client: Client, store: FakeJobStore, uploads: FakeUploadStore
    ) -> None:
        job = a_processing_job()
        store.add(job)
        uploads.put(job.id, b"x")
        response = client.delete(f"{API}/jobs/{job.id}")
        assert (response.status_code, response.json()["code"]) == (400, "job_processing")
        assert response.json()["detail"] == (
            "Cannot delete job that is currently processing. Please cancel the job first or wait for it to complete."
        )
        assert uploads.objects


def test_status_response_includes_the_phase(client: Client, store: FakeJobStore) -> None:
    job = a_processing_job(phase=Phase.FINALIZING)
    store.add(job)
    assert client.get(f"{API}/jobs/{job.id}/status").json()["job"]["phase"] == "finalizing"
