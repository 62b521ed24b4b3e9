"""The client of the API for one caller."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from io import SEEK_END, BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Self, Unpack

import httpx

from default_risk_jobs.errors import ApiError, MissingPandasError, UnreadableFileError, WaitTimeoutError
from default_risk_jobs.files import CountedFile, OnSent, no_progress, sha256_of
from default_risk_jobs.polling import ResultFile, ResultRequest, follow, receive
from default_risk_jobs.transport import Retries, Sender
from default_risk_jobs.types import (
    BulkResponse,
    CancelResponse,
    DeleteResponse,
    JobDetails,
    JobListResponse,
    JobRisk,
    JobSummary,
    ModelsResponse,
    ResultsResponse,
    RowError,
    RowErrorsResponse,
    SchemaResponse,
    UploadRequest,
    UploadRequestOptions,
    UploadResponse,
)

if TYPE_CHECKING:
    import pandas as pd

API_PATH = "/api/v1"
# The default limit of the service for one request, minus the overhead of the multipart form.
_MULTIPART_BYTES = 4 * 1024 * 1024 - 16 * 1024
_TIMEOUT = httpx.Timeout(60, connect=10)
# Per part of a file that is sent or received.
_FILE_TIMEOUT = httpx.Timeout(120, connect=10)
_PAGE = 500


class JobsClient:
    """The API for the owner of an access token.

    Every method raises `ApiError` when the service rejects a request, and `NoResponseError` when it cannot be reached.
    """

    def __init__(
        self,
        api_url: str,
        *,
        token: str | None,
        transport: httpx.BaseTransport | None = None,
        retries: Retries | None = None,
    ) -> None:
        # Public, for requests that no method makes: it has the address and the token.
        self.http = httpx.Client(
            base_url=f"{root_url(api_url)}{API_PATH}/predictions/",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=_TIMEOUT,
            transport=transport,
        )
        # S3 must not see the token.
        self._storage = httpx.Client(timeout=_FILE_TIMEOUT, transport=transport)
        self._retries = retries or Retries()
        self._sender = Sender(self.http, self._retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self.http.close()
        self._storage.close()

    # Uploads

    def upload_file(
        self, job_type: str, path: Path, *, on_sent: OnSent = no_progress, **options: Unpack[UploadRequestOptions]
    ) -> UploadResponse:
        """Uploads a file through the API, or directly to S3 if it is too large for one request.

        `on_sent` is called with the number of bytes sent so far. Also raises `UnreadableFileError`.
        """
        try:
            with path.open("rb") as file:
                return self.send_file(job_type, path.name, file, on_sent=on_sent, **options)
        except OSError as error:
            raise UnreadableFileError(f"{path} cannot be read: {error.strerror}.") from error

    def send_file(
        self,
        job_type: str,
        filename: str,
        file: BinaryIO,
        *,
        on_sent: OnSent = no_progress,
        **options: Unpack[UploadRequestOptions],
    ) -> UploadResponse:
        """Uploads an open file, like `upload_file`; the response has `upload` if it went directly to S3."""
        size = file.seek(0, SEEK_END)
        file.seek(0)
        if size <= _MULTIPART_BYTES:
            try:
                accepted = self.upload(job_type, filename, file.read(), **options)
            except ApiError as error:
                # The limit is a setting of the deployment.
                if error.code != "too_large":
                    raise
            else:
                on_sent(size)
                return accepted
        return self.send_to_storage(job_type, filename, file, on_sent=on_sent, **options)

    def upload(
        self, job_type: str, filename: str, body: bytes, **options: Unpack[UploadRequestOptions]
    ) -> UploadResponse:
        """Uploads a small file through the API."""
        response = self._sender.send(
            "POST", f"{job_type}/bulk-upload-async", files={"file": (filename, body)}, params=_as_query(options)
        )
        accepted: UploadResponse = response.json()
        return accepted

    def upload_presigned(
        self, job_type: str, filename: str, body: bytes, **options: Unpack[UploadRequestOptions]
    ) -> UploadResponse:
        """Creates a job and sends its file directly to S3."""
        return self.send_to_storage(job_type, filename, BytesIO(body), **options)

    def send_to_storage(
        self,
        job_type: str,
        filename: str,
        file: BinaryIO,
        *,
        on_sent: OnSent = no_progress,
        **options: Unpack[UploadRequestOptions],
    ) -> UploadResponse:
        """Creates a job and sends its open file directly to S3, which verifies its SHA-256."""
        checksum = sha256_of(file)
        size = file.seek(0, SEEK_END)
        request: UploadRequest = {"filename": filename, "file_size": size, "content_sha256": checksum, **options}
        accepted: UploadResponse = self._sender.send("POST", f"{job_type}/bulk-upload-async", json=request).json()
        form = accepted["upload"]
        Sender(self._storage, self._retries).send(
            "POST",
            form["url"],
            data=form["fields"],
            files={"file": (filename, CountedFile(file, on_sent))},
        )
        return accepted

    # Jobs

    def jobs(self, **filters: Any) -> JobListResponse:
        """Returns a page of the list of jobs; `filters` are the query parameters of the API."""
        page: JobListResponse = self._get("jobs", **filters)
        return page

    def iter_jobs(self, **filters: Any) -> Iterator[JobSummary]:
        """Yields all jobs of the list, page after page."""
        cursor: str | None = None
        while True:
            page = self.jobs(**filters, **({"cursor": cursor} if cursor else {}))
            yield from page["jobs"]
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                return

    def find(self, filename: str, *, timeout_seconds: float = 60) -> JobSummary:
        """Returns the newest job with a file name, for a file put into the drop folder: waits until the job appears.

        Raises `WaitTimeoutError`.
        """
        name = Path(filename).name
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            for job in self.jobs(filename_contains=name, limit=100)["jobs"]:
                if job["original_filename"] == name:
                    return job
            self._retries.pause(0.3)
        raise WaitTimeoutError(f"No job of {name} appeared in {timeout_seconds:.0f} s.")

    def status(self, job_id: str) -> JobSummary:
        """Returns the status of a job."""
        job: JobSummary = self._get(f"jobs/{job_id}/status")["job"]
        return job

    def details(self, job_id: str, *, include_errors: bool = False) -> JobDetails:
        """Returns the details of a job, with the first row errors if `include_errors`."""
        job: JobDetails = self._get(f"jobs/{job_id}", include_errors=include_errors)["job"]
        return job

    def watch(
        self, *job_ids: str, every_seconds: float | None = None, timeout_seconds: float | None = None
    ) -> Iterator[JobSummary]:
        """Yields the status of each job, and again whenever it changes, until all ended. Raises `WaitTimeoutError`.

        Polls every `every_seconds`; without it, the service holds each request until the job changes.
        """
        return follow(
            self._sender,
            job_ids,
            pause=self._retries.pause,
            every_seconds=every_seconds,
            timeout_seconds=timeout_seconds,
        )

    def wait(self, job_id: str, *, every_seconds: float | None = 0.25, timeout_seconds: float = 300) -> JobSummary:
        """Waits for the end of a job and returns its status. Raises `WaitTimeoutError`."""
        *_, last = self.watch(job_id, every_seconds=every_seconds, timeout_seconds=timeout_seconds)
        return last

    def cancel(self, job_id: str) -> CancelResponse:
        """Cancels a job."""
        cancelled: CancelResponse = self._sender.send("POST", f"jobs/{job_id}/cancel").json()
        return cancelled

    def delete(self, job_id: str) -> DeleteResponse:
        """Deletes a job that is not processing."""
        deleted: DeleteResponse = self._sender.send("DELETE", f"jobs/{job_id}").json()
        return deleted

    def bulk(self, action: str, job_ids: list[str]) -> BulkResponse:
        """Cancels or deletes up to 100 jobs (`action` is "cancel" or "delete") and returns an outcome for each."""
        outcomes: BulkResponse = self._sender.send("POST", f"jobs/bulk/{action}", json={"job_ids": job_ids}).json()
        return outcomes

    def retry(self, job_id: str, *outcomes: str) -> UploadResponse:
        """Creates a job of the rows of another job with these outcomes: by default those failed and unprocessed."""
        request = {"outcomes": list(outcomes or ("failed", "unprocessed"))}
        accepted: UploadResponse = self._sender.send("POST", f"jobs/{job_id}/retry", json=request).json()
        return accepted

    # Results

    def risk_summary(self, job_id: str) -> JobRisk | None:
        """Returns the risk of all scored rows of an ended job; None if there are none or files are being assembled."""
        response = self._sender.send("GET", f"jobs/{job_id}/results", params={"limit": 1})
        if response.status_code == httpx.codes.ACCEPTED:
            return None
        page: ResultsResponse = response.json()
        return page["summary"]

    def row_errors_page(self, job_id: str, **filters: Any) -> RowErrorsResponse:
        """Returns a page of row errors, with the counts of the whole job."""
        page: RowErrorsResponse = self._get(f"jobs/{job_id}/errors", **filters)
        return page

    def iter_row_errors(self, job_id: str, *, limit: int = _PAGE, **filters: Any) -> Iterator[RowError]:
        """Yields all row errors, page after page of `limit`."""
        cursor: str | None = None
        while True:
            page = self.row_errors_page(job_id, limit=limit, **filters, **({"cursor": cursor} if cursor else {}))
            yield from page["errors"]
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                return

    def row_errors(self, job_id: str) -> list[RowError]:
        """Returns all row errors."""
        return list(self.iter_row_errors(job_id))

    def result_file(
        self, job_id: str, outcome: str, *, file_format: str = "csv", timeout_seconds: float = 600
    ) -> AbstractContextManager[ResultFile]:
        """Opens the result file of an outcome, once it is assembled. Raises `WaitTimeoutError`."""
        return receive(
            self._sender,
            self._storage,
            ResultRequest(job_id=job_id, outcome=outcome, file_format=file_format),
            pause=self._retries.pause,
            timeout_seconds=timeout_seconds,
        )

    def download(self, job_id: str, outcome: str, *, file_format: str = "csv", timeout_seconds: float = 60) -> bytes:
        """Returns the content of the result file of an outcome. Raises `WaitTimeoutError`."""
        with self.result_file(job_id, outcome, file_format=file_format, timeout_seconds=timeout_seconds) as file:
            return b"".join(file.parts)

    def results_frame(self, job_id: str, *, timeout_seconds: float = 600) -> "pd.DataFrame":
        """Returns the scored rows of an ended job as a table, in the order of the file.

        `row` is an integer and `default_probability` a float; `top_factors`, `missing_ratios` and `out_of_range` are
        lists. The columns of the uploaded file are text, as they were written. A job that only validated rows has no
        score. Raises `MissingPandasError` and `WaitTimeoutError`.
        """
        try:
            from default_risk_jobs.data_frames import read_scored_rows  # noqa: PLC0415 - pandas is an extra
        except ModuleNotFoundError as error:
            if error.name != "pandas":
                raise
            raise MissingPandasError("results_frame needs pandas: pip install 'default-risk-jobs[pandas]'") from error
        with (
            TemporaryFile() as downloaded,
            self.result_file(job_id, "successful", timeout_seconds=timeout_seconds) as file,
        ):
            for part in file.parts:
                downloaded.write(part)
            downloaded.seek(0)
            return read_scored_rows(downloaded)

    # Reference

    def template(self, job_type: str) -> str:
        """Returns an example file as CSV text."""
        return self._sender.send("GET", f"{job_type}/template").text

    def schema(self, job_type: str) -> SchemaResponse:
        """Returns the input columns of a job type."""
        columns: SchemaResponse = self._get(f"{job_type}/schema")
        return columns

    def models(self) -> ModelsResponse:
        """Returns the model of each job type and profile."""
        models: ModelsResponse = self._get("models")
        return models

    def _get(self, path: str, **query: Any) -> Any:
        return self._sender.send("GET", path, params=query).json()


def _as_query(options: UploadRequestOptions) -> dict[str, Any]:
    """Returns the options as query parameters, labels as JSON."""
    return {name: json.dumps(value) if name == "labels" else value for name, value in options.items()}


def root_url(api_url: str) -> str:
    """Returns the address of an API without the path that all routes share."""
    return api_url.rstrip("/").removesuffix(API_PATH)
