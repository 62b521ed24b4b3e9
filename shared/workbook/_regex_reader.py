"""Reads the parts of a workbook by regular expression, in the shape that spreadsheet programs write.

`strings` and `rows` raise `UnusualShapeError` before the first string or row that is not in that shape to the last
byte. The XML parser then reads the part again, and continues after those that were yielded.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.workbook._cells import Row, Values, column_index, column_letters
from shared.workbook.errors import row_too_long, too_many_rows, too_wide
from shared.workbook.limits import Limits

_ENTITY: Final = re.compile(rb"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));")
_NAMED: Final = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}

_STRINGS_OPEN: Final = re.compile(
    rb'\s*(?:<\?xml version="1\.0"(?: encoding="(?:UTF|utf)-8")?(?: standalone="(?:yes|no)")?\s*\?>\s*)?'
    rb"<sst\s[^<>]*(?<!/)>\s*"
)
_LONGEST_OPENING: Final = 4_096
_LONGEST_STRING: Final = 1 << 20
_STRING: Final = re.compile(rb'(<si>\s*<t(?: xml:space="preserve")?>([^<]*)</t>\s*</si>\s*)')
_STRINGS_CLOSE: Final = re.compile(rb"\s*</sst>\s*")

_MAIN_NAMESPACE: Final = re.compile(
    rb'<worksheet\s[^<>]*?xmlns="http://(?:schemas\.openxmlformats\.org/spreadsheetml/2006|purl\.oclc\.org/ooxml/spreadsheetml)/main"'
)
_ROW: Final = re.compile(rb"\s*<row(?:\s[^<>]*?)?(/?)>")
# A number of at most fifteen digits in this form is already the shortest text of its double.
_PLAIN_NUMBER: Final = rb"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{0,5}[1-9])?"
_CELL: Final = re.compile(
    rb'(<c(?: r="([A-Z]{1,3})[0-9]{1,7}")?(?: s="([0-9]{1,6})")?(?: t="([a-zA-Z]{1,9})")?\s*(?:/>|>'
    rb"(?:<f(?:\s[^<>]*)?(?:/>|>[^<]*</f>))?"
    rb"(?:<v>(?:(" + _PLAIN_NUMBER + rb')|([^<]*))</v>|<v ?/>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?'
    rb"</c>)\s*)"
)
_FoundCell = tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes]
"""The groups of `_CELL`: all of the cell, column letters, style, type, plain number, other value, inline text."""

# The cells of a whole row. Any may be missing. Nothing backtracks: a row of another shape fails at the first cell that
# differs.
_SHAPE_CELL: Final = rb'(?:<c r="%b[0-9]{1,7}"%b>%b</c>)?+'
_SHAPE_EMPTY: Final = rb'(?:<c r="%b[0-9]{1,7}"%b/>)?+'
_SHAPE_TEXT: Final = rb"<v>([0-9]{1,9})</v>"
_SHAPE_NUMBER: Final = rb"<v>(?:(" + _PLAIN_NUMBER + rb")|([-+.0-9eE]++))</v>"
_MAX_SHAPES: Final = 4


class UnusualShapeError(Exception):
    """The part is not in the shape that this reader knows."""


def strings(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yields the shared strings, their `_xHHHH_` escapes not decoded."""
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
            _require_plain(buffer[:end])
            found = _STRING.findall(buffer[:end])
            if sum(len(whole) for whole, _ in found) != end:
                raise UnusualShapeError
            for _, raw in found:
                yield _unescaped(raw)
            buffer = buffer[end:]
        if len(buffer) > _LONGEST_STRING:
            raise UnusualShapeError
        more = next(blocks, b"")
        if not more:
            break
        buffer += more
    if not _STRINGS_CLOSE.fullmatch(buffer):
        raise UnusualShapeError


def rows(blocks: Iterator[bytes], values: Values, limits: Limits) -> Iterator[Row]:
    """Yields the rows of a sheet. Raises `UnreadableWorkbookError` or `WorkbookTooLargeError`."""
    buffer = b""
    for block in blocks:
        buffer += block
        at = buffer.find(b"<sheetData")
        if at >= 0 and b">" in buffer[at:]:
            break
        if len(buffer) > limits.row_bytes:
            raise UnusualShapeError
    else:
        raise UnusualShapeError
    opening = re.compile(rb"<sheetData\s*(/?)>").match(buffer, at)
    if opening is None or opening[1] or b"<!" in buffer[:at] or not _MAIN_NAMESPACE.search(buffer, 0, at):
        raise UnusualShapeError
    buffer = buffer[opening.end() :]
    sheet = _Sheet(values, limits)
    while True:
        end = buffer.rfind(b"</row>")
        if end >= 0:
            end += len(b"</row>")
            yield from sheet.rows(buffer[:end])
            buffer = buffer[end:]
        stop = buffer.find(b"</sheetData>")
        # Formatted rows without cells may follow the data by the hundred thousand.
        blank_count, blank_end = sheet.leading_blank_rows(buffer, stop if stop >= 0 else len(buffer))
        yield from ([] for _ in range(blank_count))
        buffer, stop = buffer[blank_end:], stop - blank_end
        if stop >= 0:
            if buffer[:stop].strip():
                raise UnusualShapeError
            break
        if len(buffer) > limits.row_bytes:
            raise row_too_long()
        more = next(blocks, b"")
        if not more:
            raise UnusualShapeError
        buffer += more
    buffer = b""
    for _ in blocks:
        pass  # to the end, where zipfile verifies the checksum


