"""Serves the console and the API reference: the files in `site/`.

Standard library alone, so it starts at once. Its role has no permissions, and no other function bundles the files.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import os
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.console.files import SAFE_HEADERS, File, Site, compressed, site

_METHODS = ("GET", "HEAD")
# Compressing smaller bodies saves less than a packet.
_COMPRESSED_FROM_BYTES = 1024
# gzip is listed with a weight above zero.
_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:,|$|;\s*q=(?!0(?:\.0*)?\s*(?:,|$)))", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ConsoleSettings:
    """Environment of the console function. Empty variables count as missing.

    Without a client, users cannot sign in. Without `sign_in_url`, the endpoints come from the discovery document of the
    issuer. `connect_origins` are the other origins that the console may connect to, separated by spaces.
    """

    token_issuer: str
    connect_origins: str
    multipart_max_bytes: int
    console_client_id: str | None = None
    sign_in_url: str | None = None

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> "ConsoleSettings":
        """Returns the settings in `env`. Raises KeyError for a missing variable."""
        return cls(
            token_issuer=env["TOKEN_ISSUER"],
            connect_origins=env["CONNECT_ORIGINS"],
            multipart_max_bytes=int(env["MULTIPART_MAX_BYTES"]),
            console_client_id=env.get("CONSOLE_CLIENT_ID") or None,
            sign_in_url=env.get("SIGN_IN_URL") or None,
        )

    def configuration(self) -> dict[str, Any]:
        """Returns `config.json`: the sign-in settings and the size limit of a request."""
        return {"sign_in": self._sign_in(), "multipart_max_bytes": self.multipart_max_bytes}

    def _sign_in(self) -> dict[str, Any] | None:
        """Returns the settings of an OpenID Connect client; None without a client.

        The endpoints replace the discovery document, since that of a user pool has no `end_session_endpoint`.
        https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
        """
        if not self.console_client_id:
            return None
        settings: dict[str, Any] = {
            "authority": self.token_issuer,
            "client_id": self.console_client_id,
            "scope": "openid",
        }
        if self.sign_in_url:
            settings["metadata"] = {
                "issuer": self.token_issuer,
                "authorization_endpoint": f"{self.sign_in_url}/oauth2/authorize",
                "token_endpoint": f"{self.sign_in_url}/oauth2/token",
                "end_session_endpoint": f"{self.sign_in_url}/logout",
            }
        return settings


@cache
def _site() -> Site:
    settings = ConsoleSettings.from_environment()
    return site(settings.configuration(), settings.connect_origins)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Responds to one request of API Gateway (payload format 2.0)."""
    method, path, headers = event["requestContext"]["http"]["method"], event["rawPath"], event["headers"]
    if method not in _METHODS:
        return _response(405, {"Allow": ", ".join(_METHODS)})
    pages = _site()
    file = pages.files.get(path)
    if file is None:
        redirect = pages.redirect_for(path)
        if redirect is not None:
            return _response(308, {"Location": redirect})
        return _file_response(404, pages.not_found(path), method, headers)
    if _is_known(headers.get("if-none-match", ""), file.etag):
        return _response(304, _headers_of(file))
    return _file_response(200, file, method, headers)


def _is_known(if_none_match: str, etag: str) -> bool:
    """Whether `If-None-Match` has the tag by weak comparison: RFC 9110 §13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags


def _headers_of(file: File) -> dict[str, str]:
    return {**file.headers, "Cache-Control": file.cache_control, "ETag": file.etag, "Vary": "Accept-Encoding"}


def _file_response(status: int, file: File, method: str, request_headers: Mapping[str, str]) -> dict[str, Any]:
    headers = {**_headers_of(file), "Content-Type": file.media_type}
    body = file.body
    if len(body) >= _COMPRESSED_FROM_BYTES and _GZIP.search(request_headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        body = compressed(body)
    return _response(status, headers, body if method == "GET" else b"")


def _response(status: int, headers: Mapping[str, str], body: bytes = b"") -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {**SAFE_HEADERS, **headers},
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }
