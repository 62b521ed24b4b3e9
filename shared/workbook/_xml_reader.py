"""Reads the parts of a workbook with an XML parser, in any shape that is well-formed.

Streams in bounded memory. Refuses document types, so there are no entities and nothing external, and tags of megabytes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from xml.parsers import expat

from shared.workbook._cells import Row, Values, column_index, column_letters
from shared.workbook.errors import WorkbookTooLargeError, damaged, row_too_long, too_many_rows, too_wide
from shared.workbook.limits import Limits

_MAX_TAG_BYTES: Final = 1 << 20
_MAX_DEPTH: Final = 256
_LETTERS: Final = re.compile(r"[A-Z]{1,3}")

StartHandler = Callable[[str, dict[str, str]], None]
EndHandler = Callable[[str], None]
TextHandler = Callable[[str], None]


def elements(blocks: Iterable[bytes]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields local name and attributes (names with namespace) of every element of a part, in document order."""
    found: list[tuple[str, dict[str, str]]] = []
    stream = _XmlStream(start=lambda name, attributes: found.append((name, attributes)))
    for block in blocks:
        stream.feed(block)
        yield from found
        found.clear()
    stream.close()
    yield from found


def strings(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the shared strings, their escapes not decoded, without their phonetic hints."""
    found: list[bytes] = []
    pieces: list[str] = []
    takes_text = False
    phonetic_depth = 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal takes_text, phonetic_depth
        if name == "si":
            pieces.clear()
        elif name == "rPh":  # how to pronounce the text, not the text
            phonetic_depth += 1
        takes_text = name == "t" and not phonetic_depth

    def end(name: str) -> None:
        nonlocal takes_text, phonetic_depth
        takes_text = False
        if name == "si":
            found.append("".join(pieces).encode())
        elif name == "rPh":
            phonetic_depth -= 1

    def text(data: str) -> None:
        if takes_text:
            pieces.append(data)

    stream = _XmlStream(start=start, end=end, text=text)
    for block in blocks:
        stream.feed(block)
        yield from found
        found.clear()
    stream.close()
    yield from found


def rows(blocks: Iterable[bytes], values: Values, limits: Limits) -> Iterator[Row]:
    """Yields the rows of a sheet. Raises `UnreadableWorkbookError` or `WorkbookTooLargeError`."""
    sheet = _Sheet(values, limits)
    stream = _XmlStream(start=sheet.start, end=sheet.end, text=sheet.text)
    for block in blocks:
        stream.feed(block)
        yield from sheet.finished
        sheet.finished.clear()
    stream.close()
    yield from sheet.finished


class _Sheet:
    """The handlers of the XML parser, and the rows that they have finished."""

    def __init__(self, values: Values, limits: Limits) -> None:
        self.finished: list[Row] = []
        self._values = values
        self._limits = limits
        self._path: list[str] = []
        self._row: Row = []
        self._row_bytes = 0
        self._count = 0
        self._at = 0
        self._attributes: dict[str, str] = {}
        self._pieces: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if name == "c" and self._is_in("sheetData", "row", "c"):
            self._attributes = attributes
            self._pieces.clear()
            letters = _LETTERS.match(attributes.get("r", ""))
            if letters:
                self._at = column_index(letters[0])
        elif name == "row" and self._is_in("sheetData", "row"):
            self._row, self._row_bytes, self._at = [], 0, 0
            self._count += 1
            if self._count > self._limits.rows:
                raise too_many_rows(self._limits.rows)

    def end(self, _: str) -> None:
        if self._is_in("sheetData", "row", "c"):
            self._finish_cell()
        elif self._is_in("sheetData", "row"):
            self.finished.append(self._row)
        self._path.pop()

    def text(self, data: str) -> None:
        if self._is_in("c", "v") or self._is_in("is", "t") or self._is_in("is", "r", "t"):
            self._pieces.append(data)
            self._row_bytes += len(data)
            if self._row_bytes > self._limits.row_bytes:
                raise row_too_long()

    def _is_in(self, *names: str) -> bool:
        return self._path[-len(names) :] == list(names)

    def _finish_cell(self) -> None:
        value = "".join(self._pieces).encode()
        attributes = self._attributes
        if value:
            text = self._values.text(attributes.get("t", "").encode(), attributes.get("s", "").encode(), value)
            if text:
                if self._at >= self._limits.columns:
                    raise too_wide(column_letters(self._at), self._limits.columns)
                self._row.extend([b""] * (self._at + 1 - len(self._row)))
                self._row[self._at] = text
        self._at += 1


class _XmlStream:
    """A streaming parser whose handlers get local names, which transitional and strict workbooks share.

    Raises `UnreadableWorkbookError` for XML that is not well-formed, declares a document type or is nested too deeply,
    and `WorkbookTooLargeError` for a single tag of megabytes, which the parser would have to keep.
    """

    def __init__(self, *, start: StartHandler, end: EndHandler | None = None, text: TextHandler | None = None) -> None:
        self._start = start
        self._end = end
        self._depth = 0
        self._fed_bytes = 0
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._opened
        self._parser.EndElementHandler = self._closed
        self._parser.CharacterDataHandler = text
        self._parser.StartDoctypeDeclHandler = _refuse

    def _opened(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise damaged()
        self._start(name.rpartition("}")[2], attributes)

    def _closed(self, name: str) -> None:
        self._depth -= 1
        if self._end:
            self._end(name.rpartition("}")[2])

    def feed(self, data: bytes) -> None:
        """Parses the next bytes."""
        self._fed_bytes += len(data)
        self._parse(data, is_final=False)
        if self._fed_bytes - self._parser.CurrentByteIndex > _MAX_TAG_BYTES:
            raise WorkbookTooLargeError(
                "The Excel workbook has an XML tag of a megabyte. Save the data as CSV instead."
            )

    def close(self) -> None:
        """Checks that the part ends here."""
        self._parse(b"", is_final=True)

    def _parse(self, data: bytes, *, is_final: bool) -> None:
        try:
            self._parser.Parse(data, is_final)
        except (expat.ExpatError, LookupError, ValueError) as error:  # an unknown encoding raises the latter two
            raise damaged() from error


def _refuse(*_: object) -> None:
    raise damaged()
