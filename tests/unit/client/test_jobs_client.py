"""`JobsClient`: uploads, watching, results and the management of jobs."""

from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from default_risk_jobs import client as module
from default_risk_jobs.client import JobsClient, root_url
from default_risk_jobs.errors import ApiError, NoResponseError, UnreadableFileError, WaitTimeoutError
from default_risk_jobs.files import sha256_of
from shared.jobs.uploads import upload_key
from tests.builders import NOON, a_completed_job, a_count, a_job, a_processing_job
from tests.fakes import FakeJobStore, FakeResultStore, FakeUploadStore
from tests.in_process import RESULTS_HOST, UPLOADS_HOST, InProcess, problem
from tests.unit.api.conftest import MULTIPART_MAX_BYTES, annual_csv, only_job, row_error, store_errors, store_results


class TestUploading:
    def test_small_file_is_uploaded_through_the_api_with_its_options(
        self, jobs_client: JobsClient, uploads: FakeUploadStore, store: FakeJobStore, tmp_path: Path
    ) -> None:
        path = tmp_path / "figures.csv"
        path.write_bytes(annual_csv())
        sent: list[int] = []
        accepted = jobs_client.upload_file(
            "annual", path, on_sent=sent.append, validate_only=True, max_failed_percent=2.5, labels={"run": "7 & 8"}
        )
        job = only_job(store)
        assert (accepted["job_id"], "upload" in accepted) == (str(job.id), False)
        assert (job.original_filename, job.options.labels) == ("figures.csv", {"run": "7 & 8"})
        assert (job.options.validate_only, job.options.max_failed_percent) == (True, 2.5)
        assert uploads.objects[upload_key(job.id), "v1"] == annual_csv()
        assert sent == [len(annual_csv())]

    def test_large_file_is_sent_to_s3_with_its_checksum_and_without_the_token(
        self,
        service: InProcess,
        jobs_client: JobsClient,
        uploads: FakeUploadStore,
        store: FakeJobStore,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "_MULTIPART_BYTES", 100)
        path = tmp_path / "figures.csv"
        path.write_bytes(annual_csv())
        sent: list[int] = []
        service.after = lambda _request: setattr(service, "instead", [problem(503, "unavailable")])
        accepted = jobs_client.upload_file("annual", path, on_sent=sent.append, labels={"run": "7"})

        assert accepted["job_id"] == str(only_job(store).id)
        assert only_job(store).options.labels == {"run": "7"}
        assert uploads.declared_sha256 == sha256_of(BytesIO(annual_csv()))
        # The first attempt got a 503: the whole file is sent again.
        forms = [request for request in service.requests if request.url.host == UPLOADS_HOST]
        assert [form.content.count(annual_csv()) for form in forms] == [1, 1]
        assert b'name="policy"\r\n\r\nsigned' in forms[0].content
        assert all("authorization" not in form.headers for form in forms)
        assert max(sent) == len(annual_csv())

    def test_file_that_is_too_large_for_this_deployment_is_sent_to_s3(
        self, service: InProcess, jobs_client: JobsClient
    ) -> None:
        body = annual_csv() + b"x" * MULTIPART_MAX_BYTES
        accepted = jobs_client.send_file("annual", "figures.csv", BytesIO(body))
        assert accepted["upload"]["max_bytes"] > len(body)
        assert service.requests[-1].url.host == UPLOADS_HOST
        assert service.requests[-1].content.count(body) == 1

    def test_file_refused_by_s3_raises_an_error(self, service: InProcess, jobs_client: JobsClient) -> None:
        service.after = lambda _request: setattr(
            service, "instead", [httpx.Response(400, text="<Code>BadDigest</Code>")]
        )
        with pytest.raises(ApiError, match="status 400"):
            jobs_client.upload_presigned("annual", "a.csv", annual_csv())

    def test_refused_file_raises_the_message_of_the_service(self, jobs_client: JobsClient) -> None:
        with pytest.raises(ApiError, match="company_name") as refused:
            jobs_client.upload("annual", "a.csv", b"company_symbol,market_cap\nA,1\n")
        assert refused.value.code == "missing_columns"

    def test_missing_file_is_named_in_the_error(self, jobs_client: JobsClient, tmp_path: Path) -> None:
        with pytest.raises(UnreadableFileError, match=r"gone\.csv cannot be read: No such file"):
            jobs_client.upload_file("annual", tmp_path / "gone.csv")


