"""What readers by regular expression need to be sure of before they read XML that way, and its character references."""

import re
from typing import Final

_ENTITY: Final = re.compile(rb"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));")
_NAMED: Final = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}


class UnusualShapeError(Exception):
    """The part is not in the shape that a fast reader knows; an XML parser reads it."""


def require_plain(data: bytes) -> None:
    """Raise UnusualShapeError for what only an XML parser reads right, and for bytes that are not UTF-8."""
    if b"<!" in data or b"<?" in data or b"\r" in data:
        raise UnusualShapeError
    try:
        data.isascii() or data.decode()
    except UnicodeDecodeError as error:
        raise UnusualShapeError from error


def unescaped(raw: bytes) -> bytes:
    """Text with its character references read. Raises UnusualShapeError for any that is not one of XML's own."""
    if b"&" not in raw:
        return raw
    text, count = _ENTITY.subn(_character, raw)
    if count != raw.count(b"&"):
        raise UnusualShapeError
    return text


def _character(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return _NAMED[match[1]]
    number = int(match[2]) if match[2] else int(match[3], 16)
    if (
        number in {0x9, 0xA, 0xD}
        or 0x20 <= number < 0xD800
        or 0xE000 <= number < 0xFFFE
        or 0x10000 <= number < 0x110000
    ):
        return chr(number).encode()
    raise UnusualShapeError
