"""Masks of the cells whose meaning shows in their bytes, a column at a time: the vectorized side of `values`.

Every cell outside these masks is read one by one with `shared.scoring.values`, which gives the same for those inside.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.delimited.table import Table
from shared.scoring.values import FIRST_YEAR, SPLITS

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]


def _byte_set(members: Iterable[int]) -> Mask:
    """Returns which bytes are members: `[256]`, to be indexed by bytes."""
    mask = np.zeros(256, np.bool_)
    mask[list(members)] = True
    return mask


# Text between such bytes has no space to trim, neither a guard against formulas nor a mark of Excel to take off, and is
# no error of Excel.
_OPENS_TEXT: Final = _byte_set(range(0x21, 0x7F)) & ~_byte_set(b"'=#")
_CLOSES_TEXT: Final = _byte_set(range(0x21, 0x7F))
# What may be behind such a byte: a sign that begins a formula, the first byte of one in full width, a guard, or what
# may be before these.
_SPLITS: Final = SPLITS.encode()
_BEHIND_SPLITS: Final = b"=+-@\xef' \""
# The first two bytes of the words for blank; no such word is longer than four bytes.
_OPENS_BLANK: Final = _byte_set(b"-#nN")
_FOLLOWS_IN_BLANK: Final = _byte_set(b"-/.aAnNoOuU")
_LONGEST_BLANK: Final = 4
_YEAR_DIGITS: Final = 4
_IS_DIGIT: Final = _byte_set(b"0123456789")
# Between the parts of a date. They are the second, third or fifth byte of one that begins with a digit, and the third
# or fifth from behind of one that begins with a month.
_IN_DATES: Final = _byte_set(b"-/. ")
_OPENS_QUARTER: Final = _byte_set(b"Qq")
_IS_QUARTER: Final = _byte_set(b"1234")


def plain_text(table: Table, column: int, limit: int) -> Mask:
    """Returns the cells of 1 to `limit` ASCII bytes that are not blank and have nothing to trim: `[n]`."""
    plain = table.short_ascii(column, limit)
    firsts = table.byte_at(column, 0)
    plain &= _OPENS_TEXT.take(firsts)
    plain &= _CLOSES_TEXT.take(table.byte_at(column, -1))
    lengths = table.lengths(column)
    may_be_blank = np.flatnonzero((lengths <= _LONGEST_BLANK) & _OPENS_BLANK.take(firsts))
    seconds = table.byte_at(column, 1)[may_be_blank]
    plain[may_be_blank[(lengths[may_be_blank] == 1) | _FOLLOWS_IN_BLANK.take(seconds)]] = False
    if (split := split_cells(table).get(column)) is not None:
        plain[split] = False
    return plain


def split_cells(table: Table) -> Mapping[int, Positions]:
    """Returns the rows, by column, of cells in the middle of which a formula may begin, with or without a guard."""
    return table.split_cells(_SPLITS, _BEHIND_SPLITS)


def may_be_dates(table: Table, column: int) -> Positions:
    """Returns the rows whose plain text may be a date, in no order."""
    from_digit = np.flatnonzero(_IS_DIGIT.take(table.byte_at(column, 0)))
    to_digit = np.flatnonzero(_IS_DIGIT.take(table.byte_at(column, -1)))
    found = [
        rows[_IN_DATES.take(table.byte_at(column, place, rows))]
        for rows, places in ((from_digit, (1, 2, 4)), (to_digit, (-3, -5)))
        for place in places
    ]
    return np.unique(np.concatenate(found))


def may_be_grouped(table: Table, column: int, separator: str) -> Mask:
    """Returns which of the cells that `Table.numbers` reads have three digits behind the separator and few before it.

    Some of them cannot be grouped, such as `0.123`.
    """
    few: Mask = table.lengths(column) <= len("-123.456")
    few &= table.byte_at(column, -len(".456")) == ord(separator)
    return few


def plain_years(table: Table, column: int, *, next_year: int) -> Floats:
    """Returns the years up to `next_year` that are written as four digits, NaN for other cells: `[n]`."""
    years, _ = table.numbers(column)
    years[~((table.lengths(column) == _YEAR_DIGITS) & (years >= FIRST_YEAR) & (years <= next_year))] = np.nan
    return years


def years_as_written(table: Table, column: int) -> Mask:
    """Returns the cells of four characters between digits, from which nothing is removed: `[n]`."""
    is_year: Mask = table.lengths(column) == _YEAR_DIGITS
    for place in (0, -1):
        is_year &= _IS_DIGIT.take(table.byte_at(column, place))
    return is_year


def bare_quarters(table: Table, column: int) -> Mask:
    """Returns the cells that are one of the digits 1 to 4: `[n]`."""
    return (table.lengths(column) == 1) & _IS_QUARTER[table.byte_at(column, 0)]  # type: ignore[no-any-return]


def lettered_quarters(table: Table, column: int) -> Mask:
    """Returns the cells that are `Q1` to `Q4` or `q1` to `q4`: `[n]`."""
    is_quarter = (table.lengths(column) == 2) & _IS_QUARTER[table.byte_at(column, 1)]
    return is_quarter & _OPENS_QUARTER[table.byte_at(column, 0)]  # type: ignore[no-any-return]
