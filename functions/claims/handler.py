"""Cognito trigger before a token is made: adds organization and role to access tokens.

The organization is an attribute that only administrators can write; the role is the highest of the user's groups.
The function has no dependencies, so it reads its environment itself.
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
"""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

# Highest first. Groups of other names are no roles.
_ROLES = ("super_admin", "org_admin", "org_member", "user")


class ClaimsSettings(NamedTuple):
    """Environment of the claims function: which user attribute has the organization."""

    organization_attribute: str

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> "ClaimsSettings":
        """Returns the settings in `env`. Raises KeyError for a missing variable."""
        return cls(organization_attribute=env["ORGANIZATION_ATTRIBUTE"])


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Adds the claims to the access token."""
    request = event["request"]
    groups = request.get("groupConfiguration", {}).get("groupsToOverride") or []
    attribute = ClaimsSettings.from_environment().organization_attribute
    organization_id = request.get("userAttributes", {}).get(attribute)
    role = next((role for role in _ROLES if role in groups), None)
    claims = {"organization_id": organization_id, "role": role}
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "accessTokenGeneration": {"claimsToAddOrOverride": {name: value for name, value in claims.items() if value}}
    }
    return event
