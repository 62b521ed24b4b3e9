"""Reading a multipart form that is in memory as a whole, and telling whether it is whole.

Starlette's own reader takes a body that was cut off for a form without its last part, and spools to disk what is here
already.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PARTS = 20
# RFC 2046 §5.1.1
_MAX_BOUNDARY = 70


class MalformedFormError(Exception):
    """The body is no complete multipart form."""


@dataclass(slots=True)
class Part:
    """A field of a form; one with a `filename`, however empty, is a file."""

    name: str
    filename: str | None
    body: bytes


@dataclass(slots=True)
class _Reader:
    """Collects the parts a parser calls out."""

    parts: list[Part] = field(default_factory=list)
    is_complete: bool = False
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _disposition: bytes = b""
    _body: bytearray = field(default_factory=bytearray)

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_header,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_part_data": self._add_body,
            "on_part_end": self._end,
            "on_end": self._complete,
        }

    def _begin(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise MalformedFormError
        self._disposition = b""
        self._body = bytearray()

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _add_body(self, data: bytes, start: int, end: int) -> None:
        self._body += data[start:end]

    def _end(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise MalformedFormError
        filename = options.get(b"filename")
        self.parts.append(
            Part(
                name=_text(options[b"name"]),
                filename=_text(filename) if filename is not None else None,
                body=bytes(self._body),
            )
        )

    def _complete(self) -> None:
        self.is_complete = True


def read_parts(body: bytes, content_type: str) -> list[Part]:
    """The parts of a multipart form with this Content-Type. Raises `MalformedFormError`."""
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= _MAX_BOUNDARY:
        raise MalformedFormError
    reader = _Reader()
    parser = MultipartParser(boundary, reader.callbacks())
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise MalformedFormError from error
    if not reader.is_complete:
        raise MalformedFormError
    return reader.parts


def _text(data: bytes) -> str:
    """A name in UTF-8, as browsers and most libraries send it, else in Latin-1."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
