"""Tokens: which are refused, which caller their claims give, and how often keys are fetched."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from functions.api.auth import ClaimNames, TokenVerifier
from functions.api.problems import ForbiddenError, UnauthenticatedError
from shared.jobs.access import Caller, Role
from tests.unit.api.conftest import (
    AUDIENCE,
    ISSUER,
    KEY_ID,
    Client,
    Issuer,
    KnownKeys,
    Token,
    bearer,
    claims,
    encoded,
    key_set,
    signed,
)


def hmac_signed_with_the_public_key(key: RSAPrivateKey) -> str:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{encoded({'alg': 'HS256', 'kid': KEY_ID})}.{encoded(claims())}"
    return f"{text}.{encoded(hmac.new(public, text.encode(), hashlib.sha256).digest())}"


def without(*names: str) -> dict[str, Any]:
    return claims(**dict.fromkeys(names))


def with_exp(number: bytes) -> bytes:
    """Returns claims whose `exp` is written exactly like this."""
    return json.dumps(without("exp"))[:-1].encode() + b', "exp": ' + number + b"}"


def payload_exchanged(key: RSAPrivateKey) -> str:
    header, _, signature = signed(key, claims()).split(".")
    return f"{header}.{encoded(claims(role='super_admin'))}.{signature}"


NOW = int(time.time())

# Name, function of (key of the issuer, another key) that makes the token, and whether the keys are fetched.
BAD_TOKENS: list[tuple[str, Callable[[RSAPrivateKey, RSAPrivateKey], str], bool]] = [
    ("empty", lambda _own, _other: "", False),
    ("no token at all", lambda _own, _other: "not-a-token", False),
    ("three empty parts", lambda _own, _other: "..", False),
    ("alg none", lambda _own, _other: f"{encoded({'alg': 'none', 'kid': KEY_ID})}.{encoded(claims())}.", False),
    ("alg NONE", lambda _own, _other: f"{encoded({'alg': 'NONE', 'kid': KEY_ID})}.{encoded(claims())}.", False),
    ("alg is a list", lambda own, _other: signed(own, claims(), header={"alg": ["RS256"]}), False),
    ("HS256 with the public key", lambda own, _other: hmac_signed_with_the_public_key(own), False),
    ("RS512", lambda own, _other: jwt.encode(claims(), own, algorithm="RS512", headers={"kid": KEY_ID}), False),
    ("PS256", lambda own, _other: jwt.encode(claims(), own, algorithm="PS256", headers={"kid": KEY_ID}), False),
    ("no kid", lambda own, _other: jwt.encode(claims(), own, algorithm="RS256"), False),
    ("kid is a number", lambda own, _other: signed(own, claims(), header={"kid": 7}), False),
    ("kid traversal", lambda own, _other: signed(own, claims(), header={"kid": "../../etc/passwd"}), True),
    ("kid with NUL", lambda own, _other: signed(own, claims(), header={"kid": f"{KEY_ID}\0"}), False),
    ("unknown kid", lambda own, _other: signed(own, claims(), header={"kid": "key-2"}), True),
    ("another key", lambda _own, other: signed(other, claims()), True),
    ("embedded jwk", lambda _own, other: signed(other, claims(), header={"jwk": key_set(other)["keys"][0]}), True),
    ("jku", lambda _own, other: signed(other, claims(), header={"jku": "https://evil.example/jwks"}), True),
    ("x5u", lambda _own, other: signed(other, claims(), header={"x5u": "https://evil.example/x5u"}), True),
    ("unknown crit", lambda own, _other: signed(own, claims(), header={"crit": ["exp"], "exp": 1}), False),
    ("stripped signature", lambda own, _other: signed(own, claims()).rpartition(".")[0] + ".", True),
    ("payload exchanged", lambda own, _other: payload_exchanged(own), True),
    ("expired", lambda own, _other: signed(own, claims(exp=NOW - 1)), True),
    ("not yet valid", lambda own, _other: signed(own, claims(nbf=NOW + 3600)), True),
    ("no exp", lambda own, _other: signed(own, without("exp")), True),
    ("exp null", lambda own, _other: signed(own, {**claims(), "exp": None}), True),
    ("exp in 10^400 s", lambda own, _other: signed(own, claims(exp=10**400)), True),
    ("exp infinite", lambda own, _other: signed(own, with_exp(b"1e999")), True),
    ("exp NaN", lambda own, _other: signed(own, {**claims(), "exp": float("nan")}), True),
    ("exp is text", lambda own, _other: signed(own, claims(exp="tomorrow")), True),
    ("exp is true", lambda own, _other: signed(own, claims(exp=True)), True),
    ("exp of 4,400 digits", lambda own, _other: signed(own, with_exp(b"9" * 4400)), True),
    ("no sub", lambda own, _other: signed(own, without("sub")), True),
    ("sub empty", lambda own, _other: signed(own, claims(sub="")), True),
    ("sub is a number", lambda own, _other: signed(own, claims(sub=5)), True),
    ("sub too long", lambda own, _other: signed(own, claims(sub="x" * 129)), True),
    ("sub with a lone surrogate", lambda own, _other: signed(own, claims(sub="\ud800")), True),
    ("wrong issuer", lambda own, _other: signed(own, claims(iss="https://evil.example")), True),
    ("issuer is a list", lambda own, _other: signed(own, claims(iss=[ISSUER])), True),
    ("no issuer", lambda own, _other: signed(own, without("iss")), True),
    ("wrong client", lambda own, _other: signed(own, claims(client_id="client-9")), True),
    ("no audience at all", lambda own, _other: signed(own, without("client_id")), True),
    ("wrong aud with the right client", lambda own, _other: signed(own, claims(aud="other")), True),
    ("aud null with the right client", lambda own, _other: signed(own, {**claims(), "aud": None}), True),
    ("client_id without token_use", lambda own, _other: signed(own, without("token_use")), True),
    ("an ID token", lambda own, _other: signed(own, claims(token_use="id", aud=AUDIENCE)), True),
    ("token_use null", lambda own, _other: signed(own, {**claims(aud=AUDIENCE), "token_use": None}), True),
    ("payload is a list", lambda own, _other: signed(own, b"[1]"), True),
    ("payload deeply nested", lambda own, _other: signed(own, b"[" * 5000), True),
    ("header deeply nested", lambda _own, _other: f"{encoded(b'[' * 5000)}.e30.e30", False),
    ("payload not UTF-8", lambda own, _other: signed(own, b"\xff\xfe"), True),
    ("a 1 MB token", lambda own, _other: signed(own, claims(padding="x" * 1_000_000)), False),
    ("a 9 kB token", lambda own, _other: signed(own, claims(padding="x" * 9_000)), False),
]  # fmt: skip


@pytest.mark.hazard("Forged, stripped, expired, foreign and oversized tokens")
@pytest.mark.parametrize(("make", "fetches"), [case[1:] for case in BAD_TOKENS], ids=[case[0] for case in BAD_TOKENS])
def test_bad_token_is_401_and_causes_at_most_one_fetch(
    anonymous: Client,
    issuer: Issuer,
    private_key: RSAPrivateKey,
    other_private_key: RSAPrivateKey,
    make: Callable[[RSAPrivateKey, RSAPrivateKey], str],
    fetches: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    for _ in range(3):
        response = anonymous.get("/api/v1/predictions/jobs", headers=bearer(make(private_key, other_private_key)))
        assert response.status_code == 401
        assert response.json()["code"] == "unauthenticated"
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert issuer.fetches == (1 if fetches else 0)


@pytest.mark.hazard("Forged, stripped, expired, foreign and oversized tokens")
def test_all_bad_tokens_together_cause_one_fetch(
    verifier: TokenVerifier, issuer: Issuer, private_key: RSAPrivateKey, other_private_key: RSAPrivateKey
) -> None:
    for _, make, _ in BAD_TOKENS:
        with pytest.raises(UnauthenticatedError):
            verifier.caller(f"Bearer {make(private_key, other_private_key)}")
    assert issuer.fetches == 1


@pytest.mark.parametrize("authorization", ["Basic abc", "Bearer", "Bearer a b", "abc", "Bearer é", "\0"])
def test_authorization_header_of_another_scheme_is_401(
    verifier: TokenVerifier, issuer: Issuer, authorization: str
) -> None:
    with pytest.raises(UnauthenticatedError):
        verifier.caller(authorization)
    assert issuer.fetches == 0


def test_response_without_a_token_says_how_to_send_one(anonymous: Client) -> None:
    response = anonymous.get("/api/v1/predictions/jobs")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization" in response.json()["detail"]


@given(junk=st.text(st.characters(codec="utf-8"), max_size=300))
def test_any_text_in_the_authorization_header_is_401(junk: str) -> None:
    verifier = TokenVerifier(
        issuer=ISSUER, audiences=frozenset({AUDIENCE}), names=ClaimNames(), keys=KnownKeys({"keys": []})
    )
    for authorization in (junk, f"Bearer {junk}"):
        with pytest.raises(UnauthenticatedError):
            verifier.caller(authorization)


@given(
    payload=st.dictionaries(
        st.sampled_from(["exp", "sub", "iss", "aud", "nbf", "iat", "jti", "token_use", "role", "organization_id"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=4,
        ),
    )
)
def test_signed_claims_of_any_type_give_a_caller_or_a_refusal(
    private_key: RSAPrivateKey, payload: dict[str, Any]
) -> None:
    verifier = TokenVerifier(
        issuer=ISSUER,
        audiences=frozenset({AUDIENCE}),
        names=ClaimNames(),
        keys=KnownKeys(key_set(private_key)),
    )
    try:
        caller = verifier.caller(f"Bearer {signed(private_key, {**claims(), **payload})}")
    except (UnauthenticatedError, ForbiddenError):
        return
    assert isinstance(caller, Caller)
    assert caller.organization_id is None or caller.organization_id.isascii()


class TestCaller:
    """The caller that a valid token gives."""

    def test_caller_is_read_from_the_claims(self, verifier: TokenVerifier, token: Token) -> None:
        assert verifier.caller(f"Bearer {token()}") == Caller(
            user_id="user-1", username="jane.doe", organization_id="acme", role=Role.ORG_MEMBER
        )

    def test_caller_may_have_its_client_in_aud(self, verifier: TokenVerifier, token: Token) -> None:
        named = token(aud=["x", "client-2"], client_id=None, token_use=None)
        assert verifier.caller(f"bearer {named}").user_id == "user-1"

    def test_caller_without_a_usable_username_is_named_by_sub(self, verifier: TokenVerifier, token: Token) -> None:
        for username in (None, "", 5, "x" * 200, "a\nb"):
            assert verifier.caller(f"Bearer {token(username=username)}").username == "user-1"

    @pytest.mark.parametrize(
        ("given_claims", "role"),
        [
            ({"role": "user"}, Role.USER),
            ({"role": "org_admin"}, Role.ORG_ADMIN),
            ({"role": None, "cognito:groups": ["user", "super_admin"]}, Role.SUPER_ADMIN),
            ({"role": "user", "cognito:groups": "[org_member org_admin]"}, Role.ORG_ADMIN),
            ({"role": ["org_member"]}, Role.ORG_MEMBER),
            ({"role": "owner", "cognito:groups": [5, None, "user"]}, Role.USER),
        ],
    )
    def test_caller_has_the_highest_role_of_its_claims(
        self, verifier: TokenVerifier, token: Token, given_claims: dict[str, Any], role: Role
    ) -> None:
        assert verifier.caller(f"Bearer {token(**given_claims)}").role is role

    @pytest.mark.parametrize(
        "given_claims",
        [
            {"role": None},
            {"role": ""},
            {"role": "ORG_MEMBER"},
            {"role": "root"},
            {"role": {"user": 1}},
            {"role": "user2"},
        ],
    )
    def test_caller_without_a_known_role_is_forbidden(
        self, anonymous: Client, token: Token, given_claims: dict[str, Any]
    ) -> None:
        response = anonymous.get("/api/v1/predictions/jobs", headers=bearer(token(**given_claims)))
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")

    @pytest.mark.parametrize("organization", ["", "a b", "acme|rival", "acme\n", "x" * 65, 5, ["acme"], "é", "../x"])
    def test_caller_with_an_invalid_organization_is_forbidden(
        self, verifier: TokenVerifier, token: Token, organization: object
    ) -> None:
        for role in ("org_member", "super_admin"):
            with pytest.raises(ForbiddenError):
                verifier.caller(f"Bearer {token(organization_id=organization, role=role)}")

    def test_caller_without_an_organization_claim_has_no_organization(
        self, verifier: TokenVerifier, token: Token
    ) -> None:
        assert verifier.caller(f"Bearer {token(organization_id=None)}").organization_id is None
