"""The rules for rows, judged a column at a time over a whole table.

Every fault of every row is found, in the order of the table of columns. What a person must mend is said in a sentence;
where the row stands and which file it came from is not known here.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from shared.delimited._arrays import Floats, Mask
from shared.delimited.table import Table
from shared.inputs.columns import BY_NAME, COLUMNS, EBITDA_STAND_INS, Column, Kind, ProfileName, Unit
from shared.scoring.features import CAP_TO_LIABILITIES_RANGE, cap_to_liabilities
from shared.scoring.values import FIRST_YEAR, is_blank, read_number, read_quarter, read_year, trimmed
from shared.vocabulary import JobType

CAP_TO_LIABILITIES: Final = "market_cap/total_liabilities"
# Numbers with more digits than plain_numbers reads, as programs write doubles; few enough of them to be finite.
_LONG_NUMBER = re.compile(rb"-?[0-9]{1,17}\.[0-9]{1,24}")

LONGEST_VALUE: Final = 200
"""Characters of a faulty cell that are shown; of a longer one the beginning, and an ellipsis."""


class Fault(NamedTuple):
    """One thing wrong with one row. `column` and `value` are None where the fault is not of one cell."""

    column: str | None
    code: str
    error: str
    value: str | None

    def as_json(self) -> dict[str, str | None]:
        """The fault as it stands in `errors`."""
        return {"column": self.column, "code": self.code, "error": self.error, "value": self.value}


@dataclass(slots=True, eq=False)
class JudgedRows:
    """What the rules say about a table of m rows. Arrays are `[m]`.

    `figures` has one entry a number column of the profile, NaN where blank or faulty, and `ebitda` also where it is the
    sum of its stand-ins. `missing` and `out_of_range` say by name where a row lists that name; they mean nothing for a
    row with faults. `faults` has an entry for each failed row, by index.
    """

    figures: dict[str, Floats] = field(default_factory=dict)
    missing: dict[str, Mask] = field(default_factory=dict)
    out_of_range: dict[str, Mask] = field(default_factory=dict)
    faults: defaultdict[int, list[Fault]] = field(default_factory=lambda: defaultdict(list))

    def failed(self, count: int) -> Mask:
        """Which of `count` rows have a fault."""
        mask = np.zeros(count, np.bool_)
        mask[list(self.faults)] = True
        return mask


def shown(value: str) -> str:
    """A faulty cell as errors show it."""
    return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"


def judge(table: Table, names: Sequence[str], *, job_type: JobType, profile: ProfileName, next_year: int) -> JudgedRows:
    """The faults and figures of every row of a table whose columns have the given normalised names.

    Columns outside the job type and profile are not looked at. `next_year` is the last reporting year accepted.
    """
    places = {name: place for place, name in enumerate(names)}
    judged = JudgedRows()
    for column in columns_judged(names, job_type, profile):
        place = places[column.name]
        if column.kind is Kind.TEXT:
            _judge_text(judged, table, column, place)
        elif column.kind is Kind.YEAR:
            _judge_year(judged, table, column, place, next_year)
        elif column.kind is Kind.QUARTER:
            _judge_quarter(judged, table, column, place, required=job_type in column.required_for)
        else:
            _judge_number(judged, table, column, place)
    if profile == "ratios":
        _judge_ratios(judged, len(table))
    else:
        _complete_statements(judged, table, places)
    return judged


def columns_judged(names: Sequence[str], job_type: JobType, profile: ProfileName) -> tuple[Column, ...]:
    """The columns whose cells must obey their rules, in table order; any other column is only carried.

    An optional column counts when the file has it, EBITDA's stand-ins only when it lacks `ebitda`.
    """
    return tuple(
        column
        for column in COLUMNS
        if column.name in names
        and (column.profile is None or (column.profile == profile and job_type in column.required_for))
        and not (column.name in EBITDA_STAND_INS and "ebitda" in names)
    )


@lru_cache(maxsize=256)  # Blank cells look alike, and an empty record has one in every column.
def _missing(column: Column, value: str) -> Fault:
    return Fault(column.name, "missing_field", f"Missing required field: {column.name}", shown(value))


def _judge_text(judged: JudgedRows, table: Table, column: Column, place: int) -> None:
    limit = column.max_length or 0
    for row in np.flatnonzero(~table.simple_text(place, limit)).tolist():
        value = table.text(place, row)
        text = trimmed(value)
        is_symbol = column.name == "company_symbol"
        if is_blank(text, symbol=is_symbol):
            judged.faults[row].append(_missing(column, value))
        elif len(text.upper() if is_symbol else text) > limit:
            error = f"{column.name} is too long: shorten it to at most {limit} characters"
            judged.faults[row].append(Fault(column.name, "too_long", error, shown(value)))


def _judge_year(judged: JudgedRows, table: Table, column: Column, place: int, next_year: int) -> None:
    for row in np.flatnonzero(np.isnan(table.plain_years(place, next_year))).tolist():
        value = table.text(place, row)
        try:
            if read_year(value, next_year=next_year) is None:
                judged.faults[row].append(_missing(column, value))
        except ValueError:
            error = f"Invalid {column.name}: give a year of four digits from {FIRST_YEAR} to {next_year}"
            judged.faults[row].append(Fault(column.name, "invalid_year", error, shown(value)))


def _judge_quarter(judged: JudgedRows, table: Table, column: Column, place: int, *, required: bool) -> None:
    valid = table.bare_quarters(place) | table.lettered_quarters(place)
    if not required:
        valid |= table.lengths(place) == 0
    for row in np.flatnonzero(~valid).tolist():
        value = table.text(place, row)
        try:
            if read_quarter(value) is None and required:
                judged.faults[row].append(_missing(column, value))
        except ValueError:
            error = f"Invalid {column.name}: give Q1, Q2, Q3 or Q4"
            judged.faults[row].append(Fault(column.name, "invalid_quarter", error, shown(value)))


def _judge_number(judged: JudgedRows, table: Table, column: Column, place: int) -> None:
    figures, read = table.plain_numbers(place)
    blank = table.lengths(place) == 0
    faulty: dict[int, str] = {}
    unread = np.flatnonzero(~(read | blank))
    for row, raw in zip(unread.tolist(), table.raws(place, unread), strict=True):
        if _LONG_NUMBER.fullmatch(raw):
            figures[row] = float(raw)
            continue
        value = table.text(place, row)
        try:
            figure = read_number(value, percent=column.unit is Unit.PERCENT)
        except ValueError:
            faulty[row] = value
            continue
        if figure is None:
            blank[row] = True
        else:
            figures[row] = figure
    below = figures <= column.minimum if column.minimum_is_excluded else figures < column.minimum
    for row in np.flatnonzero(below).tolist():
        faulty[row] = table.text(place, row)
    if column.profile != "ratios":
        for row in np.flatnonzero(blank).tolist():
            value = table.text(place, row)
            if column.name == "market_cap":
                faulty[row] = value
            else:
                judged.faults[row].append(_missing(column, value))
    code, error = _number_fault(column)
    for row, value in faulty.items():
        judged.faults[row].append(Fault(column.name, code, error, shown(value)))
        figures[row] = np.nan
    judged.figures[column.name] = figures
    if column.profile == "ratios" and column.scored:
        judged.missing[column.name] = blank


def _number_fault(column: Column) -> tuple[str, str]:
    if column.name == "market_cap":
        return "invalid_market_cap", "Invalid market cap value"
    bound = ""
    if np.isfinite(column.minimum):
        bound = f" above {column.minimum:g}" if column.minimum_is_excluded else f" of {column.minimum:g} or more"
    unit = {Unit.USD_MILLION: "in USD million", Unit.PERCENT: "in percent", Unit.MULTIPLE: "as a multiple"}
    return "invalid_number", f"Invalid {column.name}: give a number{bound}" + (
        f", {unit[column.unit]}" if column.unit else ""
    )


def _judge_ratios(judged: JudgedRows, count: int) -> None:
    none_given = np.ones(count, np.bool_)
    for name, blank in judged.missing.items():
        none_given &= blank
        low, high = BY_NAME[name].usual_range or (-np.inf, np.inf)
        figures = judged.figures[name]
        judged.out_of_range[name] = (figures < low) | (figures > high)
    error = f"No ratio to score: give at least one of {', '.join(judged.missing)}"
    for row in np.flatnonzero(none_given).tolist():
        judged.faults[row].append(Fault(None, "no_ratios", error, None))


def _complete_statements(judged: JudgedRows, table: Table, places: dict[str, int]) -> None:
    figures = judged.figures
    if "ebitda" not in figures:
        first, second = EBITDA_STAND_INS
        with np.errstate(over="ignore"):
            figures["ebitda"] = figures[first] + figures[second]
        for row in np.flatnonzero(np.isinf(figures["ebitda"])).tolist():
            error = f"Invalid {first}: its sum with {second} is too large, check the unit (USD million)"
            judged.faults[row].append(Fault(first, "invalid_number", error, shown(table.text(places[first], row))))
    ratio = cap_to_liabilities(figures)
    low, high = CAP_TO_LIABILITIES_RANGE
    judged.out_of_range[CAP_TO_LIABILITIES] = (ratio < low) | (ratio > high)
