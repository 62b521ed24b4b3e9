"""Polling: the status of jobs until they end, and a result file until it is assembled.

A single job is polled with a request that the service holds until the job changes, several jobs in turn.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

import httpx

from default_risk_jobs.errors import NoResponseError, WaitTimeoutError, api_error
from default_risk_jobs.transport import Pause, Sender, retry_after
from default_risk_jobs.types import JobSummary, StatusName

TERMINAL: frozenset[StatusName] = frozenset({"completed", "failed"})
"""The statuses of jobs that ended."""

# The longest that the service allows.
_HOLD_SECONDS = 20.0
# Progress bars of several jobs should move, however much time is left.
_LONGEST_PAUSE_SECONDS = 2.0
_ASSEMBLING_SECONDS = 3.0


@dataclass(slots=True)
class _Followed:
    job_id: str
    etag: str | None = None
    pause_seconds: float = field(default=_LONGEST_PAUSE_SECONDS)


def follow(
    sender: Sender,
    job_ids: Sequence[str],
    *,
    pause: Pause,
    every_seconds: float | None,
    timeout_seconds: float | None,
) -> Iterator[JobSummary]:
    """Yields statuses as they change; see `JobsClient.watch`."""
    deadline = time.monotonic() + timeout_seconds if timeout_seconds is not None else None
    live = [_Followed(job_id) for job_id in dict.fromkeys(job_ids)]
    while live:
        held = every_seconds is None and len(live) == 1 and live[0].etag is not None
        for job in list(live):
            sent_at = time.monotonic()
            response = _poll(sender, job, hold_seconds=_HOLD_SECONDS if held else 0)
            if response.status_code == httpx.codes.NOT_MODIFIED:
                if held and time.monotonic() - sent_at < job.pause_seconds:
                    # A proxy between client and service responded before the service did.
                    pause(job.pause_seconds)
                continue
            status: JobSummary = response.json()["job"]
            if status["status"] in TERMINAL:
                live.remove(job)
            yield status
        if not live:
            return
        if deadline is not None and time.monotonic() >= deadline:
            raise WaitTimeoutError(f"Job {live[0].job_id} did not end in {timeout_seconds:.0f} s.")
        if not held:
            pause(every_seconds if every_seconds is not None else min(job.pause_seconds for job in live))


def _poll(sender: Sender, job: _Followed, *, hold_seconds: float) -> httpx.Response:
    response = sender.send(
        "GET",
        f"jobs/{job.job_id}/status",
        params={"wait": hold_seconds} if hold_seconds else {},
        headers={"If-None-Match": job.etag} if job.etag else {},
    )
    job.etag = response.headers.get("etag")
    job.pause_seconds = min(_LONGEST_PAUSE_SECONDS, retry_after(response) or _LONGEST_PAUSE_SECONDS)
    return response


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRequest:
    """The job, the outcome of its rows and the file format."""

    job_id: str
    outcome: str
    file_format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """A result file that is being received; reading `parts` raises `NoResponseError` when the connection breaks."""

    filename: str
    size: int | None
    parts: Iterator[bytes]


@contextmanager
def receive(
    sender: Sender, storage: httpx.Client, request: ResultRequest, *, pause: Pause, timeout_seconds: float
) -> Iterator[ResultFile]:
    """Yields the file while it is received; see `JobsClient.result_file`."""
    link = _link(sender, request, pause=pause, timeout_seconds=timeout_seconds)
    try:
        with storage.stream("GET", link) as response:
            if response.is_error:
                response.read()
                raise api_error(response)
            length = response.headers.get("content-length")
            yield ResultFile(
                filename=_filename(response) or f"{request.job_id}_{request.outcome}.{request.file_format}",
                size=int(length) if length else None,
                parts=response.iter_bytes(),
            )
    except httpx.TransportError as error:
        raise NoResponseError(f"The {request.outcome} rows of job {request.job_id} broke off on their way.") from error


def _link(sender: Sender, request: ResultRequest, *, pause: Pause, timeout_seconds: float) -> str:
    deadline = time.monotonic() + timeout_seconds
    query = {"outcome": request.outcome, "format": request.file_format}
    while True:
        response = sender.send("GET", f"jobs/{request.job_id}/download", params=query)
        if response.is_redirect:
            return response.headers["location"]
        if time.monotonic() >= deadline:
            raise WaitTimeoutError(
                f"The {request.outcome} rows of job {request.job_id} were not ready in {timeout_seconds:.0f} s."
            )
        pause(retry_after(response) or _ASSEMBLING_SECONDS)


def _filename(response: httpx.Response) -> str | None:
    """Returns the file name in the response of S3, without any path."""
    message = Message()
    message["Content-Disposition"] = response.headers.get("content-disposition", "")
    name = message.get_filename()
    if name is None:
        return None
    plain = "".join(character for character in name if character.isprintable())
    return Path(plain.replace("\\", "/")).name or None
