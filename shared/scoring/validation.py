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
from shared.inputs.columns import BY_NAME, COLUMNS, EBITDA_COMPONENTS, Column, Kind, ProfileName, Unit, normalized_name
from shared.inputs.header import Layout
from shared.inputs.numbers import AmbiguousNumberError, evidence_of, is_dash, read_figure, trimmed
from shared.scoring.features import CAP_TO_LIABILITIES_RANGE, cap_to_liabilities
from shared.scoring.plain_cells import (
    Floats,
    Mask,
    bare_quarters,
    lettered_quarters,
    may_be_dates,
    may_be_grouped,
    plain_text,
    plain_years,
)
from shared.scoring.results import RowError, shown
from shared.scoring.values import (
    FIRST_YEAR,
    cleaned,
    is_blank,
    is_date,
    is_excel_error,
    is_formula_without_value,
    read_quarter,
    read_year,
    unguarded,
)
from shared.vocabulary import DecimalConvention, JobType
from shared.workbook.references import column_letters

CAP_TO_LIABILITIES: Final = "market_cap/total_liabilities"

_HEADER_AGAIN: Final = "Invalid reporting_year: the row is the header again, as where files were joined; remove it"
_NO_SYMBOL: Final = "Excel turned this symbol into a date: write the symbol, in a column formatted as text"


@dataclass(slots=True, eq=False)
class ValidatedRows:
    """The errors and figures of n rows. Arrays are `[n]`.

    `figures` has an entry for each number column of the profile, NaN where blank or invalid, and `ebitda` also where
    it is the sum of its components. `missing` and `out_of_range` say by name where a row lists that name; they mean
    nothing for an invalid row. `errors` has an entry for each invalid row, by index. `years` (NaN where unknown) and
    `quarters` (0 where blank, NaN where invalid) are those of all rows. `plain_texts` has by text column the cells that
    are read as they are written.
    """

    figures: dict[str, Floats] = field(default_factory=dict)
    missing: dict[str, Mask] = field(default_factory=dict)
    out_of_range: dict[str, Mask] = field(default_factory=dict)
    errors: defaultdict[int, list[RowError]] = field(default_factory=lambda: defaultdict(list))
    years: Floats = field(default_factory=lambda: np.empty(0))
    quarters: Floats = field(default_factory=lambda: np.empty(0))
    plain_texts: dict[str, Mask] = field(default_factory=dict)
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
        (reason, fields): _malformed(reason, fields, layout, max_cell_bytes)
        for reason, fields in {(one.reason, one.fields) for one in table.malformed.values()}
    }
    for row in validation.header_rows:
        rows.errors[row] = [error for error in rows.errors[row] if error.column == "reporting_year"]
    for row, one in table.malformed.items():
        rows.errors[row] = [RowError(None, "malformed_row", sentences[one.reason, one.fields], None)]
    is_valid = np.ones(len(table), np.bool_)
    is_valid[list(rows.errors)] = False
    rows.valid = np.flatnonzero(is_valid)
    return rows


def validated_columns(names: Sequence[str], job_type: JobType, profile: ProfileName) -> tuple[Column, ...]:
    """Returns the columns whose cells must obey their rules, in table order; any other column is only passed through.

    An optional column counts when the file has it, the components of EBITDA only when it lacks `ebitda`: where there
    is that column, their cells are read in the rows that leave it blank. A ratio that is not scored is passed through.
    """
    return tuple(
        column
        for column in COLUMNS
        if column.name in names
        and (column.profile is None or (column.profile == profile and job_type in column.required_for))
        and not (column.name in EBITDA_COMPONENTS and "ebitda" in names)
        and (column.scored or column.profile != "ratios")
    )


