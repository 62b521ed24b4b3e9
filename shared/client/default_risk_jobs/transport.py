"""Sending requests: bounded retries with jitter and `Retry-After`, and one `Idempotency-Key` for all attempts."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from default_risk_jobs.errors import UNAVAILABLE_STATUSES, ApiError, NoResponseError, api_error

IDEMPOTENCY_KEY = "Idempotency-Key"

Pause = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """The number of attempts and the pauses between them: exponential backoff, less up to half of it by chance."""

    attempts: int = 5
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 20.0
    pause: Pause = time.sleep

    def wait(self, attempt: int, retry_after_seconds: float | None) -> None:
        """Pauses after a failed attempt, the first being 0, at least for `Retry-After` unless that is too long."""
        backoff = min(self.longest_pause_seconds, self.first_pause_seconds * 2.0**attempt)
        jittered = backoff * random.uniform(0.5, 1)  # noqa: S311 - no secret
        self.pause(
            jittered
            if retry_after_seconds is None
            else min(self.longest_pause_seconds, retry_after_seconds) + jittered / 4
        )


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
        """Returns the response: a success, a redirect or 304. Raises `ApiError` and `NoResponseError`.

        All attempts of a POST have the same idempotency key, so it takes effect once.
        """
        sent = {**({IDEMPOTENCY_KEY: str(uuid4())} if method == "POST" else {}), **(headers or {})}
        for attempt in range(self._retries.attempts):
            is_last = attempt == self._retries.attempts - 1
            try:
                response = self._http.request(method, url, headers=sent, **content)
            except httpx.TransportError as error:
                if is_last:
                    host = httpx.URL(error.request.url).host
                    raise NoResponseError(f"No response from {host}: {_reason(error)}.") from error
                self._retries.wait(attempt, None)
                continue
            if not response.is_error:
                return response
            if is_last or not _is_worth_a_retry(response):
                raise self._error_of(response)
            self._retries.wait(attempt, retry_after(response))
        raise AssertionError("an attempt returns or raises")  # pragma: no cover


def retry_after(response: httpx.Response) -> float | None:
    """Returns the seconds of the header `Retry-After`, or None where there are none."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _is_worth_a_retry(response: httpx.Response) -> bool:
    if response.status_code == 409:
        return api_error(response).code == "idempotency_in_flight"
    return response.status_code in UNAVAILABLE_STATUSES


def _reason(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    return str(error) or type(error).__name__
