"""The input columns of result files: CSV with commas, each record's text as it was written.

Changed are only: the delimiter, where it was another; `company_symbol`, which is trimmed and in upper case, and
`reporting_quarter`, as `Qn`, where they are valid; names, sectors and years, from which invisible characters and marks
for text are removed where they are valid; text that a spreadsheet would run as a formula, which gets a guard (see
`shared.scoring.values`); and quotes, where the text needs them in the new form.

Text columns are guarded even where they hold a number such as `+1`; other columns only where they do not.

A malformed record has no cells. It is written whole in the first input column, and the other columns are empty: nothing
of it is lost, no figure of it lands in the wrong column, and the file stays rectangular. A NUL in it is shown as `␀`.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from shared.delimited.cells import quoted, unquoted
from shared.delimited.table import Table
from shared.delimited.writing import RecordWriter
from shared.inputs.columns import BY_NAME, COLUMNS, Kind
from shared.inputs.header import Layout
from shared.inputs.numbers import figure_text, trimmed
from shared.scoring.plain_cells import Mask, bare_quarters, lettered_quarters, plain_text, split_cells, years_as_written
from shared.scoring.results import SOURCE_ROW
from shared.scoring.values import (
    BLANKS,
    cleaned,
    guarded,
    is_blank,
    is_date,
    is_excel_error,
    is_formula_without_value,
    is_number,
    is_year,
    read_quarter,
    unguarded,
)

# The first bytes of what begins a formula, those in full width among them.
_FORMULA_BYTES = b"=+-@\t\r\n\xef"
LONGEST_SYMBOL = BY_NAME["company_symbol"].max_length or 0
# Of any number of a row that there is.
_ROW_DIGITS = 12
_NOT_VALIDATED: Final[Mapping[str, Mask]] = {}


def passthrough_lines(table: Table, layout: Layout, plain_texts: Mapping[str, Mask] = _NOT_VALIDATED) -> list[bytes]:
    """Returns every record as CSV cells joined by commas, without a line end: `[n]`.

    `plain_texts` is `ValidatedRows.plain_texts`, for rows that were validated.
    """
    writer = RecordWriter(table)
    _guard_formulas(writer, table, layout)
    for column in COLUMNS:
        if column.kind is Kind.TEXT and column.name in layout.normalized:
            place = layout.place(column.name)
            limit = column.max_length or 0
            plain = plain_texts.get(column.name)
            if plain is None:
                plain = plain_text(table, place, limit)
            if column.name == "company_symbol":
                _normalize_symbols(writer, table, place, plain)
            else:
                _clean_texts(writer, table, place, plain, limit)
    if "reporting_year" in layout.normalized:
        _clean_years(writer, table, layout.place("reporting_year"))
    if "reporting_quarter" in layout.normalized:
        _normalize_quarters(writer, table, layout.place("reporting_quarter"))
    blanks = b"," * (layout.field_count - 1)
    for row, malformed in table.malformed.items():
        record, number = malformed.record, b""
        if layout.normalized[-1] == SOURCE_ROW:
            record, number = _without_source_row(record, malformed.fields, layout.delimiter.encode())
        text = guarded(record.decode().replace("\0", "␀"))
        writer.set_line(row, quoted(text.encode()) + blanks + number)
    return writer.lines()


def symbol_of(text: str) -> str:
    """Returns the company symbol that an unguarded cell means, `""` if it is blank, a date, an error or too long."""
    symbol = trimmed(cleaned(text, symbol=True))
    is_none = is_blank(symbol, symbol=True) or is_date(symbol) or is_excel_error(symbol)
    return "" if is_none or is_formula_without_value(symbol) or len(symbol.upper()) > LONGEST_SYMBOL else symbol.upper()


def source_row_of(line: bytes) -> int | None:
    """Returns the number at the end of a retry's line, or None where the cell holds anything else."""
    number = line.rpartition(b",")[2]
    return int(number) if number.isdigit() and len(number) <= _ROW_DIGITS else None


def _guard_formulas(writer: RecordWriter, table: Table, layout: Layout) -> None:
    is_text = np.array([name in BY_NAME and BY_NAME[name].kind is Kind.TEXT for name in layout.normalized])
    suspects = table.cells_opening_with(_FORMULA_BYTES, except_numbers=~is_text)
    suspects += [(column, row) for column, rows in split_cells(table).items() for row in rows.tolist()]
    for column, row in suspects:
        text = table.text(column, row)
        if (safe := guarded(text)) != text and (is_text[column] or not (text.casefold() in BLANKS or is_number(text))):
            writer.set_text(column, row, safe)


def _normalize_symbols(writer: RecordWriter, table: Table, column: int, plain: Mask) -> None:
    for row in np.flatnonzero(~plain & table.well_formed).tolist():
        text = table.text(column, row)
        symbol = symbol_of(unguarded(text))
        if symbol and guarded(symbol) != text:
            writer.set_text(column, row, guarded(symbol))
    writer.upper_case(column, plain)


def _clean_texts(writer: RecordWriter, table: Table, column: int, plain: Mask, limit: int) -> None:
    for row in np.flatnonzero(~plain & table.well_formed).tolist():
        text = unguarded(table.text(column, row))
        clean = cleaned(text)
        if clean != text and not is_blank(trimmed(clean)) and len(trimmed(clean)) <= limit:
            writer.set_text(column, row, guarded(clean))


def _clean_years(writer: RecordWriter, table: Table, column: int) -> None:
    for row in np.flatnonzero(~years_as_written(table, column) & table.well_formed).tolist():
        text = unguarded(table.text(column, row))
        if (year := figure_text(text)) != trimmed(text) and is_year(year):
            writer.set_text(column, row, year)


def _normalize_quarters(writer: RecordWriter, table: Table, column: int) -> None:
    lettered, bare = lettered_quarters(table, column), bare_quarters(table, column)
    writer.upper_case(column, lettered)
    for row in np.flatnonzero(~(lettered | bare) & table.well_formed).tolist():
        try:
            quarter = read_quarter(unguarded(table.text(column, row)))
        except ValueError:
            continue
        if quarter is not None:
            writer.set_text(column, row, quarter)
    writer.insert(column, bare, b"Q")


def _without_source_row(record: bytes, fields: int, delimiter: bytes) -> tuple[bytes, bytes]:
    """Returns a malformed record of a retry, and its number in the file first uploaded, which keeps its column.

    One that was malformed before is the first of two cells there: see `shared.scoring.retry_file`.
    """
    text, _, number = record.rpartition(delimiter)
    if not number.isdigit():
        return record, b""
    return (unquoted(text) if fields == 2 else text), number
