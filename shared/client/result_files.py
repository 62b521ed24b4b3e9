"""Receiving result files: the service answers with a link to storage, or asks to come again until there is one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import httpx

from shared.client.errors import NoAnswerError, WaitedTooLongError, api_error
from shared.client.sending import Pause, Sender, retry_after

_ASSEMBLING_SECONDS = 3.0


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
