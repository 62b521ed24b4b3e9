"""Cursors: where a page goes on, signed so that a caller can neither alter one nor use another's."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.jobs.errors import InvalidCursorError

# A cursor of ours has about 300 characters.
_MAX_LENGTH = 1024

JsonValue = str | int | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor that we signed, for one list."""

    _position: Mapping[str, Any]
    _list: str

    def position(self, *, bound_to: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where the page goes on. Raises `InvalidCursorError` when the cursor belongs to another list."""
        if self._list != _digest(bound_to):
            raise InvalidCursorError
        return self._position


class Cursors:
    """Signs and reads cursors. `key` returns the signing key and is called on first use."""

    def __init__(self, *, key: Callable[[], bytes]) -> None:
        self._key = key

    def sign(self, position: Mapping[str, JsonValue], *, bound_to: Mapping[str, Any]) -> str:
        """A cursor for this position. `bound_to` (scope, filter, order; JSON-able) is in it as a digest only."""
        content = {"position": position, "list": _digest(bound_to)}
        text = base64.urlsafe_b64encode(_canonical(content)).rstrip(b"=")
        return f"{text.decode()}.{self._signature(text).decode()}"

    def read(self, cursor: str) -> Cursor:
        """A cursor of ours. Raises `InvalidCursorError` for any other, whatever else the request asks for."""
        if len(cursor) > _MAX_LENGTH or not cursor.isascii():
            raise InvalidCursorError
        text, _, signature = cursor.encode().partition(b".")
        # The encoded signature is compared as written, so that no second spelling of it passes.
        if not hmac.compare_digest(self._signature(text), signature):
            raise InvalidCursorError
        content = json.loads(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
        return Cursor(content["position"], content["list"])

    def _signature(self, text: bytes) -> bytes:
        digest = hmac.new(self._key(), text, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=")


def _digest(bound_to: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(bound_to)).hexdigest()[:32]


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
