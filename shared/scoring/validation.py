"""Validates the rows of a table, a column at a time.

Every error of every row is found, in the order of the table of columns. An error says in a sentence what to correct.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.delimited.table import Table
from shared.inputs.columns import BY_NAME, COLUMNS, EBITDA_COMPONENTS, Column, Kind, ProfileName, Unit
from shared.inputs.header import Layout
from shared.scoring.features import CAP_TO_LIABILITIES_RANGE, cap_to_liabilities
from shared.scoring.plain_cells import Floats, Mask, bare_quarters, lettered_quarters, plain_text, plain_years
from shared.scoring.results import RowError, shown
from shared.scoring.values import FIRST_YEAR, is_blank, read_number, read_quarter, read_year, trimmed, unguarded
from shared.vocabulary import JobType

CAP_TO_LIABILITIES: Final = "market_cap/total_liabilities"


@dataclass(slots=True, eq=False)
class ValidatedRows:
    """The errors and figures of n rows. Arrays are `[n]`.

    `figures` has an entry for each number column of the profile, NaN where blank or invalid, and `ebitda` also where
    it is the sum of its components. `missing` and `out_of_range` say by name where a row lists that name; they mean
    nothing for an invalid row. `errors` has an entry for each invalid row, by index. `years` (NaN where unknown) and
    `quarters` (0 where blank, NaN where invalid) are those of all rows. `plain_symbols` are those that are read as
    they are written.
    """

    figures: dict[str, Floats] = field(default_factory=dict)
    missing: dict[str, Mask] = field(default_factory=dict)
    out_of_range: dict[str, Mask] = field(default_factory=dict)
    errors: defaultdict[int, list[RowError]] = field(default_factory=lambda: defaultdict(list))
    years: Floats = field(default_factory=lambda: np.empty(0))
    quarters: Floats = field(default_factory=lambda: np.empty(0))
    plain_symbols: Mask = field(default_factory=lambda: np.empty(0, np.bool_))
    valid: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """The rows without errors, ascending."""


def validate_rows(table: Table, layout: Layout, *, next_year: int, max_cell_bytes: int) -> ValidatedRows:
    """Returns the errors and figures of every row of a table.

    Columns outside the job type and profile are not looked at. `next_year` is the last reporting year accepted,
    `max_cell_bytes` the limit on a cell that the table was read with.
    """
    validation = _Validation(table, layout, next_year)
    for column in validated_columns(layout.normalized, layout.job_type, layout.profile):
        validation.validate_column(column)
    if layout.profile == "ratios":
        validation.validate_ratios()
    else:
        validation.complete_statements()
    rows = validation.rows
    # A file with one malformed row often has many that are malformed alike.
    sentences = {
        (reason, fields): _malformed(reason, fields, layout.field_count, max_cell_bytes)
        for reason, fields in {(one.reason, one.fields) for one in table.malformed.values()}
    }
    for row, one in table.malformed.items():
        rows.errors[row] = [RowError(None, "malformed_row", sentences[one.reason, one.fields], None)]
    is_valid = np.ones(len(table), np.bool_)
    is_valid[list(rows.errors)] = False
    rows.valid = np.flatnonzero(is_valid)
    return rows


def validated_columns(names: Sequence[str], job_type: JobType, profile: ProfileName) -> tuple[Column, ...]:
    """Returns the columns whose cells must obey their rules, in table order; any other column is only passed through.

    An optional column counts when the file has it, the components of EBITDA only when it lacks `ebitda`.
    """
    return tuple(
        column
        for column in COLUMNS
        if column.name in names
        and (column.profile is None or (column.profile == profile and job_type in column.required_for))
        and not (column.name in EBITDA_COMPONENTS and "ebitda" in names)
    )


class _Validation:
    """The validation of one table, column by column."""

    def __init__(self, table: Table, layout: Layout, next_year: int) -> None:
        self.rows = ValidatedRows(quarters=np.zeros(len(table)))
        self._table = table
        self._layout = layout
        self._next_year = next_year

    def validate_column(self, column: Column) -> None:
        place = self._layout.place(column.name)
        if column.kind is Kind.TEXT:
            self._validate_text(column, place)
        elif column.kind is Kind.YEAR:
            self._validate_year(column, place)
        elif column.kind is Kind.QUARTER:
            self._validate_quarter(column, place)
        else:
            self._validate_number(column, place)

    def validate_ratios(self) -> None:
        rows = self.rows
        none_given = np.ones(len(self._table), np.bool_)
        for name, blank in rows.missing.items():
            none_given &= blank
            low, high = BY_NAME[name].usual_range or (-np.inf, np.inf)
            figures = rows.figures[name]
            rows.out_of_range[name] = (figures < low) | (figures > high)
        error = f"No ratio to score: give at least one of {', '.join(rows.missing)}"
        for row in self._where(none_given):
            rows.errors[row].append(RowError(None, "no_ratios", error, None))

    def complete_statements(self) -> None:
        rows = self.rows
        figures = rows.figures
        if "ebitda" not in figures:
            first, second = EBITDA_COMPONENTS
            with np.errstate(over="ignore"):
                figures["ebitda"] = figures[first] + figures[second]
            error = f"Invalid {first}: its sum with {second} is too large, check the unit (USD million)"
            for row in self._where(np.isinf(figures["ebitda"])):
                value = self._value(self._layout.place(first), row)
                rows.errors[row].append(RowError(first, "invalid_number", error, shown(value)))
        ratio = cap_to_liabilities(figures)
        low, high = CAP_TO_LIABILITIES_RANGE
        rows.out_of_range[CAP_TO_LIABILITIES] = (ratio < low) | (ratio > high)

    def _where(self, mask: Mask) -> list[int]:
        """Returns the rows of a mask that are well-formed."""
        rows: list[int] = np.flatnonzero(mask & self._table.well_formed).tolist()
        return rows

    def _value(self, place: int, row: int) -> str:
        return unguarded(self._table.text(place, row))

    def _add(self, row: int, column: Column, code: str, error: str, value: str) -> None:
        self.rows.errors[row].append(RowError(column.name, code, error, shown(value)))

    def _validate_text(self, column: Column, place: int) -> None:
        limit = column.max_length or 0
        is_symbol = column.name == "company_symbol"
        plain = plain_text(self._table, place, limit)
        if is_symbol:
            self.rows.plain_symbols = plain
        error = f"{column.name} is too long: shorten it to at most {limit} characters"
        for row in self._where(~plain):
            value = self._value(place, row)
            text = trimmed(value)
            if is_blank(text, symbol=is_symbol):
                self.rows.errors[row].append(_missing(column, value))
            elif len(text.upper() if is_symbol else text) > limit:
                self._add(row, column, "too_long", error, value)

    def _validate_year(self, column: Column, place: int) -> None:
        years = plain_years(self._table, place, next_year=self._next_year)
        error = f"Invalid {column.name}: give a year of four digits from {FIRST_YEAR} to {self._next_year}"
        for row in self._where(np.isnan(years)):
            value = self._value(place, row)
            try:
                year = read_year(value, next_year=self._next_year)
            except ValueError:
                self._add(row, column, "invalid_year", error, value)
                continue
            if year is None:
                self.rows.errors[row].append(_missing(column, value))
            else:
                years[row] = year
        self.rows.years = years

    def _validate_quarter(self, column: Column, place: int) -> None:
        table, quarters = self._table, self.rows.quarters
        is_required = self._layout.job_type in column.required_for
        bare, lettered = bare_quarters(table, place), lettered_quarters(table, place)
        quarters[bare] = table.byte_at(place, 0)[bare] - ord("0")
        quarters[lettered] = table.byte_at(place, 1)[lettered] - ord("0")
        valid = bare | lettered
        if not is_required:
            valid |= table.lengths(place) == 0
        error = f"Invalid {column.name}: give Q1, Q2, Q3 or Q4"
        for row in self._where(~valid):
            value = self._value(place, row)
            try:
                quarter = read_quarter(value)
            except ValueError:
                quarters[row] = np.nan
                self._add(row, column, "invalid_quarter", error, value)
                continue
            if quarter is not None:
                quarters[row] = int(quarter[1])
            elif is_required:
                self.rows.errors[row].append(_missing(column, value))

    def _validate_number(self, column: Column, place: int) -> None:
        figures, is_read = self._table.numbers(place)
        blank = self._table.lengths(place) == 0
        invalid: dict[int, str] = {}
        unread = np.flatnonzero(~(is_read | blank))
        for row, text in zip(unread.tolist(), self._table.texts(place, unread), strict=True):
            value = unguarded(text)
            try:
                figure = read_number(value, percent=column.unit is Unit.PERCENT)
            except ValueError:
                invalid[row] = value
                continue
            if figure is None:
                blank[row] = True
            else:
                figures[row] = figure
        below = figures <= column.minimum if column.minimum_is_excluded else figures < column.minimum
        for row in np.flatnonzero(below).tolist():
            invalid[row] = self._value(place, row)
        if column.profile != "ratios" and (column.required or column.name in EBITDA_COMPONENTS):
            for row in self._where(blank):
                value = self._value(place, row)
                if column.name == "market_cap":
                    invalid[row] = value
                else:
                    self.rows.errors[row].append(_missing(column, value))
        code, error = _number_error(column)
        for row, value in invalid.items():
            self._add(row, column, code, error, value)
            figures[row] = np.nan
        self.rows.figures[column.name] = figures
        if column.profile == "ratios" and column.scored:
            self.rows.missing[column.name] = blank


@lru_cache(maxsize=256)  # Blank cells look alike, and an empty record has one in every column.
def _missing(column: Column, value: str) -> RowError:
    return RowError(column.name, "missing_field", f"Missing required field: {column.name}", shown(value))


def _number_error(column: Column) -> tuple[str, str]:
    """Returns the code and the sentence for an invalid number of a column."""
    if column.name == "market_cap":
        return "invalid_market_cap", "Invalid market cap value"
    bound = ""
    if np.isfinite(column.minimum):
        bound = f" above {column.minimum:g}" if column.minimum_is_excluded else f" of {column.minimum:g} or more"
    unit = {Unit.USD_MILLION: "in USD million", Unit.PERCENT: "in percent", Unit.MULTIPLE: "as a multiple"}
    return "invalid_number", f"Invalid {column.name}: give a number{bound}" + (
        f", {unit[column.unit]}" if column.unit else ""
    )


def _malformed(reason: str, fields: int, field_count: int, max_cell_bytes: int) -> str:
    if reason == "nul":
        return "Malformed row: it holds a NUL character, remove it"
    if reason == "oversize":
        return f"Malformed row: a cell is longer than {max_cell_bytes:,} bytes, shorten it"
    return (
        f"Malformed row: it has {fields:,} fields and the header has {field_count:,}; "
        "put quotes around text that holds the delimiter, and give every column a cell"
    )
