"""XLSX uploads: the sheet that is scored, and its rows as canonical CSV, streamed and in bounded memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import BinaryIO, Final

from shared.delimited.cells import quoted
from shared.inputs.errors import (
    DuplicateColumnsError,
    EmptyFileError,
    FileError,
    MissingColumnsError,
    TooLargeError,
    UnsupportedFormatError,
)
from shared.inputs.header import MAX_COLUMNS, check_columns, read_header
from shared.inputs.streams import Writable
from shared.vocabulary import JobType
from shared.workbook.errors import UnreadableWorkbookError, WorkbookTooLargeError
from shared.workbook.limits import Limits
from shared.workbook.reader import Row, Sheet, open_workbook

_ROWS_AT_ONCE: Final = 4_096
_BYTES_AT_ONCE: Final = 4 << 20
_BLANKS: Final = b" \t\r\n"
_NEEDS_QUOTES: Final = b',"\r\n'

LIMITS: Final = Limits(columns=MAX_COLUMNS)
"""Of the workbooks that are accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """The sheet that was read, how many data rows it has, and how many bytes were written."""

    sheet: str
    row_count: int
    written_bytes: int


def convert(file: BinaryIO, out: Writable, *, job_type: JobType, limits: Limits = LIMITS) -> Converted:
    """Writes the first sheet of a workbook whose header has the columns of the job type to `out`, in canonical form.

    The header is the first row that is not blank. Blank rows are left out, short ones padded to the header's width;
    values right of the header stay, so that the row is malformed. `file` has to be seekable.
    Raises UnsupportedFormatError or TooLargeError, EmptyFileError for a workbook without a header or data rows, and
    the header's error for the sheet that comes nearest.
    """
    with _translated_errors():
        sheet, header, rows = _data_sheet(file, job_type, limits)
        row_count = 0
        written_bytes = _write([header], out, width=len(header))
        for batch in _batches(rows):
            row_count += len(batch)
            written_bytes += _write(batch, out, width=len(header))
    if not row_count:
        raise _no_data_rows()
    return Converted(sheet=sheet.name, row_count=row_count, written_bytes=written_bytes)


def check_workbook(file: BinaryIO, *, job_type: JobType, limits: Limits = LIMITS) -> None:
    """Raises what `convert` would for the package, the header or a lack of data rows, without reading the rows."""
    with _translated_errors():
        _, _, rows = _data_sheet(file, job_type, limits)
        if next(rows, None) is None:
            raise _no_data_rows()


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except UnreadableWorkbookError as error:
        raise UnsupportedFormatError(str(error)) from error
    except WorkbookTooLargeError as error:
        raise TooLargeError(str(error)) from error


def _no_data_rows() -> EmptyFileError:
    return EmptyFileError("The file has no data rows")


def _data_sheet(file: BinaryIO, job_type: JobType, limits: Limits) -> tuple[Sheet, Row, Iterator[Row]]:
    """Returns the sheet to be scored, its header row, and its data rows."""
    workbook = open_workbook(file, limits)
    nearest: FileError | None = None
    for sheet in workbook.sheets:
        rows = _filled(workbook.rows(sheet))
        header = next(rows, None)
        if header is None:
            continue
        try:
            check_columns(read_header([cell.decode() for cell in header], max_columns=limits.columns), job_type)
        except (MissingColumnsError, DuplicateColumnsError, TooLargeError) as error:
            nearest = error if nearest is None else min(nearest, error, key=_distance)
            continue
        return sheet, header, rows
    raise nearest or EmptyFileError("The file is empty")


def _distance(error: FileError) -> int:
    return len(error.columns) if isinstance(error, MissingColumnsError) else 0


def _filled(rows: Iterator[Row]) -> Iterator[Row]:
    """Yields the rows that are not blank."""
    for row in rows:
        if b"".join(row).strip(_BLANKS):
            yield row


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yields the rows in batches, bounded in bytes too: a shared string may be in every cell."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(map(len, row))
        if len(batch) == _ROWS_AT_ONCE or size > _BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _write(rows: list[Row], out: Writable, *, width: int) -> int:
    """Writes rows as canonical CSV, and returns how many bytes that took. Quotes the cells of `rows` in place."""
    # By column, since most have nothing to quote, and looking into a long text costs a fraction of a look into each.
    for place, column in enumerate(zip_longest(*rows, fillvalue=b"")):
        text = b"".join(column)
        if any(byte in text for byte in _NEEDS_QUOTES):
            for row in rows:
                if place < len(row):
                    row[place] = quoted(row[place])
    data = b"".join([b",".join(row) + b"," * (width - len(row)) + b"\n" for row in rows])
    out.write(data)
    return len(data)