class TestFollowing:
    def test_watch_of_one_job_uses_long_polling(
        self, service: InProcess, jobs_client: JobsClient, store: FakeJobStore
    ) -> None:
        job = a_processing_job()
        store.add(job)

        def go_on(_request: httpx.Request) -> None:
            number = len(service.requests)
            if number < 3:
                store.commit_chunk(job.id, a_count(number - 1), shard=0, now=NOON)
            elif number == 3:
                store.add(a_completed_job(id=job.id))

        service.after = go_on
        seen = list(jobs_client.watch(str(job.id)))
        assert [status["status"] for status in seen][-1] == "completed"
        assert len(seen) == 4
        waits = [request.url.params.get("wait") for request in service.requests]
        assert waits == [None, "20.0", "20.0", "20.0"]
        assert service.requests[1].headers["If-None-Match"]

    def test_watch_of_several_jobs_polls_in_turn_and_yields_only_changes(
        self, service: InProcess, jobs_client: JobsClient, store: FakeJobStore, pauses: list[float]
    ) -> None:
        live, other = a_processing_job(), a_processing_job()
        ended = a_completed_job()
        for job in (live, other, ended):
            store.add(job)

        def go_on(_request: httpx.Request) -> None:
            if len(pauses) == 2:
                store.add(a_completed_job(id=live.id))
                store.add(a_completed_job(id=other.id))

        service.after = go_on
        seen = [status["id"] for status in jobs_client.watch(str(live.id), str(ended.id), str(other.id), str(live.id))]
        assert seen[:3] == [str(live.id), str(ended.id), str(other.id)]
        assert sorted(seen[3:]) == sorted([str(live.id), str(other.id)])
        assert pauses
        assert all(0 < pause <= 2 for pause in pauses)

    def test_watch_pauses_when_long_polling_returns_at_once(
        self, service: InProcess, jobs_client: JobsClient, store: FakeJobStore, pauses: list[float]
    ) -> None:
        job = a_processing_job()
        store.add(job)
        following = jobs_client.watch(str(job.id))
        next(following)
        service.instead = [*(httpx.Response(304) for _ in range(5)), problem(404, "job_not_found")]
        with pytest.raises(ApiError):
            next(following)
        assert len(pauses) >= 5

    def test_wait_for_a_job_that_does_not_end_times_out(self, jobs_client: JobsClient, store: FakeJobStore) -> None:
        job = a_job()
        store.add(job)
        with pytest.raises(WaitTimeoutError, match=str(job.id)):
            jobs_client.wait(str(job.id), timeout_seconds=0)

    def test_job_of_a_dropped_file_is_found_by_its_name(self, jobs_client: JobsClient, store: FakeJobStore) -> None:
        job = a_job(original_filename="dropped.xlsx")
        for entry in (job, a_job(original_filename="not dropped.xlsx")):
            store.add(entry)
        assert jobs_client.find("some/where/dropped.xlsx")["id"] == str(job.id)
        with pytest.raises(WaitTimeoutError, match=r"No job of other\.xlsx"):
            jobs_client.find("other.xlsx", timeout_seconds=0)


