"""The API as one caller sees it: for the command line, the demonstration and the end-to-end tests alike."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from io import SEEK_END, BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Self, Unpack

import httpx

from default_risk_jobs.errors import ApiError, MissingPandasError, UnreadableFileError, WaitedTooLongError
from default_risk_jobs.files import CountedFile, OnSent, sha256_of, silent
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
# What the service takes in one request by default, less what the form around the file adds.
_MULTIPART_BYTES = 4 * 1024 * 1024 - 16 * 1024
_TIMEOUT = httpx.Timeout(60, connect=10)
# A file goes and comes in parts, each of which may take this long.
_FILE_TIMEOUT = httpx.Timeout(120, connect=10)
_PAGE = 500


class JobsClient:
    """The API as the owner of an access token.

    Every method raises `ApiError` for what the service refuses and `NoAnswerError` when it cannot be reached.
    """

    def __init__(
        self,
        api_url: str,
        *,
        token: str | None,
        transport: httpx.BaseTransport | None = None,
        retries: Retries | None = None,
    ) -> None:
        # For requests that this class does not make: it knows the address and the token.
        self.http = httpx.Client(
            base_url=f"{root_url(api_url)}{API_PATH}/predictions/",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=_TIMEOUT,
            transport=transport,
        )
        # Storage must not see the token, so it has a client without one.
        self._storage = httpx.Client(timeout=_FILE_TIMEOUT, transport=transport)
        self._retries = retries or Retries()
        self._sender = Sender(self.http, self._retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self.http.close()
        self._storage.close()

    # Uploads

    def upload_file(
        self, job_type: str, path: Path, *, on_sent: OnSent = silent, **options: Unpack[UploadRequestOptions]
    ) -> UploadResponse:
        """Upload a file in the way its size asks for: through the API, or straight to storage.

        `on_sent` is told the number of bytes sent so far. Raises `UnreadableFileError` as well.
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
        on_sent: OnSent = silent,
        **options: Unpack[UploadRequestOptions],
    ) -> UploadResponse:
        """Upload an open file, like `upload_file`; the answer has `upload` where it went straight to storage."""
        size = file.seek(0, SEEK_END)
        file.seek(0)
        if size <= _MULTIPART_BYTES:
            try:
                accepted = self.upload(job_type, filename, file.read(), **options)
            except ApiError as error:
                # A deployment may take less in one request than others do.
                if error.code != "too_large":
                    raise
            else:
                on_sent(size)
                return accepted
        return self.send_to_storage(job_type, filename, file, on_sent=on_sent, **options)

    def upload(
        self, job_type: str, filename: str, body: bytes, **options: Unpack[UploadRequestOptions]
    ) -> UploadResponse:
        """Upload a small file through the API."""
        answer = self._sender.send(
            "POST", f"{job_type}/bulk-upload-async", files={"file": (filename, body)}, params=_as_query(options)
        )
        accepted: UploadResponse = answer.json()
        return accepted

    def upload_presigned(
        self, job_type: str, filename: str, body: bytes, **options: Unpack[UploadRequestOptions]
    ) -> UploadResponse:
        """Make a job, and send its file straight to storage."""
        return self.send_to_storage(job_type, filename, BytesIO(body), **options)

    def send_to_storage(
        self,
        job_type: str,
        filename: str,
        file: BinaryIO,
        *,
        on_sent: OnSent = silent,
        **options: Unpack[UploadRequestOptions],
    ) -> UploadResponse:
        """Make a job, and send its open file straight to storage, which checks it against its SHA-256."""
        checksum = sha256_of(file)
        size = file.seek(0, SEEK_END)
        announced: UploadRequest = {"filename": filename, "file_size": size, "content_sha256": checksum, **options}
        accepted: UploadResponse = self._sender.send("POST", f"{job_type}/bulk-upload-async", json=announced).json()
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
        """A page of the list."""
        page: JobListResponse = self._get("jobs", **filters)
        return page

    def each_job(self, **filters: Any) -> Iterator[JobSummary]:
        """Every job of the list, page after page."""
        cursor: str | None = None
        while True:
            page = self.jobs(**filters, **({"cursor": cursor} if cursor else {}))
            yield from page["jobs"]
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                return

    def find(self, filename: str, *, timeout_seconds: float = 60) -> JobSummary:
        """The newest job of a file that was put into the drop folder, waiting for it to appear.

        Raises `WaitedTooLongError`.
        """
        name = Path(filename).name
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            for job in self.jobs(filename_contains=name, limit=100)["jobs"]:
                if job["original_filename"] == name:
                    return job
            self._retries.pause(0.3)
        raise WaitedTooLongError(f"No job of {name} appeared in {timeout_seconds:.0f} s.")

    def status(self, job_id: str) -> JobSummary:
        """The quick status."""
        job: JobSummary = self._get(f"jobs/{job_id}/status")["job"]
        return job

    def details(self, job_id: str, *, include_errors: bool = False) -> JobDetails:
        """The details, with the first row errors if asked for."""
        job: JobDetails = self._get(f"jobs/{job_id}", include_errors=include_errors)["job"]
        return job

    def watch(
        self, *job_ids: str, every_seconds: float | None = None, timeout_seconds: float | None = None
    ) -> Iterator[JobSummary]:
        """Each job's status, and again whenever it changed, until all have ended. Raises `WaitedTooLongError`.

        With `every_seconds` they are asked that often; without, the service holds its answer until there is news.
        """
        return follow(
            self._sender,
            job_ids,
            pause=self._retries.pause,
            every_seconds=every_seconds,
            timeout_seconds=timeout_seconds,
        )

    def wait(self, job_id: str, *, every_seconds: float | None = 0.25, timeout_seconds: float = 300) -> JobSummary:
        """The status once the job has ended. Raises `WaitedTooLongError`."""
        *_, last = self.watch(job_id, every_seconds=every_seconds, timeout_seconds=timeout_seconds)
        return last

    def cancel(self, job_id: str) -> CancelResponse:
        """Cancel a live job."""
        cancelled: CancelResponse = self._sender.send("POST", f"jobs/{job_id}/cancel").json()
        return cancelled

    def delete(self, job_id: str) -> DeleteResponse:
        """Delete a job that is not processing."""
        deleted: DeleteResponse = self._sender.send("DELETE", f"jobs/{job_id}").json()
        return deleted

    def on_many(self, action: str, job_ids: list[str]) -> BulkResponse:
        """`cancel` or `delete` up to 100 jobs, with an outcome for each."""
        outcomes: BulkResponse = self._sender.send("POST", f"jobs/bulk/{action}", json={"job_ids": job_ids}).json()
        return outcomes

    def retry(self, job_id: str, *outcomes: str) -> UploadResponse:
        """Make a job of the failed or unprocessed rows of another one; of both kinds unless told otherwise."""
        asked = {"outcomes": list(outcomes or ("failed", "unprocessed"))}
        accepted: UploadResponse = self._sender.send("POST", f"jobs/{job_id}/retry", json=asked).json()
        return accepted

    # What came of them

    def risk_summary(self, job_id: str) -> JobRisk | None:
        """The risk of all scored rows of an ended job; None where none was scored, or while it is put together."""
        answer = self._sender.send("GET", f"jobs/{job_id}/results", params={"limit": 1})
        if answer.status_code == httpx.codes.ACCEPTED:
            return None
        page: ResultsResponse = answer.json()
        return page["summary"]

    def row_errors_page(self, job_id: str, **filters: Any) -> RowErrorsResponse:
        """A page of row errors, with the counts of the whole job."""
        page: RowErrorsResponse = self._get(f"jobs/{job_id}/errors", **filters)
        return page

    def each_row_error(self, job_id: str, *, limit: int = _PAGE, **filters: Any) -> Iterator[RowError]:
        """The row errors, page after page of `limit`."""
        cursor: str | None = None
        while True:
            page = self.row_errors_page(job_id, limit=limit, **filters, **({"cursor": cursor} if cursor else {}))
            yield from page["errors"]
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                return

    def row_errors(self, job_id: str) -> list[RowError]:
        """Every row error."""
        return list(self.each_row_error(job_id))

    def result_file(
        self, job_id: str, outcome: str, *, file_format: str = "csv", timeout_seconds: float = 600
    ) -> AbstractContextManager[ResultFile]:
        """An outcome's file as it comes, after waiting while it is put together. Raises `WaitedTooLongError`."""
        return receive(
            self._sender,
            self._storage,
            ResultRequest(job_id=job_id, outcome=outcome, file_format=file_format),
            pause=self._retries.pause,
            timeout_seconds=timeout_seconds,
        )

    def download(self, job_id: str, outcome: str, *, file_format: str = "csv", timeout_seconds: float = 60) -> bytes:
        """An outcome's file in memory. Raises `WaitedTooLongError`."""
        with self.result_file(job_id, outcome, file_format=file_format, timeout_seconds=timeout_seconds) as file:
            return b"".join(file.parts)

    def results_frame(self, job_id: str, *, timeout_seconds: float = 600) -> "pd.DataFrame":
        """Returns the scored rows of an ended job as a table, in the order of the file.

        `row` is an integer and `default_probability` a float; `top_factors`, `missing_ratios` and `out_of_range` are
        lists. The columns of the uploaded file are text, as they were written. A job that only validated rows has no
        score. Raises `MissingPandasError` and `WaitedTooLongError`.
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

    # What there is to know before

    def template(self, job_type: str) -> str:
        """A CSV file to start from."""
        return self._sender.send("GET", f"{job_type}/template").text

    def schema(self, job_type: str) -> SchemaResponse:
        """The columns of a job type's files."""
        columns: SchemaResponse = self._get(f"{job_type}/schema")
        return columns

    def models(self) -> ModelsResponse:
        """The model of each job type and profile."""
        models: ModelsResponse = self._get("models")
        return models

    def _get(self, path: str, **query: Any) -> Any:
        return self._sender.send("GET", path, params=query).json()


def _as_query(options: UploadRequestOptions) -> dict[str, Any]:
    """Returns the options as query parameters, labels as JSON."""
    return {name: json.dumps(value) if name == "labels" else value for name, value in options.items()}


def root_url(api_url: str) -> str:
    """An API's address without the path that all of its routes share."""
    return api_url.rstrip("/").removesuffix(API_PATH)
