"""The company and period of each row as 64-bit keys, so that the same one twice in a file can be found.

A key depends on the symbol in upper case, the year and the quarter, whatever way they are written. Two different ones
share a key with a chance of 2^-64: one file in a hundred thousand of 20 million rows has such a pair.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.delimited.table import Table, hash_text
from shared.inputs.header import Layout
from shared.scoring.passthrough import symbol_of
from shared.scoring.validation import ValidatedRows
from shared.scoring.values import unguarded

NO_KEY: Final = np.uint64(0)
"""Of a row without a valid symbol, year or quarter."""

# Four quarters, and a year without one.
_PERIODS_A_YEAR: Final = 5


def company_periods(table: Table, layout: Layout, validated: ValidatedRows) -> NDArray[np.uint64]:
    """Returns the key of each row: `[n]`, `NO_KEY` where unknown. A row without a quarter is of the whole year."""
    periods = validated.years * _PERIODS_A_YEAR + validated.quarters
    known = ~np.isnan(periods)
    column = layout.place("company_symbol")
    keys = np.full(len(table), NO_KEY)
    rows = np.flatnonzero(validated.plain_symbols & known)
    keys[rows] = table.hashes(column, rows, periods[rows].astype(np.uint64))
    found = np.zeros(len(table), np.bool_)
    found[rows] = True
    for row in np.flatnonzero(~validated.plain_symbols & known).tolist():
        if symbol := symbol_of(unguarded(table.text(column, row))):
            # In upper case already; as above, so that a company has the same key however it is written.
            keys[row] = hash_text(symbol.encode(), int(periods[row]))
            found[row] = True
    keys[found & (keys == NO_KEY)] = 1
    return keys
