"""API Gateway events for the api function, and a trusted token issuer."""

import base64
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from tests.synthesized import JsonObject

_KEY_ID = "key"


@cache
def _private_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def key_set() -> Mapping[str, Any]:
    """Returns the JWKS of the issuer."""
    jwk = RSAAlgorithm.to_jwk(_private_key().public_key(), as_dict=True)
    return {"keys": [{**jwk, "kid": _KEY_ID, "use": "sig"}]}


def token(caller: Mapping[str, Any]) -> str:
    """Returns a token of a member of acme; `caller` overrides claims, and None removes one."""
    claims = {
        "iss": os.environ["TOKEN_ISSUER"],
        "client_id": os.environ["TOKEN_AUDIENCE"].split(",")[0],
        "token_use": "access",
        "sub": "user-1",
        "exp": 4_102_444_800,
        "username": "jane.doe",
        "role": "org_member",
        "organization_id": "acme",
        **caller,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, _private_key(), algorithm="RS256", headers={"kid": _KEY_ID})


def gateway_event(request: httpx.Request, token: str) -> JsonObject:
    """Returns the Lambda event of a request (payload version 2.0)."""
    headers = {**dict(request.headers), "authorization": f"Bearer {token}"}
    return {
        "version": "2.0",
        "routeKey": "ANY /{proxy+}",
        "rawPath": request.url.path,
        "rawQueryString": request.url.query.decode(),
        "headers": headers,
        "requestContext": {
            "http": {
                "method": request.method,
                "path": request.url.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
            },
            "requestId": "request",
            "stage": "$default",
        },
        "body": base64.b64encode(request.read()).decode(),
        "isBase64Encoded": True,
    }