class _Sheet:
    """Reads whole rows of a sheet's data, and learns the shapes that its rows share."""

    def __init__(self, values: Values, limits: Limits) -> None:
        self._values = values
        self._limits = limits
        self._count = 0
        self._shapes: list[_RowShape] = []
        self._columns = {column_letters(index).encode(): index for index in range(limits.columns)}

    def rows(self, data: bytes) -> Iterator[Row]:
        _require_plain(data)
        for piece in data.split(b"</row>")[:-1]:
            opening = _ROW.match(piece)
            while opening and opening[1]:
                yield self._counted([])
                opening = _ROW.match(piece, opening.end())
            if not opening:
                raise UnusualShapeError
            known = self._of_known_shape(piece, opening.end())
            yield self._counted(self._row(piece, opening.end()) if known is None else known)

    def leading_blank_rows(self, data: bytes, end: int) -> tuple[int, int]:
        """Returns the number of rows without content at the start of `data`, and where they end."""
        count = at = 0
        while (opening := _ROW.match(data, at, end)) and opening[1]:
            self._counted([])
            count, at = count + 1, opening.end()
        return count, at

    def _counted(self, row: Row) -> Row:
        self._count += 1
        if self._count > self._limits.rows:
            raise too_many_rows(self._limits.rows)
        return row

    def _of_known_shape(self, piece: bytes, start: int) -> Row | None:
        for shape in self._shapes:
            row = shape.row(piece, start, self._values)
            if row is not None:
                return row
        return None

    def _row(self, piece: bytes, start: int) -> Row:
        row: Row = []
        at = 0
        covered = len(piece) - len(piece[start:].lstrip())
        formats = self._values.formats
        cells = _CELL.findall(piece, covered)
        for whole, letters, style, kind, plain, raw, inline in cells:
            covered += len(whole)
            if letters:
                at = self._columns[letters] if letters in self._columns else column_index(letters.decode())
            if plain and (not kind or kind == b"n") and style not in formats:
                text = plain
            elif value := plain or raw or inline:
                text = self._values.text(kind, style, _unescaped(value))
            else:
                text = b""
            if text:
                if at >= self._limits.columns:
                    raise too_wide(column_letters(at), self._limits.columns)
                row.extend([b""] * (at + 1 - len(row)))
                row[at] = text
            at += 1
        if covered != len(piece):
            raise UnusualShapeError
        if len(self._shapes) < _MAX_SHAPES and (shape := _RowShape.of(cells, self._columns, formats)):
            # The header is the first row, and has a shape of its own.
            self._shapes.insert(0, shape)
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowShape:
    """Rows whose cells have these columns, styles and types, each a shared string, a number or empty."""

    pattern: re.Pattern[bytes]
    texts: tuple[tuple[int, int], ...]
    """The column of each shared string, and the index of its group."""
    numbers: tuple[tuple[int, int], ...]
    """The column of each number, and the index of the first of its two groups."""
    width: int

    @classmethod
    def of(
        cls, cells: Sequence[_FoundCell], columns: Mapping[bytes, int], formats: Mapping[bytes, object]
    ) -> "_RowShape | None":
        """Returns the shape of a row; None for a cell of another kind or out of order.

        `columns` are the allowed columns by their letters; `formats` has the styles of dates and percentages.
        """
        parts: list[bytes] = []
        texts: list[tuple[int, int]] = []
        numbers: list[tuple[int, int]] = []
        last, groups = -1, 0
        for whole, letters, style, kind, plain, raw, _ in cells:
            at = columns.get(letters, -1)
            if at <= last:
                return None
            attributes = (b' s="%b"' % style if style else b"") + (b' t="%b"' % kind if kind else b"")
            if kind == b"s" and (plain or raw):
                parts.append(_SHAPE_CELL % (letters, attributes, _SHAPE_TEXT))
                texts.append((at, groups))
                groups += 1
            elif kind in {b"", b"n"} and (plain or raw) and style not in formats:
                parts.append(_SHAPE_CELL % (letters, attributes, _SHAPE_NUMBER))
                numbers.append((at, groups))
                groups += 2
            elif whole.endswith(b"/>"):
                parts.append(_SHAPE_EMPTY % (letters, attributes))
            else:
                return None
            last = at
        return cls(pattern=re.compile(b"".join(parts)), texts=tuple(texts), numbers=tuple(numbers), width=last + 1)

    def row(self, piece: bytes, start: int, values: Values) -> Row | None:
        """Returns the row whose cells fill `piece` from `start` on; None if it is not of this shape."""
        match = self.pattern.fullmatch(piece, start)
        if match is None:
            return None
        groups = match.groups(b"")
        row = [b""] * self.width
        text = values.shared_strings.text
        for at, place in self.texts:
            if index := groups[place]:
                row[at] = text(index)
        for at, place in self.numbers:
            row[at] = groups[place] or ((raw := groups[place + 1]) and values.plain_number(raw))
        while row and not row[-1]:
            row.pop()
        return row


def _require_plain(data: bytes) -> None:
    """Raises `UnusualShapeError` for syntax that needs an XML parser, and for bytes that are not UTF-8."""
    if b"<!" in data or b"<?" in data or b"\r" in data:
        raise UnusualShapeError
    try:
        data.isascii() or data.decode()
    except UnicodeDecodeError as error:
        raise UnusualShapeError from error


def _unescaped(raw: bytes) -> bytes:
    """Returns text with its character references decoded. Raises `UnusualShapeError` for other entities."""
    if raw.find(b"&") < 0:
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
