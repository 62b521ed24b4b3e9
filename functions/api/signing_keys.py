"""The public keys of the token issuer, fetched seldom whatever tokens come in."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from jwt import PyJWK, PyJWKClient, PyJWTError

from shared.jobs.errors import UnavailableError

logger = logging.getLogger(__name__)

FETCH_TIMEOUT_SECONDS = 3.0
# An unknown key id costs a fetch at most this often: an attacker makes many up, an issuer adds one a year.
REFETCH_SECONDS = 300.0
# After this a key that the issuer withdrew is no longer trusted, as long as the issuer can be reached.
LIFETIME_SECONDS = 3600.0
# A fetch that failed is tried again after this.
RETRY_SECONDS = 5.0

KeySet = Mapping[str, Any]


class SigningKeys:
    """RSA keys by key id. `fetch` returns the issuer's JWK set as parsed JSON; `monotonic` counts seconds."""

    def __init__(self, *, fetch: Callable[[], KeySet], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at: float | None = None
        self._failed_at: float | None = None

    def find(self, key_id: str) -> PyJWK | None:
        """The key of that id; None when the issuer has no such key.

        Raises `UnavailableError` when the key is unknown and the issuer did not answer.
        """
        if self._is_due(known=key_id in self._keys):
            self._refresh()
        key = self._keys.get(key_id)
        if key is None and self._failed_at is not None:
            raise UnavailableError
        return key

    def _is_due(self, *, known: bool) -> bool:
        now = self._monotonic()
        if self._failed_at is not None:
            return now - self._failed_at >= RETRY_SECONDS
        if self._fetched_at is None:
            return True
        return now - self._fetched_at >= (LIFETIME_SECONDS if known else REFETCH_SECONDS)

    def _refresh(self) -> None:
        try:
            keys = _usable(self._fetch())
        except (PyJWTError, OSError, ValueError) as error:
            logger.warning("The token issuer's keys could not be fetched", extra={"cause": type(error).__name__})
            keys = {}
        if keys:
            # Keys that were fetched before stay when a fetch fails: an outage of the issuer is not one of ours.
            self._keys, self._fetched_at, self._failed_at = keys, self._monotonic(), None
        else:
            self._failed_at = self._monotonic()


def jwks_fetcher(url: str) -> Callable[[], KeySet]:
    """A function that fetches the JWK set at `url`, following no redirect."""
    client = PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_SECONDS)
    return client.fetch_data


def _usable(key_set: KeySet) -> dict[str, PyJWK]:
    """The RSA signing keys of a JWK set; others (and broken ones) are passed over."""
    entries = key_set.get("keys")
    keys: dict[str, PyJWK] = {}
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("kty") != "RSA":
            continue
        if entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256":
            continue
        try:
            keys[entry["kid"]] = PyJWK(entry, algorithm="RS256")
        except PyJWTError as error:
            logger.warning("A key of the token issuer cannot be read", extra={"cause": type(error).__name__})
    return keys
