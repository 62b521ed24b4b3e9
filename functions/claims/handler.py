"""Cognito's trigger before it makes a token: the organization and role that access tokens carry.

The organization is an attribute only administrators can write; the role is the highest of the user's groups.
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
"""

import os
from typing import Any

# Highest first. Groups of other names are no roles.
_ROLES = ("super_admin", "org_admin", "org_member", "user")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Add the claims to the access token."""
    request = event["request"]
    groups = request.get("groupConfiguration", {}).get("groupsToOverride") or []
    organization_id = request.get("userAttributes", {}).get(os.environ["ORGANIZATION_ATTRIBUTE"])
    role = next((role for role in _ROLES if role in groups), None)
    claims = {"organization_id": organization_id, "role": role}
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "accessTokenGeneration": {"claimsToAddOrOverride": {name: value for name, value in claims.items() if value}}
    }
    return event
