"""The users of the local cloud: one for each case of the access rules."""

import secrets
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import boto3

from infra.local.deployment import Deployed
from infra.project import ORGANIZATION_ATTRIBUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalUser:
    """A user to create. The role is a group of the user pool."""

    name: str
    organization_id: str | None
    role: str | None


USERS = (
    LocalUser(name="acme_member", organization_id="acme", role="org_member"),
    LocalUser(name="acme_colleague", organization_id="acme", role="org_member"),
    LocalUser(name="globex_member", organization_id="globex", role="org_member"),
    LocalUser(name="solo_user", organization_id=None, role="user"),
    LocalUser(name="super_admin", organization_id=None, role="super_admin"),
    LocalUser(name="no_role", organization_id=None, role=None),
)


def sign_in_all(session: boto3.Session, *, endpoint_url: str, deployed: Deployed) -> dict[str, dict[str, Any]]:
    """Creates the users and signs each in. Returns password, access token, organization and role by user name."""
    with closing(session.client("cognito-idp", endpoint_url=endpoint_url)) as cognito:
        return {user.name: _sign_in(cognito, user, deployed) for user in USERS}


def _sign_in(cognito: Any, user: LocalUser, deployed: Deployed) -> dict[str, Any]:
    password = f"{secrets.token_urlsafe(16)}aA1!"
    organization = (
        [{"Name": f"custom:{ORGANIZATION_ATTRIBUTE}", "Value": user.organization_id}] if user.organization_id else []
    )
    cognito.admin_create_user(
        UserPoolId=deployed.user_pool_id,
        Username=user.name,
        UserAttributes=organization,
        MessageAction="SUPPRESS",
    )
    cognito.admin_set_user_password(
        UserPoolId=deployed.user_pool_id, Username=user.name, Password=password, Permanent=True
    )
    if user.role:
        cognito.admin_add_user_to_group(UserPoolId=deployed.user_pool_id, Username=user.name, GroupName=user.role)
    response = cognito.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=deployed.user_pool_client_id,
        AuthParameters={"USERNAME": user.name, "PASSWORD": password},
    )
    return {
        "password": password,
        "token": response["AuthenticationResult"]["AccessToken"],
        "organization_id": user.organization_id,
        "role": user.role,
    }
