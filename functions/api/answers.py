"""The forms of an answer: JSON that any stored text survives, and entity tags."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

_TAG = re.compile(r'(?:W/)?("[^"]*")')


class Json(Response):
    """A JSON body in ASCII: a lone surrogate in a file's cell cannot make it unencodable."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body's bytes."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def tagged(request: Request, content: Mapping[str, Any], *, headers: Mapping[str, str]) -> Response:
    """The content with its entity tag, or 304 without a body when the caller has it already (RFC 9110 §13.1.2)."""
    answer = Response(status_code=304) if is_known(request, content) else Json(content)
    answer.headers.update({"ETag": _tag(content), "Cache-Control": "private, no-cache", **headers})
    return answer


def is_known(request: Request, content: Mapping[str, Any]) -> bool:
    """Whether the caller has this very content already, as its `If-None-Match` says."""
    asked = request.headers.get("if-none-match", "")
    return asked.strip() == "*" or _tag(content) in _TAG.findall(asked)


def _tag(content: Mapping[str, Any]) -> str:
    return f'"{hashlib.sha256(bytes(Json(content).body)).hexdigest()[:32]}"'
