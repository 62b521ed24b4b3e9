"""Pages for people: the console and the reference of the API, from the files beside this one.

Standard library alone: it starts at once, its role may do nothing, and no other function carries the files.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import os
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any

from functions.console.configuration import configuration
from functions.console.files import SAFE_HEADERS, File, Site, compressed, site

_METHODS = ("GET", "HEAD")
# Below it, compressing saves less than a packet.
_COMPRESSED_FROM_BYTES = 1024
# Named, and not with a weight of nothing.
_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:,|$|;\s*q=(?!0(?:\.0*)?\s*(?:,|$)))", re.IGNORECASE)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one request of API Gateway, in its format 2.0."""
    method, path = event["requestContext"]["http"]["method"], event["rawPath"]
    if method not in _METHODS:
        return _answer(405, {"Allow": ", ".join(_METHODS)})
    headers, pages = event["headers"], _site()
    file = pages.files.get(path)
    if file is None:
        beside = pages.beside(path)
        if beside is not None:
            return _answer(308, {"Location": beside})
        return _sent(404, pages.not_found(path), method, headers)
    if _is_known(headers.get("if-none-match", ""), file.etag):
        return _answer(304, _headers_of(file))
    return _sent(200, file, method, headers)


@cache
def _site() -> Site:
    return site(configuration(os.environ), os.environ["CONNECT_ORIGINS"])


def _is_known(asked: str, etag: str) -> bool:
    """Whether a caller's `If-None-Match` has the tag, weakly compared: RFC 9110 §13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags


def _headers_of(file: File) -> dict[str, str]:
    return {**file.headers, "Cache-Control": file.cache_control, "ETag": file.etag, "Vary": "Accept-Encoding"}


def _sent(status: int, file: File, method: str, asked: Mapping[str, str]) -> dict[str, Any]:
    headers = {**_headers_of(file), "Content-Type": file.media_type}
    body = file.body
    if len(body) >= _COMPRESSED_FROM_BYTES and _GZIP.search(asked.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        body = compressed(body)
    return _answer(status, headers, body if method == "GET" else b"")


def _answer(status: int, headers: Mapping[str, str], body: bytes = b"") -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {**SAFE_HEADERS, **headers},
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }
