"""Reads XLSX workbooks as rows of text, streamed and in bounded memory.

    workbook = open_workbook(file)
    for sheet in workbook.sheets:
        for row in workbook.rows(sheet):
            ...

A cell has a type, a style and a value. The value of a text is inline or a number in the table of shared strings, that
of a formula is the one saved with it. The style says if a number is a date or a percentage. `_cells` turns all three
into the displayed text. No formula is evaluated, and no link to another file is followed.

A sheet is read by one of two readers that find the same rows: `_regex_reader` for the shape that spreadsheet programs
write, and `_xml_reader` for everything else, several times slower (`infra/decisions/0019-two-xlsx-readers.md`).

Standard library only. The format: ECMA-376 part 1 (SpreadsheetML) and part 2 (Open Packaging Conventions).
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import BinaryIO

from shared.workbook import _regex_reader, _xml_reader
from shared.workbook._cells import Row, SharedStrings, Values, read_formats
from shared.workbook._package import Package, Sheet, read_parts
from shared.workbook._regex_reader import UnusualShapeError
from shared.workbook.errors import UnreadableWorkbookError, WorkbookTooLargeError
from shared.workbook.limits import Limits

__all__ = ["Row", "Sheet", "Workbook", "open_workbook"]


class Workbook:
    """The worksheets of an open XLSX file. Not to be shared between threads; its file has to stay open.

    `sheets` are in the order of the workbook.
    """

    def __init__(self, package: Package, sheets: tuple[Sheet, ...], values: Values, limits: Limits) -> None:
        self._package = package
        self._values = values
        self._limits = limits
        self.sheets = sheets

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """Yields every row of the sheet as the UTF-8 text of its cells, a blank row as an empty list.

        A cell's index is its column; empty cells at the end of a row are left out. The sheet's declared dimension is
        ignored. Raises `UnreadableWorkbookError` or `WorkbookTooLargeError`, also after some rows.
        """
        return _read_rows(lambda: self._package.blocks(sheet.part), self._values, self._limits)


def open_workbook(file: BinaryIO, limits: Limits | None = None) -> Workbook:
    """Opens a seekable file, and reads its shared strings and styles but none of its sheets.

    Raises `UnreadableWorkbookError` or `WorkbookTooLargeError`.
    """
    limits = limits or Limits()
    package = Package(file, limits)
    parts = read_parts(package)
    if not parts.sheets:
        raise UnreadableWorkbookError("The Excel workbook has no worksheet. Put the data on one and save it again.")
    strings = SharedStrings()
    if (part := parts.shared_strings) is not None:
        _read_strings(lambda: package.blocks(part), strings, limits)
    values = Values(
        shared_strings=strings,
        formats=read_formats(package.elements(parts.styles)) if parts.styles else {},
        dates_from_1904=parts.dates_from_1904,
    )
    return Workbook(package, parts.sheets, values, limits)


def _read_rows(open_part: Callable[[], Iterator[bytes]], values: Values, limits: Limits) -> Iterator[Row]:
    count = 0
    try:
        for row in _regex_reader.rows(open_part(), values, limits):
            count += 1
            yield row
    except UnusualShapeError:
        yield from islice(_xml_reader.rows(open_part(), values, limits), count, None)


def _read_strings(open_part: Callable[[], Iterator[bytes]], strings: SharedStrings, limits: Limits) -> None:
    try:
        for raw in _regex_reader.strings(_bounded(open_part(), limits)):
            strings.add(raw)
    except UnusualShapeError:
        for raw in islice(_xml_reader.strings(_bounded(open_part(), limits)), len(strings), None):
            strings.add(raw)


def _bounded(blocks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > limits.shared_strings_bytes:
            raise WorkbookTooLargeError(
                "The Excel workbook has too much text. Save the sheet with the data as CSV instead."
            )
        yield block
