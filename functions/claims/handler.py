"""Cognito trigger before a token is made: adds organization and role to access tokens.

Of a user, the organization is an attribute that only administrators can write, and the role the highest of the groups.
Of a program, the scope of its client has both.
The function has no dependencies, so it reads its environment itself.
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
"""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

# Highest first. Groups of other names are no roles.
_ROLES = ("super_admin", "org_admin", "org_member", "user")
# A token for a client id and a secret, without a user.
_OF_PROGRAMS = "TokenGeneration_ClientCredentials"
_SCOPES = "organizations/"

# Organization and role, each if there is one.
Claims = tuple[str | None, str | None]


class ClaimsSettings(NamedTuple):
    """Environment of the claims function: which user attribute has the organization."""

    organization_attribute: str

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> "ClaimsSettings":
        """Returns the settings in `env`. Raises KeyError for a missing variable."""
        return cls(organization_attribute=env["ORGANIZATION_ATTRIBUTE"])


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Adds the claims to the access token."""
    is_program = event["triggerSource"] == _OF_PROGRAMS
    organization_id, role = (_of_program if is_program else _of_user)(event["request"])
    claims = {"organization_id": organization_id, "role": role}
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "accessTokenGeneration": {"claimsToAddOrOverride": {name: value for name, value in claims.items() if value}}
    }
    return event


def _of_user(request: Mapping[str, Any]) -> Claims:
    groups = request.get("groupConfiguration", {}).get("groupsToOverride") or []
    attribute = ClaimsSettings.from_environment().organization_attribute
    role = next((role for role in _ROLES if role in groups), None)
    return request.get("userAttributes", {}).get(attribute), role


def _of_program(request: Mapping[str, Any]) -> Claims:
    """Reads the only scope that the client of a program may have, such as `organizations/acme:org_member`."""
    scopes = [scope.removeprefix(_SCOPES) for scope in request.get("scopes") or [] if scope.startswith(_SCOPES)]
    if len(scopes) != 1:
        return None, None
    organization_id, _, role = scopes[0].partition(":")
    return (organization_id, role) if role in _ROLES else (None, None)
