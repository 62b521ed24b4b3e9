"""The strings that the cells of an XLSX workbook share, as CSV fields.

ECMA-376 part 1: 18.4.8 (strings), 22.9.2.19 (`_xHHHH_` escapes).
"""

import re
from array import array
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from shared.files.errors import TooLargeError
from shared.files.grammar import quoted
from shared.files.xlsx_package import XlsxLimits
from shared.files.xlsx_plain import UnusualShapeError, require_plain, unescaped
from shared.files.xlsx_xml import XmlStream, damaged, local_name

_ESCAPE: Final = re.compile(rb"_x([0-9A-Fa-f]{4})_")
_STRINGS_OPEN: Final = re.compile(
    rb'\s*(?:<\?xml version="1\.0"(?: encoding="(?:UTF|utf)-8")?(?: standalone="(?:yes|no)")?\s*\?>\s*)?'
    rb"<sst\s[^<>]*(?<!/)>\s*"
)
_LONGEST_OPENING: Final = 4_096
_LONGEST_STRING: Final = 1 << 20
_STRING: Final = re.compile(rb'(<si>\s*<t(?: xml:space="preserve")?>([^<]*)</t>\s*</si>\s*)')
_STRINGS_CLOSE: Final = re.compile(rb"\s*</sst>\s*")


def text_field(raw: bytes) -> bytes:
    """A string as a CSV field: `_xHHHH_` says a character that XML cannot."""
    if b"_x" in raw:
        raw = _ESCAPE.sub(_escaped, raw)
    return quoted(raw)


def _escaped(match: re.Match[bytes]) -> bytes:
    character = chr(int(match[1], 16))
    return match[0] if "\ud800" <= character <= "\udfff" else character.encode()


class SharedStrings:
    """The strings of a workbook as CSV fields, in one buffer: four bytes a string beside its text."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("I", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, raw: bytes) -> None:
        """Append the next string."""
        self._text += text_field(raw)
        self._ends.append(len(self._text))

    def field(self, index: bytes) -> bytes:
        """The field of the string with this number. Raises UnsupportedFormatError when there is none."""
        try:
            at = int(index)
            if at >= 0:
                return bytes(self._text[self._ends[at] : self._ends[at + 1]])
        except (ValueError, IndexError) as error:
            raise damaged() from error
        raise damaged()


def read_strings(open_part: Callable[[], Iterator[bytes]], strings: SharedStrings, limits: XlsxLimits) -> None:
    """Add the strings of a part to those that are none yet.

    Like the rows of a sheet they are read by regular expression up to the first that is not in the usual shape, and
    then by an XML parser. Raises UnsupportedFormatError for a damaged part and TooLargeError for one over the limits.
    """
    try:
        for raw in _plain_strings(_limited(open_part(), limits)):
            strings.add(raw)
    except UnusualShapeError:
        for raw in islice(_parsed_strings(_limited(open_part(), limits)), len(strings), None):
            strings.add(raw)


def _limited(blocks: Iterator[bytes], limits: XlsxLimits) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > limits.shared_strings_bytes:
            raise TooLargeError("The Excel workbook has too much text. Save the sheet with the data as CSV instead.")
        yield block


def _plain_strings(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The strings by regular expression. Raises UnusualShapeError before the first that it cannot read."""
    buffer = b""
    for block in blocks:
        buffer += block
        if opening := _STRINGS_OPEN.match(buffer):
            break
        if len(buffer) > _LONGEST_OPENING:
            raise UnusualShapeError
    else:
        raise UnusualShapeError
    buffer = buffer[opening.end() :]
    while True:
        end = buffer.rfind(b"</si>") + len(b"</si>")
        if end >= len(b"</si>"):
            require_plain(buffer[:end])
            found = _STRING.findall(buffer[:end])
            if sum(len(whole) for whole, _ in found) != end:
                raise UnusualShapeError
            for _, raw in found:
                yield unescaped(raw)
            buffer = buffer[end:]
        if len(buffer) > _LONGEST_STRING:
            raise UnusualShapeError
        more = next(blocks, b"")
        if not more:
            break
        buffer += more
    if not _STRINGS_CLOSE.fullmatch(buffer):
        raise UnusualShapeError


def _parsed_strings(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The strings by an XML parser, whatever the shape."""
    found: list[bytes] = []
    pieces: list[str] = []
    takes_text = False
    phonetic_depth = 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal takes_text, phonetic_depth
        local = local_name(name)
        if local == "si":
            pieces.clear()
        elif local == "rPh":  # how to pronounce the text, not the text
            phonetic_depth += 1
        takes_text = local == "t" and not phonetic_depth

    def end(name: str) -> None:
        nonlocal takes_text, phonetic_depth
        takes_text = False
        local = local_name(name)
        if local == "si":
            found.append("".join(pieces).encode())
        elif local == "rPh":
            phonetic_depth -= 1

    def text(data: str) -> None:
        if takes_text:
            pieces.append(data)

    stream = XmlStream(start=start, end=end, text=text)
    for block in blocks:
        stream.feed(block)
        yield from found
        found.clear()
    stream.close()
    yield from found