class _Validation:
    """The validation of one table, column by column."""

    def __init__(self, table: Table, layout: Layout, next_year: int) -> None:
        self.rows = ValidatedRows(quarters=np.zeros(len(table)))
        self.header_rows: list[int] = []
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
            figures["ebitda"] = self._sum_of_components(*(figures[name] for name in EBITDA_COMPONENTS))
        ratio = cap_to_liabilities(figures)
        low, high = CAP_TO_LIABILITIES_RANGE
        rows.out_of_range[CAP_TO_LIABILITIES] = (ratio < low) | (ratio > high)

    def _complete_ebitda(self, figures: Floats, blank: Mask) -> Mask:
        """Sets the blank figures to the sum of their row's components; returns those for which there are none.

        Where one of the two is blank, that one is missing.
        """
        components = [self._read_numbers(BY_NAME[name], self._layout.place(name), blank) for name in EBITDA_COMPONENTS]
        (_, first_blank), (_, second_blank) = components
        neither = blank & first_blank & second_blank
        for name, (_, is_blank_component) in zip(EBITDA_COMPONENTS, components, strict=True):
            for row in self._where(blank & ~neither & is_blank_component):
                value = self._value(self._layout.place(name), row)
                self.rows.errors[row].append(_missing(BY_NAME[name], value))
                self.rows.errors[row].sort(key=_column_order)
        both = blank & ~first_blank & ~second_blank
        sums = self._sum_of_components(*(np.where(both, found, np.nan) for found, _ in components))
        figures[both] = sums[both]
        return neither

    def _sum_of_components(self, first: Floats, second: Floats) -> Floats:
        with np.errstate(over="ignore"):
            sums = first + second
        name, other = EBITDA_COMPONENTS
        error = f"Invalid {name}: its sum with {other} is too large, check the unit (USD million)"
        for row in self._where(np.isinf(sums)):
            self._add(row, BY_NAME[name], "invalid_number", error, self._value(self._layout.place(name), row))
        return sums

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
            may_be = may_be_dates(self._table, place)
            for row, text in zip(may_be.tolist(), self._table.texts(place, may_be), strict=True):
                plain[row] &= not is_date(text)
        self.rows.plain_texts[column.name] = plain
        error = f"{column.name} is too long: shorten it to at most {limit} characters"
        for row in self._where(~plain):
            value = self._value(place, row)
            text = trimmed(cleaned(value, symbol=is_symbol))
            if no_value := _no_value(column, text):
                self._add(row, column, *no_value, value)
            elif is_blank(text, symbol=is_symbol):
                self.rows.errors[row].append(_missing(column, value))
            elif is_symbol and is_date(text):
                self._add(row, column, "missing_field", _NO_SYMBOL, value)
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
                if normalized_name(value) == column.name:
                    self.header_rows.append(row)
                    self._add(row, column, "invalid_year", _HEADER_AGAIN, value)
                else:
                    self._add(row, column, *(_no_value(column, value) or ("invalid_year", error)), value)
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
                self._add(row, column, *(_no_value(column, value) or ("invalid_quarter", error)), value)
                continue
            if quarter is not None:
                quarters[row] = int(quarter[1])
            elif is_required:
                self.rows.errors[row].append(_missing(column, value))

    def _validate_number(self, column: Column, place: int) -> None:
        figures, blank = self._read_numbers(column, place)
        has_components = all(name in self._layout.normalized for name in EBITDA_COMPONENTS)
        if column.name == "ebitda" and has_components and blank.any():
            blank = self._complete_ebitda(figures, blank)
        if column.profile == "ratios":
            self.rows.missing[column.name] = blank
        elif column.required or column.name in EBITDA_COMPONENTS:
            self._require(column, place, blank)
        self.rows.figures[column.name] = figures

    def _require(self, column: Column, place: int, blank: Mask) -> None:
        for row in self._where(blank):
            value = self._value(place, row)
            if column.name == "market_cap":
                self._add(row, column, *_number_error(column), value)
            else:
                self.rows.errors[row].append(_missing(column, value))

    def _read_numbers(self, column: Column, place: int, within: Mask | None = None) -> tuple[Floats, Mask]:
        """Returns the valid figures of a column, NaN for others, and the mask of blank cells.

        Adds an error for each invalid cell. Looks only at the rows of `within`, if given, and then all others are NaN.
        """
        convention = self._layout.decimal
        # A number of a typed cell has a point, whatever the texts of the file have.
        sign = "." if convention.has_typed_cells else convention.sign
        figures, is_read = self._table.numbers(place, decimal_sign=sign)
        blank = self._table.lengths(place) == 0
        if sign in convention.ambiguous and not convention.has_typed_cells:
            is_read = is_read & ~may_be_grouped(self._table, place, sign)
        if within is not None:
            figures[~within] = np.nan
            blank &= within
            is_read = is_read | ~within
        unread = np.flatnonzero(~(is_read | blank))
        invalid: dict[int, tuple[str, str, str]] = {}
        for row, text in zip(unread.tolist(), self._table.texts(place, unread), strict=True):
            try:
                figure = read_figure(text, convention, unit=column.unit)
            except AmbiguousNumberError:
                invalid[row] = ("ambiguous_number", _ambiguous(column, convention), unguarded(text))
                continue
            except ValueError:
                error = _no_value(column, text) or _number_error(column, _conflict(text, column, convention))
                invalid[row] = (*error, unguarded(text))
                continue
            if figure is None:
                blank[row] = True
            figures[row] = np.nan if figure is None else figure
        below = figures <= column.minimum if column.minimum_is_excluded else figures < column.minimum
        for row in np.flatnonzero(below).tolist():
            invalid[row] = (*_number_error(column), self._value(place, row))
        for row in sorted(invalid):
            self._add(row, column, *invalid[row])
            figures[row] = np.nan
        return figures, blank


