"""Who is calling: the access token verified here again, whatever stands in front of the function.

The checks are those of RFC 8725; claims of Cognito's access tokens are understood beside those of other issuers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import jwt
from jwt import PyJWTError

from functions.api.errors import ForbiddenError, UnauthenticatedError
from functions.api.signing_keys import SigningKeys
from shared.jobs.access import Caller, Role

# In code and not in settings: what an environment can widen, a mistake will widen.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimNames:
    """Under which names the token says what."""

    organization: str = "organization_id"
    role: str = "role"
    groups: str = "cognito:groups"
    username: str = "username"


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
