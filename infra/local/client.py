"""A small client of the API, for the demo and the end-to-end tests."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import httpx

from infra.local.cloud import LocalCloud

JsonObject = dict[str, Any]

_TERMINAL = frozenset({"completed", "failed"})


class JobsClient:
    """The API as one of the local users."""

    def __init__(self, cloud: LocalCloud, *, user: str) -> None:
        self._cloud = cloud
        self.http = httpx.Client(
            base_url=f"{cloud.api_url}/api/v1/predictions/",
            headers={"Authorization": f"Bearer {cloud.users[user]['token']}"},
            timeout=60,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def upload(self, job_type: str, filename: str, body: bytes, **options: Any) -> JsonObject:
        """Upload a small file through the API."""
        return self._json(
            self.http.post(f"{job_type}/bulk-upload-async", files={"file": (filename, body)}, params=options)
        )

    def upload_presigned(self, job_type: str, filename: str, body: bytes, **options: Any) -> JsonObject:
        """Make a job, and send its file straight to S3."""
        answer = self._json(
            self.http.post(
                f"{job_type}/bulk-upload-async",
                json={"filename": filename, "file_size": len(body), **options},
            )
        )
        form = answer["upload"]
        sent = httpx.post(form["url"], data=form["fields"], files={"file": (filename, body)}, timeout=120)
        sent.raise_for_status()
        return answer

    def drop(self, key: str, body: bytes) -> None:
        """Put a file into the drop folder, as an uploader with rights on the bucket does."""
        with closing(self._cloud.session().client("s3", endpoint_url=self._cloud.endpoint_url)) as s3:
            s3.put_object(Bucket=self._cloud.uploads_bucket, Key=key, Body=body)

    def jobs(self, **filters: Any) -> JsonObject:
        """A page of the list."""
        return self._json(self.http.get("jobs", params=filters))

    def status(self, job_id: str) -> JsonObject:
        """The quick status."""
        job: JsonObject = self._json(self.http.get(f"jobs/{job_id}/status"))["job"]
        return job

    def details(self, job_id: str, *, include_errors: bool = False) -> JsonObject:
        """The details, with the first row errors if asked for."""
        job: JsonObject = self._json(
            self.http.get(f"jobs/{job_id}", params={"include_errors": str(include_errors).lower()})
        )["job"]
        return job

    def cancel(self, job_id: str) -> JsonObject:
        """Cancel a live job."""
        return self._json(self.http.post(f"jobs/{job_id}/cancel"))

    def delete(self, job_id: str) -> JsonObject:
        """Delete a job that is not processing."""
        return self._json(self.http.delete(f"jobs/{job_id}"))

    def row_errors(self, job_id: str) -> list[JsonObject]:
        """Every row error, page after page."""
        errors: list[JsonObject] = []
        cursor: str | None = None
        while True:
            page = self._json(
                self.http.get(f"jobs/{job_id}/errors", params={"limit": 500, **({"cursor": cursor} if cursor else {})})
            )
            errors += page["errors"]
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                return errors

    def download(self, job_id: str, outcome: str, *, timeout_seconds: float = 60) -> bytes:
        """An outcome's file, waiting while it is put together."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            answer = self.http.get(f"jobs/{job_id}/download", params={"outcome": outcome})
            if answer.status_code == httpx.codes.ACCEPTED and time.monotonic() < deadline:
                time.sleep(0.3)
                continue
            if answer.status_code != httpx.codes.SEE_OTHER:
                answer.raise_for_status()
                raise TimeoutError(f"the {outcome} file of job {job_id} was not ready in {timeout_seconds:.0f} s")
            file = httpx.get(answer.headers["location"], timeout=120)
            file.raise_for_status()
            return file.content

    def watch(self, job_id: str, *, every_seconds: float = 0.25, timeout_seconds: float = 300) -> Iterator[JsonObject]:
        """The status again and again, the last one terminal."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            job = self.status(job_id)
            yield job
            if job["status"] in _TERMINAL:
                return
            time.sleep(every_seconds)
        raise TimeoutError(f"job {job_id} did not end in {timeout_seconds:.0f} s")

    def wait(self, job_id: str, *, timeout_seconds: float = 300) -> JsonObject:
        """The status once the job has ended."""
        *_, last = self.watch(job_id, timeout_seconds=timeout_seconds)
        return last

    def find(self, filename: str, *, timeout_seconds: float = 60) -> JsonObject:
        """The newest job of a dropped file, waiting for it to appear."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            for job in self.jobs(limit=100)["jobs"]:
                if job["original_filename"] == Path(filename).name:
                    found: JsonObject = job
                    return found
            time.sleep(0.3)
        raise TimeoutError(f"no job of {filename} appeared in {timeout_seconds:.0f} s")

    def _json(self, answer: httpx.Response) -> JsonObject:
        answer.raise_for_status()
        body: JsonObject = answer.json()
        return body
