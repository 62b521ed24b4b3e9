"""Signing in to a Cognito user pool, and the claims of a token."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from default_risk_jobs.errors import ApiError, SignInError
from default_risk_jobs.sign_in import cognito_endpoint, expiry, sign_in, username
from default_risk_jobs.transport import Retries

Handler = Callable[[httpx.Request], httpx.Response]


def attempt(handler: Handler) -> str:
    return sign_in(
        username="jane",
        password="correct horse",
        client_id="client-1",
        endpoint=cognito_endpoint("eu-central-1"),
        transport=httpx.MockTransport(handler),
        retries=Retries(pause=lambda _seconds: None),
    )


def refusal(kind: str) -> Handler:
    return lambda _request: httpx.Response(400, json={"__type": kind, "message": "Incorrect username or password."})


def test_name_and_a_password_are_exchanged_for_an_access_token() -> None:
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"AuthenticationResult": {"AccessToken": "a.b.c", "RefreshToken": "r"}})

    assert attempt(respond) == "a.b.c"
    (request,) = requests
    assert request.url == "https://cognito-idp.eu-central-1.amazonaws.com/"
    assert request.headers["X-Amz-Target"] == "AWSCognitoIdentityProviderService.InitiateAuth"
    assert json.loads(request.content) == {
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": "client-1",
        "AuthParameters": {"USERNAME": "jane", "PASSWORD": "correct horse"},
    }


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("NotAuthorizedException", "Wrong user name or password"),
        ("com.amazonaws.cognito#UserNotFoundException", "Wrong user name or password"),
        ("ResourceNotFoundException", "no client with this id"),
        ("PasswordResetRequiredException", "must reset the password"),
    ],
)
def test_refused_sign_in_says_what_is_wrong(kind: str, sentence: str) -> None:
    with pytest.raises(SignInError, match=sentence) as refused:
        attempt(refusal(kind))
    assert "correct horse" not in str(refused.value)


def test_password_that_has_to_be_changed_is_explained() -> None:
    with pytest.raises(SignInError, match="set a new password first"):
        attempt(lambda _request: httpx.Response(200, json={"ChallengeName": "NEW_PASSWORD_REQUIRED"}))
    with pytest.raises(SignInError, match="SMS_MFA, which this client does not support"):
        attempt(lambda _request: httpx.Response(200, json={"ChallengeName": "SMS_MFA"}))


def test_unexpected_refusal_and_outage_raise_errors() -> None:
    with pytest.raises(ApiError, match="status 400"):
        attempt(refusal("InvalidParameterException"))
    with pytest.raises(ApiError, match="unavailable"):
        attempt(lambda _request: httpx.Response(503))


def test_token_has_an_expiry_and_a_username() -> None:
    token = jwt.encode({"exp": 1_800_000_000, "username": "jane", "sub": "u-1"}, "k" * 32)
    assert expiry(token) == datetime.fromtimestamp(1_800_000_000, UTC)
    assert username(token) == "jane"
    assert username(jwt.encode({"sub": "u-1"}, "k" * 32)) == "u-1"


@given(text=st.text() | st.lists(st.text(alphabet="AQ=_-x"), min_size=3, max_size=3).map(".".join))
def test_text_that_is_no_token_has_no_expiry_and_no_username(text: str) -> None:
    assert expiry(text) is None
    assert username(text) is None


@given(seconds=st.integers() | st.floats(allow_nan=False) | st.booleans() | st.text())
def test_expiry_of_any_value_is_a_time_in_utc_or_none(seconds: object) -> None:
    moment = expiry(jwt.encode({"exp": seconds, "aud": "x"}, "k" * 32))
    assert moment is None or moment.tzinfo is UTC
