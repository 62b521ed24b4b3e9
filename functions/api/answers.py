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
    answer: Response = Json(content)
    tag = f'"{hashlib.sha256(bytes(answer.body)).hexdigest()[:32]}"'
    asked = request.headers.get("if-none-match", "")
    if asked.strip() == "*" or tag in _TAG.findall(asked):
        answer = Response(status_code=304)
    answer.headers.update({"ETag": tag, "Cache-Control": "private, no-cache", **headers})
    return answer
