"""Organization and role in access tokens of users and of programs."""

from typing import Any

import pytest

from functions.claims.handler import handler

USER = {
    "userAttributes": {"custom:organization_id": "acme"},
    "groupConfiguration": {"groupsToOverride": ["user", "org_admin", "readers"]},
    "scopes": ["organizations/globex:super_admin"],
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORGANIZATION_ATTRIBUTE", "custom:organization_id")


def claims(source: str, request: dict[str, Any]) -> dict[str, str]:
    """Returns the claims that the trigger adds to the access token."""
    event = {"triggerSource": f"TokenGeneration_{source}", "request": request, "response": {}}
    added: dict[str, str] = handler(event, None)["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"][
        "claimsToAddOrOverride"
    ]
    return added


def test_user_has_own_organization_and_highest_role_whatever_the_scopes() -> None:
    assert claims("HostedAuth", USER) == {"organization_id": "acme", "role": "org_admin"}
    assert claims("RefreshTokens", {"userAttributes": {}, "groupConfiguration": {}}) == {}


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (["organizations/acme:org_member"], {"organization_id": "acme", "role": "org_member"}),
        (["other/scope", "organizations/acme:user"], {"organization_id": "acme", "role": "user"}),
        (["organizations/acme:owner"], {}),
        (["organizations/acme:user", "organizations/globex:user"], {}),
        (["acme:user"], {}),
        ([], {}),
        (None, {}),
    ],
)
def test_program_has_the_organization_and_role_of_its_only_scope(
    scopes: list[str] | None, expected: dict[str, str]
) -> None:
    request = {**USER, "userAttributes": {}, "scopes": scopes}
    assert claims("ClientCredentials", request) == expected
