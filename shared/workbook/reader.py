"""Reads XLSX workbooks as rows of text, streamed and in bounded memory.

    workbook = open_workbook(file)
    for sheet in workbook.sheets:
        for row in workbook.rows(sheet):
            ...

A cell has a type, a style and a value. The value of a text is inline or a number in the table of shared strings, that
of a formula is the one saved with it. The style says how a number is displayed. `_cells` and `_number_formats` turn all
three into the displayed text, with all digits of a number. No formula is evaluated, and no link to another file is
followed. Rows and columns that are hidden are read: people hide them by filters. Hidden sheets can be read too;
`Sheet.is_visible` distinguishes them.

Read as no number, whatever the column: a formula saved without a value, as `#FORMULA! =A1/B1`; a numeric cell whose
value is no number in XML (`12,5`), and a number whose format leaves its unit unclear, both with `#` before them. A row
that names a cell again that has a value, and a cell with two values, are errors of the workbook.

A sheet is read by one of two readers that find the same rows: `_regex_reader` for the shape that spreadsheet programs
write, and `_xml_reader` for everything else, several times slower (`infra/decisions/0019-two-xlsx-readers.md`).

Standard library only. The format: ECMA-376 part 1 (SpreadsheetML) and part 2 (Open Packaging Conventions).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from typing import BinaryIO

from shared.workbook import _regex_reader, _xml_reader
from shared.workbook._cells import AppliedFormats, Row, SharedStrings, Values
from shared.workbook._number_formats import read_formats
from shared.workbook._package import Package, Sheet, read_parts
from shared.workbook._regex_reader import UnusualShapeError
from shared.workbook.errors import UnreadableWorkbookError, WorkbookTooLargeError
from shared.workbook.limits import Limits

__all__ = ["AppliedFormats", "Row", "Sheet", "Workbook", "open_workbook"]


class Workbook:
    """The worksheets of an open XLSX file. Not to be shared between threads; its file has to stay open.

    `sheets` are in the order of the workbook.
    """

    def __init__(self, package: Package, sheets: tuple[Sheet, ...], values: Values, limits: Limits) -> None:
        self._package = package
        self._values = values
        self._limits = limits
        self.sheets = sheets

    def searching(self) -> AbstractContextManager[None]:
        """Bounds what is unpacked meanwhile by `Limits.searched_bytes`. Sheets that are open may be read on later."""
        return self._package.reading_at_most(self._limits.searched_bytes)

    def rows(self, sheet: Sheet, applied: AppliedFormats | None = None) -> Iterator[Row]:
        """Yields every row of the sheet as the UTF-8 text of its cells, a blank row as an empty list.

        Blank rows that the part leaves out are among them, at most thirty in a row.
        A cell's index is its column; empty cells at the end of a row are left out. Some cells have two texts, which
        `marks` distinguishes. The sheet's declared dimension is ignored. Formats that scale numbers by thousands are
        added to `applied`. Raises `UnreadableWorkbookError` or `WorkbookTooLargeError`, also after some rows.
        """
        blocks = partial(self._package.blocks, sheet.part)
        return _read_rows(blocks, self._values, self._limits, {} if applied is None else applied)


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
    formats = read_formats(package.elements(parts.styles)) if parts.styles else {}
    values = Values(
        shared_strings=strings,
        formats=formats,
        scaling=frozenset(style for style, one in formats.items() if one.scales),
        dates_from_1904=parts.dates_from_1904,
        recalculates=parts.recalculates,
    )
    return Workbook(package, parts.sheets, values, limits)


def _read_rows(
    open_part: Callable[[], Iterator[bytes]], values: Values, limits: Limits, applied: AppliedFormats
) -> Iterator[Row]:
    count = 0
    try:
        for row in _regex_reader.rows(open_part(), values, limits, applied):
            count += 1
            yield row
    except UnusualShapeError:
        yield from islice(_xml_reader.rows(open_part(), values, limits, applied), count, None)


def _read_strings(open_part: Callable[[], Iterator[bytes]], strings: SharedStrings, limits: Limits) -> None:
    try:
        for cell in _regex_reader.strings(_bounded(open_part(), limits)):
            strings.add(cell)
    except UnusualShapeError:
        for cell in islice(_xml_reader.strings(_bounded(open_part(), limits)), len(strings), None):
            strings.add(cell)


def _bounded(blocks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > limits.shared_strings_bytes:
            raise WorkbookTooLargeError(
                "The Excel workbook has too much text. Save the sheet with the data as CSV instead."
            )
        yield block
