"""Sending requests: bounded, jittered retries that honour `Retry-After`, and one `Idempotency-Key` for all attempts."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from default_risk_jobs.errors import UNAVAILABLE_STATUSES, ApiError, NoAnswerError, api_error

IDEMPOTENCY_KEY = "Idempotency-Key"

Pause = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a request is sent again, and how long is waited before: doubling, less up to half by chance."""

    attempts: int = 5
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 20.0
    pause: Pause = time.sleep

    def wait(self, attempt: int, asked_seconds: float | None) -> None:
        """Pause after a failed attempt, the first being 0; never shorter than asked for, unless that is too long."""
        doubled = min(self.longest_pause_seconds, self.first_pause_seconds * 2.0**attempt)
        chance = doubled * random.uniform(0.5, 1)  # noqa: S311 - spreads callers, hides nothing
        self.pause(chance if asked_seconds is None else min(self.longest_pause_seconds, asked_seconds) + chance / 4)


class Sender:
    """Sends requests of one HTTP client."""

    def __init__(
        self, http: httpx.Client, retries: Retries, *, error_of: Callable[[httpx.Response], ApiError] = api_error
    ) -> None:
        self._http = http
        self._retries = retries
        self._error_of = error_of

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> httpx.Response:
        """The answer, which is a success, a redirect or 304. Raises `ApiError` and `NoAnswerError`.

        A POST carries a key that stays the same however often it is sent, so that it is done once.
        """
        sent = {**({IDEMPOTENCY_KEY: str(uuid4())} if method == "POST" else {}), **(headers or {})}
        for attempt in range(self._retries.attempts):
            is_last = attempt == self._retries.attempts - 1
            try:
                answer = self._http.request(method, url, headers=sent, **content)
            except httpx.TransportError as error:
                if is_last:
                    host = httpx.URL(error.request.url).host
                    raise NoAnswerError(f"No answer from {host}: {_reason(error)}.") from error
                self._retries.wait(attempt, None)
                continue
            if not answer.is_error:
                return answer
            if is_last or not _is_worth_another(answer):
                raise self._error_of(answer)
            self._retries.wait(attempt, retry_after(answer))
        raise AssertionError("an attempt returns or raises")  # pragma: no cover


def retry_after(answer: httpx.Response) -> float | None:
    """The seconds that an answer asks to wait; None where it says nothing that is a number of seconds."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _is_worth_another(answer: httpx.Response) -> bool:
    if answer.status_code == 409:
        return api_error(answer).code == "idempotency_in_flight"
    return answer.status_code in UNAVAILABLE_STATUSES


def _reason(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    return str(error) or type(error).__name__
