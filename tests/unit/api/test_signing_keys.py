"""Signing keys of the token issuer: how often they are fetched, and which are trusted."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from functions.api.auth import TokenVerifier
from functions.api.problems import UnauthenticatedError
from shared.jobs.errors import UnavailableError
from tests.unit.api.conftest import KEY_ID, Client, Issuer, Seconds, Token, bearer, claims, key_set, signed


class TestSigningKeys:
    """Fetches, outages and untrusted keys."""

    def test_signing_keys_are_fetched_once_and_again_after_an_hour(
        self, verifier: TokenVerifier, issuer: Issuer, seconds: Seconds, token: Token
    ) -> None:
        for _ in range(5):
            verifier.caller(f"Bearer {token()}")
        assert issuer.fetches == 1
        seconds.now += 3601
        verifier.caller(f"Bearer {token()}")
        assert issuer.fetches == 2

    def test_new_signing_key_is_found_after_five_minutes(
        self, verifier: TokenVerifier, issuer: Issuer, seconds: Seconds, other_private_key: RSAPrivateKey, token: Token
    ) -> None:
        verifier.caller(f"Bearer {token()}")
        issuer.response = key_set(other_private_key, "key-2")
        rotated = f"Bearer {signed(other_private_key, claims(), header={'kid': 'key-2'})}"
        seconds.now += 299
        with pytest.raises(UnauthenticatedError):
            verifier.caller(rotated)
        seconds.now += 1
        assert verifier.caller(rotated).user_id == "user-1"
        with pytest.raises(UnauthenticatedError):
            verifier.caller(f"Bearer {token()}")  # withdrawn

    def test_signing_keys_that_cannot_be_fetched_are_503_with_retry_after(
        self, anonymous: Client, issuer: Issuer, seconds: Seconds, token: Token, private_key: RSAPrivateKey
    ) -> None:
        issuer.response = OSError("no route")
        for _ in range(10):
            response = anonymous.get("/api/v1/predictions/jobs", headers=bearer(token()))
            assert (response.status_code, response.json()["code"]) == (503, "unavailable")
            assert int(response.headers["Retry-After"]) > 0
        assert issuer.fetches == 1
        issuer.response = key_set(private_key)
        seconds.now += 5
        assert anonymous.get("/api/v1/predictions/jobs", headers=bearer(token())).status_code == 200

    def test_known_signing_keys_stay_trusted_during_an_outage(
        self, verifier: TokenVerifier, issuer: Issuer, seconds: Seconds, token: Token
    ) -> None:
        verifier.caller(f"Bearer {token()}")
        issuer.response = OSError("no route")
        seconds.now += 7200
        assert verifier.caller(f"Bearer {token()}").user_id == "user-1"

    def test_known_signing_keys_are_fetched_again_soon_after_an_outage(
        self, verifier: TokenVerifier, issuer: Issuer, seconds: Seconds, other_private_key: RSAPrivateKey, token: Token
    ) -> None:
        verifier.caller(f"Bearer {token()}")
        issuer.response = OSError("no route")
        seconds.now += 7200
        for _ in range(10):
            assert verifier.caller(f"Bearer {token()}").user_id == "user-1"
        assert issuer.fetches == 2
        issuer.response = key_set(other_private_key)
        seconds.now += 5
        with pytest.raises(UnauthenticatedError):
            verifier.caller(f"Bearer {token()}")  # withdrawn

    def test_new_signing_key_is_unavailable_in_an_outage_and_found_soon_after(
        self, verifier: TokenVerifier, issuer: Issuer, seconds: Seconds, other_private_key: RSAPrivateKey, token: Token
    ) -> None:
        verifier.caller(f"Bearer {token()}")
        issuer.response = OSError("no route")
        seconds.now += 300
        rotated = f"Bearer {signed(other_private_key, claims(), header={'kid': 'key-2'})}"
        for _ in range(10):
            with pytest.raises(UnavailableError):
                verifier.caller(rotated)
        assert issuer.fetches == 2
        assert verifier.caller(f"Bearer {token()}").user_id == "user-1"
        issuer.response = key_set(other_private_key, "key-2")
        seconds.now += 5
        assert verifier.caller(rotated).user_id == "user-1"

    @pytest.mark.parametrize(
        "response",
        [
            b"",
            b"\xff",
            b"[" * 5000,
            [],
            {},
            {"keys": "x"},
            {"keys": [None, 5, {}]},
            {"keys": [{"kty": "RSA", "kid": KEY_ID, "n": "!", "e": "AQAB"}]},
        ],
    )
    def test_malformed_key_set_counts_as_unavailable(
        self, verifier: TokenVerifier, issuer: Issuer, token: Token, response: Any
    ) -> None:
        issuer.response = response
        for _ in range(2):
            with pytest.raises(UnavailableError):
                verifier.caller(f"Bearer {token()}")
        assert issuer.fetches == 1

    @pytest.mark.parametrize(
        "changed",
        [{"use": "enc"}, {"alg": "RS512"}, {"alg": "PS256"}, {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}],
    )
    def test_key_for_encryption_or_another_algorithm_is_not_trusted(
        self, verifier: TokenVerifier, issuer: Issuer, private_key: RSAPrivateKey, token: Token, changed: dict[str, str]
    ) -> None:
        issuer.response = {"keys": [{**key_set(private_key)["keys"][0], **changed}]}
        with pytest.raises(UnauthenticatedError):
            verifier.caller(f"Bearer {token()}")