class TestResults:
    def test_result_file_is_waited_for_and_downloaded_without_the_token(
        self,
        service: InProcess,
        jobs_client: JobsClient,
        store: FakeJobStore,
        results: FakeResultStore,
        pauses: list[float],
    ) -> None:
        job = a_completed_job(results_ready=False)
        store.add(job)
        service.instead = [httpx.Response(202, json={"success": True}, headers={"Retry-After": "4"})]
        store_results(results, job.id)
        store.add(a_completed_job(id=job.id))
        service.result_files = {"figures_failed.csv": b"row\n7\n"}

        with jobs_client.result_file(str(job.id), "failed") as file:
            assert (file.filename, file.size) == ("figures_failed.csv", 6)
            assert b"".join(file.parts) == b"row\n7\n"
        assert pauses == [4]
        assert service.requests[-1].url.host == RESULTS_HOST
        assert "authorization" not in service.requests[-1].headers

    @pytest.mark.parametrize("name", ["../../etc/passwd", "..\\passwd", "/etc/passwd", "pass\r\nwd"])
    def test_name_of_a_result_file_cannot_traverse_folders(
        self, service: InProcess, jobs_client: JobsClient, name: str
    ) -> None:
        service.instead = [
            httpx.Response(303, headers={"Location": f"https://{RESULTS_HOST}/x"}),
            httpx.Response(200, headers=[(b"Content-Disposition", f'attachment; filename="{name}"'.encode())]),
        ]
        with jobs_client.result_file("j", "failed") as file:
            assert file.filename == "passwd"

    def test_result_file_without_a_name_is_named_after_its_job(
        self, service: InProcess, jobs_client: JobsClient
    ) -> None:
        service.instead = [
            httpx.Response(303, headers={"Location": f"https://{RESULTS_HOST}/x"}),
            httpx.Response(200, content=b"x"),
        ]
        with jobs_client.result_file("j", "failed", file_format="xlsx") as file:
            assert file.filename == "j_failed.xlsx"

    def test_wait_for_a_result_file_times_out(self, service: InProcess, jobs_client: JobsClient) -> None:
        service.instead = [httpx.Response(202, headers={"Retry-After": "1"})] * 3
        with pytest.raises(WaitTimeoutError, match="failed rows of job j were not ready"):
            jobs_client.download("j", "failed", timeout_seconds=0)

    def test_refused_link_and_interrupted_download_raise_errors(
        self, service: InProcess, jobs_client: JobsClient
    ) -> None:
        link = httpx.Response(303, headers={"Location": f"https://{RESULTS_HOST}/x"})
        service.instead = [link, httpx.Response(403, text="<Error>expired</Error>")]
        with pytest.raises(ApiError, match="Not allowed"):
            jobs_client.download("j", "failed")
        service.instead = [link, httpx.ReadError("reset")]
        with pytest.raises(NoResponseError, match="broke off"):
            jobs_client.download("j", "failed")

    def test_download_before_the_end_raises_the_error_of_the_service(
        self, jobs_client: JobsClient, store: FakeJobStore
    ) -> None:
        job = a_processing_job()
        store.add(job)
        with pytest.raises(ApiError) as refused:
            jobs_client.download(str(job.id), "all")
        assert (refused.value.status, refused.value.code) == (409, "results_not_ready")

    def test_row_errors_are_read_from_every_page(
        self, jobs_client: JobsClient, store: FakeJobStore, results: FakeResultStore
    ) -> None:
        job = a_processing_job()
        store.add(job)
        store_errors(results, job.id, 0, *(row_error(row) for row in range(1, 6)))
        store.commit_chunk(job.id, a_count(0, successful=0, failed=5), shard=0, now=NOON)
        assert [error["row"] for error in jobs_client.iter_row_errors(str(job.id), limit=2)] == [1, 2, 3, 4, 5]
        assert len(jobs_client.row_errors(str(job.id))) == 5


def test_jobs_are_listed_from_every_page_and_cancelled_and_deleted(
    jobs_client: JobsClient, store: FakeJobStore
) -> None:
    jobs = [a_job() for _ in range(5)]
    for job in jobs:
        store.add(job)
    ids = [str(job.id) for job in jobs]
    assert sorted(job["id"] for job in jobs_client.iter_jobs(limit=2)) == sorted(ids)

    assert jobs_client.cancel(ids[0])["cancelled_job"]["id"] == ids[0]
    assert jobs_client.details(ids[0])["cancelled"] is True
    assert jobs_client.bulk("cancel", ids)["succeeded"] == 5
    assert jobs_client.delete(ids[0])["deleted_job"]["id"] == ids[0]
    outcomes = jobs_client.bulk("delete", ids)
    assert [outcome["success"] for outcome in outcomes["results"]] == [False, True, True, True, True]


def test_template_and_schema_and_models_are_read_from_the_service(jobs_client: JobsClient) -> None:
    assert jobs_client.template("annual").encode() == annual_csv()
    assert {column["name"] for column in jobs_client.schema("quarterly")["columns"]} >= {"reporting_quarter"}
    assert {model["job_type"] for model in jobs_client.models()["models"]} == {"annual", "quarterly"}


@pytest.mark.parametrize("given", ["https://a.example", "https://a.example/", "https://a.example/api/v1/"])
def test_address_may_include_the_path_of_the_api(given: Any) -> None:
    assert root_url(given) == "https://a.example"
