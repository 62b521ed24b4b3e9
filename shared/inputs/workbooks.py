"""XLSX uploads: the sheet that is scored, and its rows as canonical CSV, streamed and in bounded memory."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, zip_longest
from math import isfinite
from typing import BinaryIO, Final

from shared.delimited.cells import quoted
from shared.inputs.columns import BY_NAME, Kind
from shared.inputs.errors import TooLargeError, UnsupportedFormatError
from shared.inputs.header import MAX_COLUMNS, Header
from shared.inputs.sheets import data_sheet, listed, shortened
from shared.inputs.streams import Writable
from shared.vocabulary import JobType, Note
from shared.workbook.errors import UnreadableWorkbookError, WorkbookTooLargeError
from shared.workbook.limits import Limits
from shared.workbook.marks import MARK, TEXT_SIGN, as_number, as_text, proves_point
from shared.workbook.reader import AppliedFormats, Row

_ROWS_AT_ONCE: Final = 4_096
_BYTES_AT_ONCE: Final = 4 << 20
_NEEDS_QUOTES: Final = b',"\r\n'
_SHOWN_FORMATS: Final = 10
_SCALES: Final = {1: "thousands", 2: "millions", 3: "billions"}

LIMITS: Final = Limits(columns=MAX_COLUMNS)
"""Of the workbooks that are accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """The sheet that was read, how many data rows it has, how many bytes were written, and what was assumed.

    The cells of a workbook have types. In the canonical form a figure with a point is a number, or a text whose point
    can only be a decimal sign. A text whose points could group its digits begins with `'`, and other texts have a
    comma. `proves_point` is whether some text has a point that can only be a decimal sign.
    """

    sheet: str
    row_count: int
    written_bytes: int
    notes: tuple[Note, ...]
    proves_point: bool


def convert(
    file: BinaryIO, out: Writable, *, job_type: JobType, sheet: str | None = None, limits: Limits = LIMITS
) -> Converted:
    """Writes the sheet of a workbook that is scored to `out`, in canonical form.

    That is the sheet named `sheet`, or the first visible one with the columns of the job type and a data row. Hidden
    sheets are never scored; hidden rows and columns are read. The header is the first row that is not blank. Blank rows
    are left out, and rows of one cell at the end, behind a blank row: footnotes, which a note shows. Short rows are
    padded to the header's width; values right of the header stay, so that the row is malformed. `file` has to be
    seekable.

    Raises UnsupportedFormatError or TooLargeError, EmptyFileError for a workbook without a header, data rows or a
    visible sheet of that name, and the header's error for the sheet that comes nearest.
    """
    with _translated_errors():
        found = data_sheet(file, job_type, sheet, limits)
        writer = _Writer(out, found.header, max_bytes=_max_written_bytes(file, limits))
        writer.write([found.header_row])
        row_count = 0
        for batch in _batches(found.rows):
            row_count += len(batch)
            writer.write(batch)
    notes = [*found.notes, *_format_notes(found.applied, found.header), *_footnote_notes(found.rows.footnotes)]
    return Converted(
        sheet=found.sheet.name,
        row_count=row_count,
        written_bytes=writer.written_bytes,
        notes=tuple(notes),
        proves_point=writer.proves_point,
    )


def check_workbook(file: BinaryIO, *, job_type: JobType, sheet: str | None = None, limits: Limits = LIMITS) -> None:
    """Raises what `convert` would for the package, the header or a lack of data rows, without reading the rows."""
    with _translated_errors():
        data_sheet(file, job_type, sheet, limits)


def _max_written_bytes(file: BinaryIO, limits: Limits) -> int:
    """Returns how large the canonical form may be: a text that the workbook has once may be in every cell of it."""
    return min(max(limits.ratio * file.seek(0, 2), limits.ratio_from_bytes), limits.unpacked_bytes)


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except UnreadableWorkbookError as error:
        raise UnsupportedFormatError(str(error)) from error
    except WorkbookTooLargeError as error:
        raise TooLargeError(str(error)) from error


def _format_notes(applied: AppliedFormats, header: Header) -> Iterator[Note]:
    """Yields a note for each column and format that scaled numbers by thousands, or left their unit unclear."""
    for (at, code), (raw, text) in islice(sorted(applied.items()), _SHOWN_FORMATS):
        column = header.names[at] if at < len(header.names) else f"column {at + 1}"
        before = _finite(raw)
        if before is None:
            continue  # no number, which is an error of its row
        place = f"{shortened(column)}: the format {shortened(code)}"
        if text.startswith(b"#"):
            message = f"{place} does not show the unit of a number; {before:,f} was not read"
        else:
            after = Decimal(text.decode().rstrip("%"))
            thousands = (before / after).adjusted() // 3 if after else 0
            shows = f"shows {_SCALES[thousands]}" if thousands in _SCALES else "scales numbers"
            message = f"{place} {shows}; {before:,f} was read as {after:,f}"
        yield Note(code="format_applied", message=message)


def _footnote_notes(footnotes: Sequence[Row]) -> Iterator[Note]:
    if footnotes:
        texts = [as_text(b"".join(row)).decode() for row in footnotes]
        yield Note(code="footnotes_skipped", message=f"Left out below the table, as footnotes: {listed(texts)}")


def _finite(raw: bytes) -> Decimal | None:
    try:
        number = float(raw.replace(b"_", b"no number"))
    except ValueError:
        return None
    if not isfinite(number):
        return None
    return Decimal(int(number)) if number.is_integer() else Decimal(repr(number))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
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


class _Writer:
    """Writes rows as canonical CSV, and counts the bytes."""

    def __init__(self, out: Writable, header: Header, *, max_bytes: int) -> None:
        self.written_bytes = 0
        self._max_bytes = max_bytes
        self.proves_point = False
        self._out = out
        self._columns = [BY_NAME.get(name) for name in header.normalized]

    def write(self, rows: list[Row]) -> None:
        """Writes rows. Quotes their cells in place."""
        # By column, since most have nothing to quote, and looking into a long text costs a fraction of a look into
        # each.
        for place, column in enumerate(zip_longest(*rows, fillvalue=b"")):
            text = b"".join(column)
            if MARK in text:
                self._settle(rows, place)
                text = b"".join([row[place] for row in rows if place < len(row)])
            if any(byte in text for byte in _NEEDS_QUOTES):
                for row in rows:
                    if place < len(row):
                        row[place] = quoted(row[place])
        width = len(self._columns)
        data = b"".join([b",".join(row) + b"," * (width - len(row)) + b"\n" for row in rows])
        self.written_bytes += len(data)
        if self.written_bytes > self._max_bytes:
            raise TooLargeError(
                f"The rows of the workbook have over {self._max_bytes >> 20:,} MiB of text, too much for its size. "
                "Delete long texts that are in many cells, or upload the rows as CSV."
            )
        self._out.write(data)

    def _settle(self, rows: list[Row], place: int) -> None:
        """Replaces the cells of a column that have two texts by the one that the column has."""
        column = self._columns[place] if place < len(self._columns) else None
        has_numbers = column is not None and (column.kind is not Kind.TEXT or column.name == "company_symbol")
        is_figure = column is not None and column.kind is Kind.NUMBER
        for row in rows:
            if place < len(row) and row[place][:1] == MARK:
                cell = row[place]
                if is_figure:
                    self.proves_point |= proves_point(cell)
                    row[place] = as_number(cell)
                else:
                    row[place] = as_number(cell).removeprefix(TEXT_SIGN) if has_numbers else as_text(cell)
