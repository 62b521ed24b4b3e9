"""Reads the parts of a workbook with an XML parser, in any shape that is well-formed.

Streams in bounded memory. Refuses document types, so there are no entities and nothing external, and tags of megabytes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from xml.parsers import expat

from shared.workbook._cells import NUMERIC, AppliedFormats, Row, Values, blank_rows, missing_rows, rich_cell
from shared.workbook.errors import (
    WorkbookTooLargeError,
    damaged,
    repeated_cell,
    row_too_long,
    several_values,
    text_too_long,
    too_many_rows,
    too_wide,
)
from shared.workbook.limits import Limits
from shared.workbook.references import column_index, column_letters

_MAX_TAG_BYTES: Final = 1 << 20
_MAX_DEPTH: Final = 256
_LONGEST_STRING: Final = 1 << 20  # characters, escapes not decoded
_FALSE: Final = frozenset({"0", "false", "off"})
_LETTERS: Final = re.compile(r"[A-Z]{1,3}")
_REFERENCE: Final = re.compile(r"[A-Z]{1,3}[0-9]{1,7}")
_ROW_NUMBER: Final = re.compile(r"[0-9]{1,7}")
_PARTS_OF_CELLS: Final = frozenset({"v", "is", "f"})

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
    """Yields the shared strings as cells, without their phonetic hints."""
    found: list[bytes] = []
    runs = _Runs()
    takes_text = False
    phonetic_depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal takes_text, phonetic_depth
        if name == "si":
            runs.clear()
        elif name == "rPh":  # how to pronounce the text, not the text
            phonetic_depth += 1
        else:
            runs.start(name, attributes)
        takes_text = name == "t" and not phonetic_depth

    def end(name: str) -> None:
        nonlocal takes_text, phonetic_depth
        takes_text = False
        if name == "si":
            found.append(runs.cell())
        elif name == "rPh":
            phonetic_depth -= 1

    def text(data: str) -> None:
        if takes_text:
            runs.add(data)
            if runs.length > _LONGEST_STRING:
                raise text_too_long()

    stream = _XmlStream(start=start, end=end, text=text)
    for block in blocks:
        stream.feed(block)
        yield from found
        found.clear()
    stream.close()
    yield from found


def rows(blocks: Iterable[bytes], values: Values, limits: Limits, applied: AppliedFormats) -> Iterator[Row]:
    """Yields the rows of a sheet, and adds the formats that scale to `applied`.

    Raises `UnreadableWorkbookError` or `WorkbookTooLargeError`.
    """
    sheet = _Sheet(values, limits, applied)
    stream = _XmlStream(start=sheet.start, end=sheet.end, text=sheet.text)
    for block in blocks:
        stream.feed(block)
        yield from sheet.finished
        sheet.finished.clear()
    stream.close()
    yield from sheet.finished


class _Runs:
    """The text of a cell, whole and without superscript, subscript and struck-through runs."""

    def __init__(self) -> None:
        self.length = 0
        self._pieces: list[str] = []
        self._kept: list[str] = []
        self._is_kept = True

    def clear(self) -> None:
        self.length = 0
        self._pieces.clear()
        self._kept.clear()
        self._is_kept = True

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Takes note of the start of an element in the text."""
        if name in {"r", "is"}:
            self._is_kept = True
        elif name == "vertAlign":
            self._is_kept &= attributes.get("val", "baseline") == "baseline"
        elif name == "strike":
            self._is_kept &= attributes.get("val", "true") in _FALSE

    def add(self, data: str) -> None:
        """Adds text to the run."""
        self.length += len(data)
        self._pieces.append(data)
        if self._is_kept:
            self._kept.append(data)

    def cell(self) -> bytes:
        return rich_cell("".join(self._pieces).encode(), without_notes="".join(self._kept).encode())


class _Sheet:
    """The handlers of the XML parser, and the rows that they have finished."""

    def __init__(self, values: Values, limits: Limits, applied: AppliedFormats) -> None:
        self.finished: list[Row] = []
        self._values = values
        self._limits = limits
        self._applied = applied
        self._path: list[str] = []
        self._row: Row = []
        self._row_bytes = 0
        self._count = 0
        self._at = 0
        self._attributes: dict[str, str] = {}
        self._found: set[str] = set()
        self._value: list[str] = []
        self._formula: list[str] = []
        self._runs = _Runs()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if name == "c" and self._is_in("sheetData", "row", "c"):
            self._start_cell(attributes)
        elif name == "row" and self._is_in("sheetData", "row"):
            self._start_row(attributes.get("r", ""))
        elif name in _PARTS_OF_CELLS and self._is_in("sheetData", "row", "c", name):
            if name in self._found:
                raise several_values(self._reference())
            self._found.add(name)
        else:
            self._runs.start(name, attributes)

    def end(self, _: str) -> None:
        if self._is_in("sheetData", "row", "c"):
            self._finish_cell()
        elif self._is_in("sheetData", "row"):
            self.finished.append(self._row)
        self._path.pop()

    def text(self, data: str) -> None:
        if self._is_in("c", "v"):
            self._value.append(data)
        elif self._is_in("c", "is", "t") or self._is_in("c", "is", "r", "t"):
            self._runs.add(data)
        elif self._is_in("c", "f"):
            self._formula.append(data)
        else:
            return
        self._row_bytes += len(data)
        if self._row_bytes > self._limits.row_bytes:
            raise row_too_long()

    def _is_in(self, *names: str) -> bool:
        return self._path[-len(names) :] == list(names)

    def _start_row(self, reference: str) -> None:
        number = int(reference) if _ROW_NUMBER.fullmatch(reference) else 0
        self._count += 1
        self.finished.extend(blank_rows(missing_rows(number, self._count)))
        self._row, self._row_bytes, self._at = [], 0, 0
        self._count = max(number, self._count)
        if self._count > self._limits.rows:
            raise too_many_rows(self._limits.rows)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._attributes = attributes
        self._found.clear()
        self._value.clear()
        self._formula.clear()
        self._runs.clear()
        letters = _LETTERS.match(attributes.get("r", ""))
        if letters:
            self._at = column_index(letters[0])
        if self._at < len(self._row) and self._row[self._at]:
            raise repeated_cell(self._reference())

    def _reference(self) -> str:
        """Returns the reference of the cell, or its column where it has none."""
        reference = self._attributes.get("r", "")
        return reference if _REFERENCE.fullmatch(reference) else column_letters(self._at)

    def _finish_cell(self) -> None:
        text = self._cell()
        if text:
            if self._at >= self._limits.columns:
                raise too_wide(column_letters(self._at), self._limits.columns)
            self._row.extend([b""] * (self._at + 1 - len(self._row)))
            self._row[self._at] = text
        self._at += 1

    def _cell(self) -> bytes:
        values, found = self._values, self._found
        kind, style = (self._attributes.get(name, "").encode() for name in ("t", "s"))
        value = "".join(self._value).encode() if "v" in found else None
        text = b""
        if "is" in found and (kind == b"inlineStr" or value is None):
            if text := self._runs.cell():
                return text
            value = None
        elif value:
            text = values.text(kind, style, value)
            if style in values.scaling and kind in NUMERIC:
                values.note_format(self._applied, self._at, style, value, text)
        if "f" in found:
            text = values.formula_without_value(kind, "".join(self._formula).encode(), value) or text
        return text


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
