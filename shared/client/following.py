"""Following jobs to their end: one is asked with an answer that is held until there is news, several in turn."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx

from shared.api_types import JobSummary, StatusName
from shared.client.errors import WaitedTooLongError
from shared.client.sending import Pause, Sender, retry_after

TERMINAL: frozenset[StatusName] = frozenset({"completed", "failed"})
"""The statuses of jobs that have ended."""

# The most the service allows.
_HOLD_SECONDS = 20.0
# Bars of several jobs should move, however much is left.
_LONGEST_PAUSE_SECONDS = 2.0


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
            answer = _ask(sender, job, hold_seconds=_HOLD_SECONDS if held else 0)
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


def _ask(sender: Sender, job: _Followed, *, hold_seconds: float) -> httpx.Response:
    answer = sender.send(
        "GET",
        f"jobs/{job.job_id}/status",
        params={"wait": hold_seconds} if hold_seconds else {},
        headers={"If-None-Match": job.etag} if job.etag else {},
    )
    job.etag = answer.headers.get("etag")
    job.asked_again_seconds = min(_LONGEST_PAUSE_SECONDS, retry_after(answer) or _LONGEST_PAUSE_SECONDS)
    return answer
