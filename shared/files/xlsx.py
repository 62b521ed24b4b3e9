"""Turning an XLSX workbook into the canonical CSV form, streamed and with bounded memory.

It is read by a reader of our own. Fast ones (python-calamine) keep a whole sheet in memory, as a dense range of the
extent its cells claim, so that a few kilobytes can end the process; openpyxl takes several times
as long (`make bench`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from shared.files.errors import (
    DuplicateColumnsError,
    EmptyFileError,
    FileError,
    MissingColumnsError,
    TooLargeError,
    UnsupportedFormatError,
)
from shared.files.grammar import unquoted
from shared.files.header import check_columns, read_header
from shared.files.streams import Writable
from shared.files.xlsx_package import Package, Sheet, XlsxLimits, read_workbook
from shared.files.xlsx_sheet import Row, read_rows
from shared.files.xlsx_values import Values, read_values
from shared.vocabulary import JobType

_LINES_AT_ONCE: Final = 4_096
_BLANKS: Final = b' ,\t\r\n"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """The sheet that was read, how many data rows it has, and how many bytes were written."""

    sheet: str
    row_count: int
    written_bytes: int


def convert(file: BinaryIO, out: Writable, *, job_type: JobType, limits: XlsxLimits | None = None) -> Converted:
    """Write the first sheet of a workbook whose header has the columns of the job type to `out`, in canonical form.

    The header is the first row that is not blank. Blank rows are left out, short ones padded to the header's width;
    values beside the header stay, so that the row is malformed. Formulas give the value that was saved with them.
    `file` has to be seekable. Raises UnsupportedFormatError or TooLargeError, EmptyFileError for a workbook without a
    header or data rows, and the header's error for the sheet that comes nearest.
    """
    limits = limits or XlsxLimits()
    sheet, header, rows = _data_sheet(file, job_type, limits)
    return _write(sheet, header, rows, out, limits)


def check_workbook(file: BinaryIO, *, job_type: JobType, limits: XlsxLimits | None = None) -> None:
    """Raise what `convert` would for the package, the header or a lack of data rows, without reading the rows."""
    _, _, rows = _data_sheet(file, job_type, limits or XlsxLimits())
    if next(rows, None) is None:
        raise _no_data_rows()


def _data_sheet(file: BinaryIO, job_type: JobType, limits: XlsxLimits) -> tuple[Sheet, Row, Iterator[Row]]:
    """The sheet to be scored, its header row, and its data rows."""
    package = Package(file, limits)
    workbook = read_workbook(package)
    if not workbook.sheets:
        raise UnsupportedFormatError("The Excel workbook has no worksheet. Put the data on one and save it again.")
    values = read_values(package, workbook, limits)
    nearest: FileError | None = None
    for sheet in workbook.sheets:
        rows = _filled_rows(package, sheet, values, limits)
        header = next(rows, None)
        if header is None:
            continue
        try:
            names = read_header([unquoted(cell).decode() for cell in header], max_columns=limits.columns)
            check_columns(names, job_type)
        except (MissingColumnsError, DuplicateColumnsError, TooLargeError) as error:
            nearest = error if nearest is None else min(nearest, error, key=_distance)
            continue
        return sheet, header, rows
    raise nearest or EmptyFileError("The file is empty")


def _no_data_rows() -> EmptyFileError:
    return EmptyFileError("The file has no data rows")


def _filled_rows(package: Package, sheet: Sheet, values: Values, limits: XlsxLimits) -> Iterator[Row]:
    for row in read_rows(lambda: package.blocks(sheet.part), values, limits):
        # Only a row that looks blank as a whole is worth a look at its cells.
        if row and (b"".join(row).strip(_BLANKS) or any(unquoted(cell).strip() for cell in row)):
            yield row


def _distance(error: FileError) -> int:
    return len(error.columns) if isinstance(error, MissingColumnsError) else 0


def _write(sheet: Sheet, header: Row, rows: Iterator[Row], out: Writable, limits: XlsxLimits) -> Converted:
    width = len(header)
    lines = [b",".join(header)]
    row_count = 0
    written_bytes = 0
    for row in rows:
        row_count += 1
        if row_count > limits.rows:
            raise TooLargeError(
                f"The sheet has more than {limits.rows:,} data rows. Save it as CSV, or split it, and upload again."
            )
        lines.append(b",".join(row) + b"," * (width - len(row)))
        if len(lines) == _LINES_AT_ONCE:
            written_bytes += _flush(lines, out)
    written_bytes += _flush(lines, out)
    if not row_count:
        raise _no_data_rows()
    return Converted(sheet=sheet.name, row_count=row_count, written_bytes=written_bytes)


def _flush(lines: list[bytes], out: Writable) -> int:
    data = b"\n".join([*lines, b""])
    out.write(data)
    lines.clear()
    return len(data)
