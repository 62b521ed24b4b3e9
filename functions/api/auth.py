"""Authentication: verifies access tokens with the issuer's public keys (JWKS) and returns the caller.

API Gateway has verified the token already; this is defense in depth. The checks follow RFC 8725, and access tokens
of Cognito are accepted as well as those of other issuers.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import jwt
from jwt import PyJWK, PyJWKClient, PyJWTError

from functions.api.problems import ForbiddenError, UnauthenticatedError
from shared.jobs.access import Caller, Role
from shared.jobs.errors import UnavailableError

logger = logging.getLogger(__name__)

FETCH_TIMEOUT_SECONDS = 3.0
# An unknown key id costs a fetch at most this often: an attacker makes many up, an issuer adds one a year.
REFETCH_SECONDS = 300.0
# After this a key that the issuer withdrew is no longer trusted, as long as the issuer can be reached.
LIFETIME_SECONDS = 3600.0
# A fetch that failed is tried again after this.
RETRY_SECONDS = 5.0

# Not a setting: no environment can allow another algorithm.
ALGORITHMS = ("RS256",)
MAX_TOKEN_BYTES = 8 * 1024
MAX_SUBJECT_LENGTH = 128
MAX_KEY_ID_LENGTH = 256
# Year 9999: what lies beyond is no date, and floats of that size lose whole seconds.
_LATEST = 253_402_300_799

_BEARER = re.compile(r"bearer +([A-Za-z0-9_.=-]+)", re.IGNORECASE)
_ORGANIZATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ROLES = {role.name.lower(): role for role in Role}

Claims = Mapping[str, Any]
KeySet = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimNames:
    """Under which names the token says what."""

    organization: str = "organization_id"
    role: str = "role"
    groups: str = "cognito:groups"
    username: str = "username"


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


class TokenVerifier:
    """Turns an Authorization header into a caller."""

    def __init__(self, *, issuer: str, audiences: frozenset[str], names: ClaimNames, keys: SigningKeys) -> None:
        self._issuer = issuer
        self._audiences = audiences
        self._names = names
        self._keys = keys

    def caller(self, authorization: str | None) -> Caller:
        """The caller of a request with this Authorization header.

        Raises `UnauthenticatedError`, `ForbiddenError`, and `UnavailableError` when the issuer's keys cannot be had.
        """
        if not authorization:
            raise UnauthenticatedError(token_given=False)
        if len(authorization) > MAX_TOKEN_BYTES:
            raise UnauthenticatedError(token_given=True)
        match = _BEARER.fullmatch(authorization.strip())
        if match is None:
            raise UnauthenticatedError(token_given=True)
        return self._caller(self._claims(match[1]))

    def _claims(self, token: str) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
            # Before any key is looked for, so that `none` and HS256 cost no fetch.
            key_id = header.get("kid")
            if header.get("alg") not in ALGORITHMS or not _is_text(key_id, MAX_KEY_ID_LENGTH):
                raise UnauthenticatedError(token_given=True)
            key = self._keys.find(key_id)
            if key is None:
                raise UnauthenticatedError(token_given=True)
            claims: Claims = jwt.decode(
                token,
                key.key,
                algorithms=list(ALGORITHMS),
                issuer=self._issuer,
                # The audience is checked below: Cognito's access tokens have it in `client_id`.
                options={"require": ["exp", "iss", "sub"], "verify_aud": False, "verify_iat": False},
            )
        except (PyJWTError, ValueError, OverflowError, TypeError, RecursionError) as error:
            raise UnauthenticatedError(token_given=True) from error
        if not (
            self._is_access_token(claims) and _is_date(claims["exp"]) and _is_text(claims["sub"], MAX_SUBJECT_LENGTH)
        ):
            raise UnauthenticatedError(token_given=True)
        return claims

    def _is_access_token(self, claims: Claims) -> bool:
        """Whether the token is one for access, and for this service."""
        is_declared = claims.get("token_use") == "access"
        if "token_use" in claims and not is_declared:
            return False
        stand_in = claims.get("client_id") if is_declared else None
        named = claims.get("aud", stand_in)
        audiences = named if isinstance(named, list) else [named]
        return any(isinstance(audience, str) and audience in self._audiences for audience in audiences)

    def _caller(self, claims: Claims) -> Caller:
        role = self._role(claims)
        if role is None:
            raise ForbiddenError("Your account has no role that may use this service. Ask an administrator for one.")
        organization_id = claims.get(self._names.organization)
        # A claim that cannot be read is never taken for "no organization".
        if organization_id is not None and not _is_organization(organization_id):
            raise ForbiddenError("The organization in your access token cannot be read. Ask an administrator.")
        username = claims.get(self._names.username)
        return Caller(
            user_id=claims["sub"],
            username=username if _is_text(username, MAX_SUBJECT_LENGTH) else claims["sub"],
            organization_id=organization_id,
            role=role,
        )

    def _role(self, claims: Claims) -> Role | None:
        named = [*_names(claims.get(self._names.role)), *_names(claims.get(self._names.groups))]
        return max((_ROLES[name] for name in named if name in _ROLES), default=None)


def _names(claim: object) -> list[str]:
    """The names in a claim: a list, one name, or (as API Gateway writes a list) `[a b]`."""
    if isinstance(claim, list):
        return [name for name in claim if isinstance(name, str)]
    if isinstance(claim, str):
        return re.split(r"[\s,]+", claim.removeprefix("[").removesuffix("]"))
    return []


def _is_text(value: object, max_length: int) -> TypeGuard[str]:
    """Whether the value is a string that can be stored and shown."""
    return isinstance(value, str) and 0 < len(value) <= max_length and value.isprintable()


def _is_date(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LATEST


def _is_organization(value: object) -> bool:
    return isinstance(value, str) and _ORGANIZATION.fullmatch(value) is not None
