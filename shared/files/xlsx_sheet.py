"""The rows of an XLSX worksheet as CSV fields, streamed: memory grows neither with rows nor with what a sheet claims.

The sheet's `<dimension>` is never read, and no cell outside the limits is made room for. Two readers give the same
rows: one by regular expression, for the shape that spreadsheet programs write, and one by an XML parser. The first
hands over to the second at the first row it does not recognise to the last byte.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from shared.files.errors import TooLargeError
from shared.files.xlsx_package import XlsxLimits
from shared.files.xlsx_plain import UnusualShapeError, require_plain, unescaped
from shared.files.xlsx_row_shape import PLAIN_NUMBER, RowShape
from shared.files.xlsx_values import Values
from shared.files.xlsx_xml import XmlStream, local_name

Row = list[bytes]
"""The fields of one row by column, quoted where CSV needs it; without empty ones at its end."""

_ROW: Final = re.compile(rb"\s*<row(?:\s[^<>]*?)?(/?)>")
_CELL: Final = re.compile(
    rb'(<c(?: r="([A-Z]{1,3})[0-9]{1,7}")?(?: s="([0-9]{1,6})")?(?: t="([a-zA-Z]{1,9})")?\s*(?:/>|>'
    rb"(?:<f(?:\s[^<>]*)?(?:/>|>[^<]*</f>))?"
    rb"(?:<v>(?:(" + PLAIN_NUMBER + rb')|([^<]*))</v>|<v ?/>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?'
    rb"</c>)\s*)"
)
_LETTERS: Final = re.compile(r"[A-Z]{1,3}")
_MOST_ROWS: Final = 1_048_576
_MOST_COLUMNS: Final = 16_384
_MOST_SHAPES: Final = 4
_MAIN_NAMESPACE: Final = re.compile(
    rb'<worksheet\s[^<>]*?xmlns="http://(?:schemas\.openxmlformats\.org/spreadsheetml/2006|purl\.oclc\.org/ooxml/spreadsheetml)/main"'
)


def read_rows(open_part: Callable[[], Iterator[bytes]], values: Values, limits: XlsxLimits) -> Iterator[Row]:
    """Every row of the sheet whose part `open_part` opens, blank ones as empty lists.

    Raises UnsupportedFormatError for a damaged sheet and TooLargeError for one over the limits.
    """
    count = 0
    try:
        for row in fast_rows(open_part(), values, limits):
            count += 1
            yield row
    except UnusualShapeError:
        yield from islice(parsed_rows(open_part(), values, limits), count, None)


def fast_rows(blocks: Iterator[bytes], values: Values, limits: XlsxLimits) -> Iterator[Row]:
    """The rows by regular expression. Raises UnusualShapeError before the first row it cannot read."""
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
    shapes = _Shapes(values, limits)
    while True:
        end = buffer.rfind(b"</row>")
        if end >= 0:
            end += len(b"</row>")
            yield from shapes.rows(buffer[:end])
            buffer = buffer[end:]
        stop = buffer.find(b"</sheetData>")
        # Formatted rows without cells may follow the data by the hundred thousand.
        blank_count, blank_end = shapes.leading_blank_rows(buffer, stop if stop >= 0 else len(buffer))
        yield from ([] for _ in range(blank_count))
        buffer, stop = buffer[blank_end:], stop - blank_end
        if stop >= 0:
            if buffer[:stop].strip():
                raise UnusualShapeError
            break
        if len(buffer) > limits.row_bytes:
            raise _row_too_long()
        more = next(blocks, b"")
        if not more:
            raise UnusualShapeError
        buffer += more
    buffer = b""
    for _ in blocks:
        pass  # to the end, where the archive's checksum is compared


class _Shapes:
    """The rows of stretches of sheet data that consist of whole rows."""

    def __init__(self, values: Values, limits: XlsxLimits) -> None:
        self._values = values
        self._limits = limits
        self._count = 0
        self._shapes: list[RowShape] = []
        self._columns = {column_letters(index).encode(): index for index in range(limits.columns)}

    def rows(self, data: bytes) -> Iterator[Row]:
        require_plain(data)
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
        """How many rows without content `data` begins with, and where they end."""
        count = at = 0
        while (opening := _ROW.match(data, at, end)) and opening[1]:
            self._counted([])
            count, at = count + 1, opening.end()
        return count, at

    def _counted(self, row: Row) -> Row:
        self._count += 1
        if self._count > _MOST_ROWS:
            raise _too_many_rows()
        return row

    def _of_known_shape(self, piece: bytes, start: int) -> Row | None:
        for shape in self._shapes:
            row = shape.fields(piece, start, text=self._values.shared_strings.field, number=self._values.plain_number)
            if row is not None:
                return row
        return None

    def _row(self, piece: bytes, start: int) -> Row:
        row: Row = []
        at = 0
        covered = start + _space_at(piece, start)
        field_of = self._values.field
        formats = self._values.formats
        cells = _CELL.findall(piece, covered)
        for whole, letters, style, kind, plain, raw, inline in cells:
            covered += len(whole)
            if letters:
                at = self._columns[letters] if letters in self._columns else column_index(letters.decode())
            if plain and (not kind or kind == b"n") and style not in formats:
                field = plain
            elif plain or raw or inline:
                value = plain or raw or inline
                field = field_of(kind, style, unescaped(value))
            else:
                field = b""
            if field:
                if at >= self._limits.columns:
                    raise _too_wide(column_letters(at), self._limits)
                if at >= len(row):
                    row.extend([b""] * (at - len(row)))
                    row.append(field)
                else:
                    row[at] = field
            at += 1
        if covered != len(piece):
            raise UnusualShapeError
        if len(self._shapes) < _MOST_SHAPES and (shape := RowShape.of(cells, self._columns, formats)):
            # The header is the first row, and has a shape of its own.
            self._shapes.insert(0, shape)
        return row


def _space_at(piece: bytes, start: int) -> int:
    return len(piece) - start - len(piece[start:].lstrip())


def parsed_rows(blocks: Iterator[bytes], values: Values, limits: XlsxLimits) -> Iterator[Row]:
    """The rows by an XML parser, whatever the shape."""
    sheet = _ParsedSheet(values, limits)
    stream = XmlStream(start=sheet.start, end=sheet.end, text=sheet.text)
    for block in blocks:
        stream.feed(block)
        yield from sheet.finished
        sheet.finished.clear()
    stream.close()
    yield from sheet.finished


class _ParsedSheet:
    """The handlers of the XML parser, and the rows they have finished."""

    def __init__(self, values: Values, limits: XlsxLimits) -> None:
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
        local = local_name(name)
        self._path.append(local)
        if local == "c" and self._is_in("sheetData", "row", "c"):
            self._attributes = attributes
            self._pieces.clear()
            letters = _LETTERS.match(attributes.get("r", ""))
            if letters:
                self._at = column_index(letters[0])
        elif local == "row" and self._is_in("sheetData", "row"):
            self._row, self._row_bytes, self._at = [], 0, 0
            self._count += 1
            if self._count > _MOST_ROWS:
                raise _too_many_rows()

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
                raise _row_too_long()

    def _is_in(self, *names: str) -> bool:
        return self._path[-len(names) :] == list(names)

    def _finish_cell(self) -> None:
        value = "".join(self._pieces).encode()
        attributes = self._attributes
        if value:
            field = self._values.field(attributes.get("t", "").encode(), attributes.get("s", "").encode(), value)
            if field:
                if self._at >= self._limits.columns:
                    raise _too_wide(column_letters(self._at), self._limits)
                self._row.extend([b""] * (self._at + 1 - len(self._row)))
                self._row[self._at] = field
        self._at += 1


def column_index(letters: str) -> int:
    """The 0-based column of its letters: `A` is 0, `XFD` 16,383."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def column_letters(index: int) -> str:
    """The letters of a 0-based column."""
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def _too_wide(letters: str, limits: XlsxLimits) -> TooLargeError:
    return TooLargeError(
        f"The sheet has a value in column {letters}; at most {limits.columns} columns are allowed. "
        "Delete what stands beside the data and upload the workbook again."
    )


def _too_many_rows() -> TooLargeError:
    return TooLargeError(f"The sheet has more than {_MOST_ROWS:,} rows. Save the data as CSV, and upload that.")


def _row_too_long() -> TooLargeError:
    return TooLargeError("The sheet has a row of many megabytes. Check its cells, or save the data as CSV instead.")
