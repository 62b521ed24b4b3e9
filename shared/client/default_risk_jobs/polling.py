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

from default_risk_jobs.errors import NoAnswerError, WaitedTooLongError, api_error
from default_risk_jobs.transport import Pause, Sender, retry_after
from default_risk_jobs.types import JobSummary, StatusName

TERMINAL: frozenset[StatusName] = frozenset({"completed", "failed"})
"""The statuses of jobs that have ended."""

# The most the service allows.
_HOLD_SECONDS = 20.0
# Bars of several jobs should move, however much is left.
_LONGEST_PAUSE_SECONDS = 2.0
_ASSEMBLING_SECONDS = 3.0


@dataclass(slots=True)
class _Followed:
    job_id: str
    etag: str | None = None
    asked_again_seconds: float = field(default=_LONGEST_PAUSE_SECONDS)


def follow(
    sender: Sender,
    job_ids: Sequence[str],
    *,
    pause: Pause,
    every_seconds: float | None,
    timeout_seconds: float | None,
) -> Iterator[JobSummary]:
    """The statuses as they change; see `JobsClient.watch`."""
    deadline = time.monotonic() + timeout_seconds if timeout_seconds is not None else None
    live = [_Followed(job_id) for job_id in dict.fromkeys(job_ids)]
    while live:
        held = every_seconds is None and len(live) == 1 and live[0].etag is not None
        for job in list(live):
            asked_at = time.monotonic()
            answer = _poll(sender, job, hold_seconds=_HOLD_SECONDS if held else 0)
            if answer.status_code == httpx.codes.NOT_MODIFIED:
                if held and time.monotonic() - asked_at < job.asked_again_seconds:
                    # Something between us and the service does not hold answers.
                    pause(job.asked_again_seconds)
                continue
            status: JobSummary = answer.json()["job"]
            if status["status"] in TERMINAL:
                live.remove(job)
            yield status
        if not live:
            return
        if deadline is not None and time.monotonic() >= deadline:
            raise WaitedTooLongError(f"Job {live[0].job_id} did not end in {timeout_seconds:.0f} s.")
        if not held:
            pause(every_seconds if every_seconds is not None else min(job.asked_again_seconds for job in live))


def _poll(sender: Sender, job: _Followed, *, hold_seconds: float) -> httpx.Response:
    answer = sender.send(
        "GET",
        f"jobs/{job.job_id}/status",
        params={"wait": hold_seconds} if hold_seconds else {},
        headers={"If-None-Match": job.etag} if job.etag else {},
    )
    job.etag = answer.headers.get("etag")
    job.asked_again_seconds = min(_LONGEST_PAUSE_SECONDS, retry_after(answer) or _LONGEST_PAUSE_SECONDS)
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRequest:
    """Which rows of which job, and in what form."""

    job_id: str
    outcome: str
    file_format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """A result file that is being received; reading its `parts` raises `NoAnswerError` when it breaks off."""

    filename: str
    size: int | None
    parts: Iterator[bytes]


@contextmanager
def receive(
    sender: Sender, storage: httpx.Client, wanted: ResultRequest, *, pause: Pause, timeout_seconds: float
) -> Iterator[ResultFile]:
    """The file as it comes; see `JobsClient.result_file`."""
    link = _link(sender, wanted, pause=pause, timeout_seconds=timeout_seconds)
    try:
        with storage.stream("GET", link) as answer:
            if answer.is_error:
                answer.read()
                raise api_error(answer)
            length = answer.headers.get("content-length")
            yield ResultFile(
                filename=_filename(answer) or f"{wanted.job_id}_{wanted.outcome}.{wanted.file_format}",
                size=int(length) if length else None,
                parts=answer.iter_bytes(),
            )
    except httpx.TransportError as error:
        raise NoAnswerError(f"The {wanted.outcome} rows of job {wanted.job_id} broke off on their way.") from error


def _link(sender: Sender, wanted: ResultRequest, *, pause: Pause, timeout_seconds: float) -> str:
    deadline = time.monotonic() + timeout_seconds
    query = {"outcome": wanted.outcome, "format": wanted.file_format}
    while True:
        answer = sender.send("GET", f"jobs/{wanted.job_id}/download", params=query)
        if answer.is_redirect:
            return answer.headers["location"]
        if time.monotonic() >= deadline:
            raise WaitedTooLongError(
                f"The {wanted.outcome} rows of job {wanted.job_id} were not ready in {timeout_seconds:.0f} s."
            )
        pause(retry_after(answer) or _ASSEMBLING_SECONDS)


def _filename(answer: httpx.Response) -> str | None:
    """The name that storage gives the file, and nothing that leads out of a folder."""
    message = Message()
    message["Content-Disposition"] = answer.headers.get("content-disposition", "")
    name = message.get_filename()
    if name is None:
        return None
    plain = "".join(character for character in name if character.isprintable())
    return Path(plain.replace("\\", "/")).name or None
