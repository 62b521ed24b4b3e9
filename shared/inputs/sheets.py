"""Which sheet of a workbook is scored, and its rows without blank ones and footnotes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO, Final

from shared.inputs.errors import (
    DuplicateColumnsError,
    EmptyFileError,
    FileError,
    MissingColumnsError,
    TooLargeError,
)
from shared.inputs.header import Header, check_columns, no_header, read_header
from shared.inputs.header_help import Advice, advice_on_rows
from shared.vocabulary import JobType, Note
from shared.workbook.errors import WorkbookError
from shared.workbook.limits import Limits
from shared.workbook.marks import as_text
from shared.workbook.reader import AppliedFormats, Row, Sheet, Workbook, open_workbook

_BLANKS: Final = b" \t\r\n"
_MAX_FOOTNOTES: Final = 20
"""More rows of one cell each are no footnotes."""
_SHOWN_TEXTS: Final = 5
_SHOWN_LENGTH: Final = 80


class DataRows:
    """The rows behind the header that are not blank, and the footnotes behind them.

    Rows of one cell that has several words, behind a data row and a blank row, are held back: they are footnotes unless
    another row follows.
    """

    def __init__(self, rows: Iterator[Row]) -> None:
        self.footnotes: list[Row] = []
        self._rows = self._without_footnotes(rows)
        self._first = next(self._rows, None)

    @property
    def is_empty(self) -> bool:
        """Whether there is no data row."""
        return self._first is None

    def __iter__(self) -> Iterator[Row]:
        return chain([] if self._first is None else [self._first], self._rows)

    def _without_footnotes(self, rows: Iterator[Row]) -> Iterator[Row]:
        held = self.footnotes
        has_rows = is_behind_blank = False
        for row in rows:
            if not b"".join(row).strip(_BLANKS):
                is_behind_blank = has_rows
                continue
            if is_behind_blank:
                if len(held) < _MAX_FOOTNOTES and _is_prose(row):
                    held.append(row)
                    continue
                is_behind_blank = False
                yield from held
                held.clear()
            has_rows = True
            yield row


def _is_prose(row: Row) -> bool:
    """Returns whether one cell of the row has text, of several words."""
    texts = [text for cell in row if (text := cell.strip(_BLANKS))]
    return len(texts) == 1 and b" " in texts[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSheet:
    """A sheet with the right header: its header, its data rows, and the formats that these apply."""

    sheet: Sheet
    header: Header
    header_row: Row
    rows: DataRows
    applied: AppliedFormats
    notes: list[Note] = field(default_factory=list)


def data_sheet(file: BinaryIO, job_type: JobType, name: str | None, limits: Limits) -> DataSheet:
    """Returns the sheet to be scored, read up to its first data row."""
    workbook = open_workbook(file, limits)
    with workbook.searching():
        if name is not None:
            found = _opened(workbook, _named_sheet(workbook.sheets, name), job_type, limits)
            if found is None or found.rows.is_empty:
                raise _no_rows(found)
            return found
        # A stable sort: visible sheets first.
        sheets = list(_distinct(sorted(workbook.sheets, key=lambda sheet: not sheet.is_visible)))
        if not sheets[0].is_visible:
            raise EmptyFileError("All sheets of the workbook are hidden. Unhide the one with the data, and save it.")
        return _first_data_sheet(workbook, sheets, job_type, limits)


def _first_data_sheet(workbook: Workbook, sheets: list[Sheet], job_type: JobType, limits: Limits) -> DataSheet:
    nearest: FileError | None = None
    found: DataSheet | None = None
    skipped: list[Sheet] = []
    for sheet in sheets[: limits.searched_sheets]:
        if found is None and sheet.is_visible:
            try:
                opened = _opened(workbook, sheet, job_type, limits)
            except (MissingColumnsError, DuplicateColumnsError, TooLargeError) as error:
                nearest = error if nearest is None else min(nearest, error, key=_distance)
                continue
            if opened is not None and not opened.rows.is_empty:
                found = opened
            elif opened is not None:
                skipped.append(sheet)
                nearest = _no_rows(opened)
        elif _has_columns(workbook, sheet, job_type, limits):
            skipped.append(sheet)
    if found is None and sum(sheet.is_visible for sheet in sheets) > limits.searched_sheets:
        raise TooLargeError(
            f"None of the first {limits.searched_sheets} sheets of the workbook has the columns and a data row. "
            "Name the sheet with `sheet`, or save it as a new workbook."
        )
    if found is None:
        raise nearest or _no_rows(None)
    found.notes.extend(_sheet_notes(found.sheet, skipped))
    return found


def _named_sheet(sheets: Sequence[Sheet], name: str) -> Sheet:
    """Returns the visible sheet of this name, its case ignored if none has it exactly. Raises EmptyFileError."""
    visible = [sheet for sheet in sheets if sheet.is_visible]
    exact = [sheet for sheet in visible if sheet.name == name]
    found = exact or [sheet for sheet in visible if sheet.name.strip().casefold() == name.strip().casefold()]
    if not found:
        names = listed([sheet.name for sheet in visible])
        raise EmptyFileError(f"The workbook has no visible sheet of that name. Its visible sheets: {names}.")
    return found[0]


def _distinct(sheets: Iterable[Sheet]) -> Iterator[Sheet]:
    """Yields the sheets without those whose part an earlier one has."""
    parts: set[str] = set()
    for sheet in sheets:
        if sheet.part not in parts:
            parts.add(sheet.part)
            yield sheet


def _opened(workbook: Workbook, sheet: Sheet, job_type: JobType, limits: Limits) -> DataSheet | None:
    """Returns a sheet, read up to its first data row; None for a blank one. Raises the errors of its header."""
    applied: AppliedFormats = {}
    rows = workbook.rows(sheet, applied)
    filled = ((number, row) for number, row in enumerate(rows, start=1) if b"".join(row).strip(_BLANKS))
    _, header_row = next(filled, (0, None))
    if header_row is None:
        return None
    header_row = [as_text(cell) for cell in header_row]
    names = _texts(header_row)
    try:
        header = read_header(names, max_columns=limits.columns)
        check_columns(header, job_type)
    except (MissingColumnsError, DuplicateColumnsError):
        if advice := _advice(names, filled):
            raise no_header(advice, header=names, job_type=job_type) from None
        raise
    applied.clear()
    return DataSheet(sheet=sheet, header=header, header_row=header_row, rows=DataRows(rows), applied=applied)


def _advice(header: Sequence[str], filled: Iterator[tuple[int, Row]]) -> Advice | None:
    try:
        return advice_on_rows(header, ((number, _texts(row)) for number, row in filled), unit="row")
    except WorkbookError:
        return None  # another sheet may be readable


def _texts(row: Row) -> list[str]:
    return [as_text(cell).decode() for cell in row]


def _has_columns(workbook: Workbook, sheet: Sheet, job_type: JobType, limits: Limits) -> bool:
    """Returns whether a sheet that is not scored has the right header. One that cannot be read has not."""
    try:
        row = next((row for row in workbook.rows(sheet) if b"".join(row).strip(_BLANKS)), [])
        check_columns(read_header(_texts(row), max_columns=limits.columns), job_type)
    except (WorkbookError, FileError):
        return False
    return True


def _no_rows(found: DataSheet | None) -> EmptyFileError:
    return EmptyFileError("The file is empty" if found is None else "The file has no data rows")


def _sheet_notes(read: Sheet, skipped: Sequence[Sheet]) -> Iterator[Note]:
    if skipped:
        names = [sheet.name + ("" if sheet.is_visible else " (hidden)") for sheet in skipped]
        yield Note(
            code="sheets_skipped",
            message=f"The sheet {listed([read.name])} was read. Not read, though it has the same columns: "
            f"{listed(names)}. Name another sheet with `sheet`, or upload it as a workbook of its own.",
        )


def listed(texts: Sequence[str]) -> str:
    """Returns texts of the workbook, quoted, for a message: at most `_SHOWN_TEXTS` of them, each on one line."""
    quoted = ", ".join(f'"{shortened(text)}"' for text in texts[:_SHOWN_TEXTS])
    more = len(texts) - _SHOWN_TEXTS
    return f"{quoted} and {more} more" if more > 0 else quoted


def shortened(text: str) -> str:
    """Returns a text of the workbook on one line, of bounded length."""
    text = "".join(character if character.isprintable() else " " for character in text[: _SHOWN_LENGTH + 1]).strip()
    return text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "..."


def _distance(error: FileError) -> int:
    return len(error.columns) if isinstance(error, MissingColumnsError) and not error.is_advised else 0
