"""Sign-in: an access token of the deployment's Cognito user pool for a user name and password.

InitiateAuth is one unsigned request, so the AWS SDK is not needed for it.
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
"""

import base64
import binascii
import json
from datetime import UTC, datetime

import httpx

from default_risk_jobs.errors import ApiError, SignInError, api_error, json_object
from default_risk_jobs.transport import Retries, Sender

_CHALLENGES = {
    "NEW_PASSWORD_REQUIRED": "This user must set a new password first: ask your administrator to set a permanent one "
    "(aws cognito-idp admin-set-user-password … --permanent).",
}
_REJECTIONS = {
    "NotAuthorizedException": "Wrong user name or password.",
    "UserNotFoundException": "Wrong user name or password.",
    "ResourceNotFoundException": "The user pool has no client with this id.",
    "PasswordResetRequiredException": "Your administrator must reset the password of this user.",
    "UserNotConfirmedException": "This user is not confirmed yet.",
}


def sign_in(
    *,
    username: str,
    password: str,
    client_id: str,
    endpoint: str,
    transport: httpx.BaseTransport | None = None,
    retries: Retries | None = None,
) -> str:
    """Returns an access token. `endpoint` is the URL of Cognito, as `cognito_endpoint` returns it for a region.

    Raises `SignInError`, `ApiError` and `NoResponseError`.
    """
    request = {
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": client_id,
        "AuthParameters": {"USERNAME": username, "PASSWORD": password},
    }
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
    }
    with httpx.Client(timeout=30, transport=transport) as http:
        response = Sender(http, retries or Retries(), error_of=_sign_in_error).send(
            "POST", endpoint, headers=headers, content=json.dumps(request)
        )
    body = response.json()
    if challenge := body.get("ChallengeName"):
        sentence = _CHALLENGES.get(challenge, f"Sign-in requires {challenge}, which this client does not support.")
        raise SignInError(sentence, status=401, code="challenge")
    token: str = body["AuthenticationResult"]["AccessToken"]
    return token


def cognito_endpoint(region: str) -> str:
    """Returns the URL of Cognito in a region."""
    return f"https://cognito-idp.{region}.amazonaws.com/"


def expiry(token: str) -> datetime | None:
    """Returns when an access token expires, or None if it has no expiry. The token is not verified."""
    claims = _claims(token)
    seconds = claims.get("exp")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def username(token: str) -> str | None:
    """Returns the user name in an access token, or None. The token is not verified."""
    claims = _claims(token)
    name = claims.get("username") or claims.get("sub")
    return str(name) if name else None


def _claims(token: str) -> dict[str, object]:
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def _sign_in_error(response: httpx.Response) -> ApiError:
    error = api_error(response)
    # Cognito rejects everything with 400 and names the reason in the body.
    kind = str(json_object(response).get("__type", "")).rpartition("#")[2]
    return SignInError(_REJECTIONS[kind], status=401, code="sign_in_refused") if kind in _REJECTIONS else error
