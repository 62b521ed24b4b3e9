"""Reads the parts of a workbook by regular expression, in the shape that spreadsheet programs write.

`strings` and `rows` raise `UnusualShapeError` before the first string or row that is not in that shape to the last
byte. The XML parser then reads the part again, and continues after those that were yielded.
"""

import re
from collections.abc import Iterator
from typing import Final

from shared.workbook._cells import (
    AppliedFormats,
    Row,
    Values,
    blank_rows,
    formula_of,
    missing_rows,
    text_cell,
)
from shared.workbook._row_shapes import PLAIN_NUMBER, FoundCell, RowShape
from shared.workbook.errors import repeated_cell, row_too_long, too_many_rows, too_wide
from shared.workbook.limits import Limits
from shared.workbook.references import column_index, column_letters

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
# Its number, where it has one, is its first attribute.
_ROW: Final = re.compile(rb'\s*<row(?: r="([1-9][0-9]{0,6})")?(?:\s+(?!r\s*=)[^<>\s]*[^<>\s/])*\s*(/?)>')
_CELL: Final = re.compile(
    rb'(<c(?: r="([A-Z]{1,3})[0-9]{1,7}")?(?: s="([0-9]{1,6})")?(?: t="([a-zA-Z]{1,9})")?\s*(?:/>|>'
    rb"(<f(?:\s[^<>]*)?(?:/>|>[^<]*</f>))?"
    rb"(?:<v>(?:(" + PLAIN_NUMBER + rb')|([^<]*))</v>|<v ?/>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?'
    rb"</c>)\s*)"
)
# Escapes of XML and of cells, and points, which may make a number of a text.
_SPECIAL: Final = re.compile(rb"[&_.]")
_REFERENCE: Final = re.compile(rb'<c r="([A-Z]{1,3}[0-9]{1,7})"')

_MAX_SHAPES: Final = 4


class UnusualShapeError(Exception):
    """The part is not in the shape that this reader knows."""


def strings(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yields the shared strings as cells."""
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
            if any(buffer.find(special, 0, end) >= 0 for special in (b"&", b"_x", b".")):
                yield from (text_cell(_unescaped(raw)) for _, raw in found)
            else:
                yield from (raw for _, raw in found)
            buffer = buffer[end:]
        if len(buffer) > _LONGEST_STRING:
            raise UnusualShapeError
        more = next(blocks, b"")
        if not more:
            break
        buffer += more
    if not _STRINGS_CLOSE.fullmatch(buffer):
        raise UnusualShapeError


def rows(blocks: Iterator[bytes], values: Values, limits: Limits, applied: AppliedFormats) -> Iterator[Row]:
    """Yields the rows of a sheet, and adds the formats that scale to `applied`.

    Raises `UnreadableWorkbookError` or `WorkbookTooLargeError`.
    """
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
    sheet = _Sheet(values, limits, applied)
    while True:
        end = buffer.rfind(b"</row>")
        if end >= 0:
            end += len(b"</row>")
            yield from sheet.rows(buffer[:end])
            buffer = buffer[end:]
        stop = buffer.find(b"</sheetData>")
        # Formatted rows without cells may follow the data by the hundred thousand.
        blank_count, blank_end = sheet.leading_blank_rows(buffer, stop if stop >= 0 else len(buffer))
        yield from blank_rows(blank_count)
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

    def __init__(self, values: Values, limits: Limits, applied: AppliedFormats) -> None:
        self._values = values
        self._limits = limits
        self._applied = applied
        self._count = 0
        self._shapes: list[RowShape] = []
        self._columns = {column_letters(index).encode(): index for index in range(limits.columns)}

    def rows(self, data: bytes) -> Iterator[Row]:
        _require_plain(data)
        for piece in data.split(b"</row>")[:-1]:
            opening = _ROW.match(piece)
            while opening and opening[2]:
                yield from blank_rows(self._start(opening) + 1)
                opening = _ROW.match(piece, opening.end())
            if not opening:
                raise UnusualShapeError
            if missing := self._start(opening):
                yield from blank_rows(missing)
            known = self._of_known_shape(piece, opening.end())
            yield self._row(piece, opening.end()) if known is None else known

    def leading_blank_rows(self, data: bytes, end: int) -> tuple[int, int]:
        """Returns the number of rows without content at the start of `data`, and where they end."""
        count = at = 0
        while (opening := _ROW.match(data, at, end)) and opening[2]:
            count, at = count + self._start(opening) + 1, opening.end()
        return count, at

    def _start(self, opening: re.Match[bytes]) -> int:
        """Starts a row, and returns the number of blank ones before it that the part leaves out."""
        self._count += 1
        missing = 0
        if (number := opening[1]) and int(number) != self._count:
            missing = missing_rows(int(number), self._count)
            self._count = max(int(number), self._count)
        if self._count > self._limits.rows:
            raise too_many_rows(self._limits.rows)
        return missing

    def _of_known_shape(self, piece: bytes, start: int) -> Row | None:
        for shape in self._shapes:
            row = shape.row(piece, start, self._values)
            if row is not None:
                return row
        return None

    def _row(self, piece: bytes, start: int) -> Row:
        row: Row = []
        at, width = 0, 0
        repeated: tuple[bytes, int] | None = None
        covered = len(piece) - len(piece[start:].lstrip())
        formats, most = self._values.formats, self._limits.columns
        cells = _CELL.findall(piece, covered)
        for cell in cells:
            whole, letters, style, kind, formula, plain, raw, inline = cell
            covered += len(whole)
            if letters:
                at = self._columns[letters] if letters in self._columns else column_index(letters.decode())
            if plain and not formula and (not kind or kind == b"n") and style not in formats:
                text = plain
            elif inline:
                text = text_cell(_unescaped(inline)) if _SPECIAL.search(inline) else inline
            elif plain or raw or formula:
                text = self._text(at, cell)
            else:
                text = b""
            if text and at == width < most:
                row.append(text)
                width += 1
            elif at < width and row[at]:
                repeated = repeated or (whole, at)
            elif text:
                width = _put(row, at, text, most)
            at += 1
        if covered != len(piece):
            raise UnusualShapeError
        if repeated:
            raise repeated_cell(_reference(*repeated))
        if len(self._shapes) < _MAX_SHAPES and (shape := RowShape.of(cells, self._columns, formats)):
            # The header is the first row, and has a shape of its own.
            self._shapes.insert(0, shape)
        return row

    def _text(self, at: int, cell: FoundCell) -> bytes:
        whole, _, style, kind, formula, plain, raw, _ = cell
        values, value = self._values, plain or _unescaped(raw)
        if value and (not kind or kind == b"n"):
            text = values.number(value, style)
            if style in values.scaling:
                values.note_format(self._applied, at, style, value, text)
        else:
            text = values.text(kind, style, value) if value else b""
        if not formula:
            return text
        has_value = value or b"<v" in whole[whole.index(formula) + len(formula) :]
        found = _unescaped(formula_of(formula))
        return values.formula_without_value(kind, found, value if has_value else None) or text


def _put(row: Row, at: int, text: bytes, most: int) -> int:
    """Puts a text into a column of the row, which is empty, and returns how many columns the row has then."""
    if at >= most:
        raise too_wide(column_letters(at), most)
    row.extend([b""] * (at + 1 - len(row)))
    row[at] = text
    return len(row)


def _reference(cell: bytes, at: int) -> str:
    """Returns the reference of a cell, or its column where it has none."""
    reference = _REFERENCE.match(cell)
    return reference[1].decode() if reference else column_letters(at)


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