def _column_order(error: RowError) -> int:
    return list(BY_NAME).index(error.column or "")


@lru_cache(maxsize=256)  # Blank cells look alike, and an empty record has one in every column.
def _missing(column: Column, value: str) -> RowError:
    error = f"Missing required field: {column.name}"
    if column.kind is Kind.NUMBER and is_dash(value):
        error += ": a dash is read as blank; write 0"
    return RowError(column.name, "missing_field", error, shown(value))


def _no_value(column: Column, text: str) -> tuple[str, str] | None:
    """Returns the code and the sentence for a cell that has a formula or an error instead of a value, else None."""
    text = trimmed(text)
    if is_formula_without_value(text):
        error = f"The formula in {column.name} has no saved value: open the file in Excel, save it, and upload it again"
        return "formula_without_value", error
    if not is_excel_error(text):
        return None
    code, error = {
        Kind.TEXT: ("missing_field", f"Missing required field: {column.name}"),
        Kind.YEAR: ("invalid_year", f"Invalid {column.name}"),
        Kind.QUARTER: ("invalid_quarter", f"Invalid {column.name}"),
        Kind.NUMBER: _number_error(column),
    }[column.kind]
    return code, f"{error.partition(': give')[0]}: the cell has the Excel error {text}"


def _number_error(column: Column, conflict: str = "") -> tuple[str, str]:
    """Returns the code and the sentence for an invalid number of a column."""
    if column.name == "market_cap":
        return "invalid_market_cap", "Invalid market cap value"
    bound = ""
    if np.isfinite(column.minimum):
        bound = f" above {column.minimum:g}" if column.minimum_is_excluded else f" of {column.minimum:g} or more"
    unit = {Unit.USD_MILLION: "in USD million", Unit.PERCENT: "in percent", Unit.MULTIPLE: "as a multiple"}
    return "invalid_number", f"Invalid {column.name}: give a number{bound}" + (
        f", {unit[column.unit]}{conflict}" if column.unit else ""
    )


def _conflict(text: str, column: Column, convention: DecimalConvention) -> str:
    """Returns what to add to the sentence for a number that has the decimal sign which the file has not."""
    evidence = evidence_of(text, unit=column.unit)
    if evidence == "comma" and convention.sign == ".":
        return "; decimal signs of this file are read as points, so write this one with a point"
    if evidence == "point" and convention.sign == ",":
        return "; decimal signs of this file are read as commas, so write this one with a comma"
    return ""


def _ambiguous(column: Column, convention: DecimalConvention) -> str:
    """Returns the sentence for a figure whose separator may be a decimal sign or may group thousands."""
    if convention.sign == ",":
        why = "other figures of the file have decimal commas"
        what = "declare decimal=, when you upload, or write one decimal more (672,4780)"
    else:
        why = "the file has decimal points and decimal commas"
        what = "use one decimal sign throughout, or declare it when you upload (decimal=. or decimal=,)"
    return f"Ambiguous {column.name}: its separator may be a decimal sign or group thousands, since {why}; {what}"


def _malformed(reason: str, fields: int, layout: Layout, max_cell_bytes: int) -> str:
    if reason == "nul":
        return "Malformed row: it holds a NUL character, remove it"
    if reason == "oversize":
        return f"Malformed row: a cell is longer than {max_cell_bytes:,} bytes, shorten it"
    if layout.is_workbook and fields > layout.field_count:
        return (
            f"Malformed row: it has a value in column {column_letters(fields - 1)}, right of the table, whose header "
            f"ends in column {column_letters(layout.field_count - 1)}; delete it, or give its column a name"
        )
    if reason == "quote":
        return (
            'Malformed row: text is behind a closing quote ("); put quotes around the whole text and double those that '
            "are part of it, or remove them"
        )
    return (
        f"Malformed row: it has {fields:,} fields and the header has {layout.field_count:,}; "
        "put quotes around text that holds the delimiter, and give every column a cell"
    )
