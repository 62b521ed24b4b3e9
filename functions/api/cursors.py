"""Cursors: where a page goes on, signed so that a caller can neither alter one nor use another's."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from shared.jobs.errors import InvalidCursorError

# A cursor of ours has about 200 characters.
_MAX_LENGTH = 1024

JsonValue = str | int | None


class Cursors:
    """Signs and reads cursors. `key` returns the signing key and is called on first use."""

    def __init__(self, *, key: Callable[[], bytes]) -> None:
        self._key = key

    def sign(self, position: Mapping[str, JsonValue], *, bound_to: Mapping[str, Any]) -> str:
        """A cursor for this position. `bound_to` (scope, filter, order; JSON-able) is signed with it, not contained."""
        text = base64.urlsafe_b64encode(_canonical(position)).rstrip(b"=")
        return f"{text.decode()}.{self._signature(text, bound_to).decode()}"

    def read(self, cursor: str, *, bound_to: Mapping[str, Any]) -> dict[str, Any]:
        """The position a cursor of ours stands for. Raises `InvalidCursorError` for any other."""
        if len(cursor) > _MAX_LENGTH or not cursor.isascii():
            raise InvalidCursorError
        text, _, signature = cursor.encode().partition(b".")
        # The encoded signature is compared as written, so that no second spelling of it passes.
        if not hmac.compare_digest(self._signature(text, bound_to), signature):
            raise InvalidCursorError
        position: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
        return position

    def _signature(self, text: bytes, bound_to: Mapping[str, Any]) -> bytes:
        digest = hmac.new(self._key(), text + b"\n" + _canonical(bound_to), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=")


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
