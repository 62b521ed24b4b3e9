"""Authentication: verifies access tokens with the issuer's public keys (JWKS) and returns the caller.

API Gateway has verified the token already; this is defense in depth. The checks follow RFC 8725, and access tokens
of Cognito are accepted as well as those of other issuers.
"""

import logging
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import jwt
from jwt import PyJWKClient, PyJWKSet, PyJWTError

from functions.api.problems import ForbiddenError, UnauthenticatedError
from shared.jobs.access import Caller, Role
from shared.jobs.errors import UnavailableError

logger = logging.getLogger(__name__)

# A withdrawn key is trusted for at most this long while the issuer responds.
JWKS_LIFETIME_SECONDS = 3600
# Tokens with an unknown key id cause at most one fetch in this time: attackers invent many, an issuer adds one a year.
JWKS_COOLDOWN_SECONDS = 300
JWKS_TIMEOUT_SECONDS = 3
# Pause after a failed fetch.
JWKS_RETRY_SECONDS = 5

# Not a setting: no environment can allow another algorithm.
ALGORITHMS = ("RS256",)
MAX_TOKEN_BYTES = 8 * 1024
MAX_SUBJECT_LENGTH = 128
MAX_KEY_ID_LENGTH = 256
# Year 9999: later values are no dates, and floats of that size lose whole seconds.
_LATEST = 253_402_300_799

_BEARER = re.compile(r"bearer +([A-Za-z0-9_.=-]+)", re.IGNORECASE)
_ORGANIZATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ROLES = {role.name.lower(): role for role in Role}

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimNames:
    """Names of the claims about a caller."""

    organization: str = "organization_id"
    role: str = "role"
    groups: str = "cognito:groups"
    username: str = "username"


class IssuerKeys(PyJWKClient):
    """The issuer's JWKS, cached. Unlike its base it keeps the last known keys while the issuer does not respond."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            lifespan=JWKS_LIFETIME_SECONDS,
            cooldown_duration=JWKS_COOLDOWN_SECONDS,
            timeout=JWKS_TIMEOUT_SECONDS,
        )
        self._last_known: PyJWKSet | None = None
        self._failed_at = -math.inf

    def get_jwk_set(self, refresh: bool = False) -> PyJWKSet:  # noqa: FBT001, FBT002 - the signature of the base
        """Returns the cached key set, fetched anew when it expired or for `refresh`.

        Raises `UnavailableError` when the fetch fails and there is no key set, or `refresh` requires a newer one.
        """
        if time.monotonic() - self._failed_at >= JWKS_RETRY_SECONDS:
            try:
                self._last_known = super().get_jwk_set(refresh)
            except (PyJWTError, OSError, ValueError, RecursionError) as error:
                self._failed_at = time.monotonic()
                logger.warning("The token issuer's keys could not be fetched", extra={"cause": type(error).__name__})
            else:
                return self._last_known
        if refresh or self._last_known is None:
            raise UnavailableError
        return self._last_known


class TokenVerifier:
    """Verifies access tokens and returns their callers."""

    def __init__(self, *, issuer: str, audiences: frozenset[str], names: ClaimNames, keys: PyJWKClient) -> None:
        self._issuer = issuer
        self._audiences = audiences
        self._names = names
        self._keys = keys

    def caller(self, authorization: str | None) -> Caller:
        """Returns the caller of a request with this Authorization header.

        Raises `UnauthenticatedError`, `ForbiddenError`, and `UnavailableError` without the issuer's keys.
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
            # Before the key lookup, so that `none` and HS256 cause no fetch.
            key_id = header.get("kid")
            if header.get("alg") not in ALGORITHMS or not _is_text(key_id, MAX_KEY_ID_LENGTH):
                raise UnauthenticatedError(token_given=True)
            claims: Claims = jwt.decode(
                token,
                # Not its `key` only: with the whole JWK a token also has to match the algorithm of its key.
                self._keys.get_signing_key(key_id),
                algorithms=list(ALGORITHMS),
                issuer=self._issuer,
                # Checked below: access tokens of Cognito have the audience in `client_id`.
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
        """Returns whether the token is an access token for this service."""
        is_declared = claims.get("token_use") == "access"
        if "token_use" in claims and not is_declared:
            return False
        # Access tokens of Cognito have no `aud`; `client_id` names the client instead.
        client = claims.get("client_id") if is_declared else None
        named = claims.get("aud", client)
        audiences = named if isinstance(named, list) else [named]
        return any(isinstance(audience, str) and audience in self._audiences for audience in audiences)

    def _caller(self, claims: Claims) -> Caller:
        role = self._role(claims)
        if role is None:
            raise ForbiddenError("Your account has no role that may use this service. Ask an administrator for one.")
        organization_id = claims.get(self._names.organization)
        # An unreadable claim never counts as "no organization".
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
    """Returns the names in a claim: a list, one name, or `[a b]`, as API Gateway serializes a list."""
    if isinstance(claim, list):
        return [name for name in claim if isinstance(name, str)]
    if isinstance(claim, str):
        return re.split(r"[\s,]+", claim.removeprefix("[").removesuffix("]"))
    return []


def _is_text(value: object, max_length: int) -> TypeGuard[str]:
    """Returns whether the value is a printable string within the length."""
    return isinstance(value, str) and 0 < len(value) <= max_length and value.isprintable()


def _is_date(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LATEST


def _is_organization(value: object) -> bool:
    return isinstance(value, str) and _ORGANIZATION.fullmatch(value) is not None
