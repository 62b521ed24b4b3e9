"""Which company and period each row is of, as 64-bit keys, so that the same one twice in a file can be found.

A key depends on the symbol in upper case, the year and the quarter, whatever way they are written. Two different ones
share a key with a chance of 2^-64: one file in a hundred thousand of 20 million rows has such a pair.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from shared.delimited._arrays import Mask, Words
from shared.delimited._numbers import padded
from shared.delimited._text_words import mixed, text_hashes
from shared.delimited.table import Table
from shared.inputs.columns import BY_NAME
from shared.scoring.passthrough import symbol_of
from shared.scoring.values import read_quarter, read_year

NO_KEY: Final = np.uint64(0)
"""Of a row that does not say which company and period it is of."""

_LONGEST_SYMBOL: Final = BY_NAME["company_symbol"].max_length or 0
# Four quarters, and a year without one.
_PERIODS_A_YEAR: Final = 5


def company_periods(table: Table, names: Sequence[str], *, next_year: int) -> Words:
    """The key of each row of a table whose columns have the given normalised names: `[m]`, `NO_KEY` where unknown.

    A row without a quarter, where the column is optional, is of the year as a whole.
    """
    places = {name: place for place, name in enumerate(names)}
    symbol, year, quarter = places["company_symbol"], places["reporting_year"], places.get("reporting_quarter")
    periods, plain = _plain_periods(table, year, quarter, next_year)
    plain &= table.simple_text(symbol, _LONGEST_SYMBOL)
    keys = np.full(len(table), NO_KEY)
    rows = np.flatnonzero(plain)
    hashes = text_hashes(table.buffer, table.starts[symbol][rows], table.ends[symbol][rows], ignore_case=True)
    keys[rows] = _keys(hashes, periods[rows])
    for row in np.flatnonzero(~plain).tolist():
        text = symbol_of(table.text(symbol, row)).encode()
        period = _period(table, row, year, quarter, next_year)
        if text and period is not None:
            # In upper case already; as above, so that the same company has the same key however it is written.
            hashes = text_hashes(padded(text), np.array([0]), np.array([len(text)]), ignore_case=True)
            keys[row] = _keys(hashes, np.array([period], np.uint64))[0]
    return keys


def _plain_periods(table: Table, year: int, quarter: int | None, next_year: int) -> tuple[Words, Mask]:
    """Periods as numbers, and which rows have theirs written in the plainest way."""
    years = table.plain_years(year, next_year)
    plain: Mask = ~np.isnan(years)
    periods = np.where(plain, years, 0).astype(np.uint64) * np.uint64(_PERIODS_A_YEAR)
    if quarter is not None:
        bare, lettered = table.bare_quarters(quarter), table.lettered_quarters(quarter)
        digits = np.where(lettered, table.seconds(quarter), table.firsts[quarter]) - ord("0")
        periods += np.where(bare | lettered, digits, 0).astype(np.uint64)
        plain &= bare | lettered | (table.lengths(quarter) == 0)
    return periods, plain


def _period(table: Table, row: int, year: int, quarter: int | None, next_year: int) -> int | None:
    try:
        of_year = read_year(table.text(year, row), next_year=next_year)
        of_quarter = read_quarter(table.text(quarter, row)) if quarter is not None else None
    except ValueError:
        return None
    return of_year * _PERIODS_A_YEAR + int(of_quarter[1] if of_quarter else 0) if of_year is not None else None


def _keys(hashes: Words, periods: Words) -> Words:
    keys = mixed(hashes + periods)
    return np.where(keys == NO_KEY, np.uint64(1), keys)
