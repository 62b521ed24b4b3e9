"""Whether the figures of a file look as if they were in another unit than theirs: whole-file facts, chunk by chunk.

Two mistakes are common. Amounts in USD or in thousands instead of USD million are a million or a thousand times what
the models were trained on; the ratios of statements hide that, sizes do not. And percentages are given as fractions, so
that a margin of 0.12 counts as an eighth of a percent.

No row fails for it: a note says what to check. Facts of chunks are added up in any order.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from shared.inputs.columns import BY_NAME, Unit
from shared.scoring.plain_cells import Floats
from shared.vocabulary import MAX_NOTE_ROWS, Note

# By amount, in USD million and without sign: ten times what 99 % of the training data are below, and about ten times
# the largest of them, or of the banks that they do not have.
LARGE_AND_IMPOSSIBLE: Final = {
    "market_cap": (600_000, 10_000_000),
    "total_assets": (500_000, 10_000_000),
    "total_liabilities": (300_000, 10_000_000),
    "current_assets": (140_000, 2_000_000),
    "current_liabilities": (100_000, 2_000_000),
    "inventory": (35_000, 1_000_000),
    "net_income": (35_000, 1_000_000),
    "ebitda": (65_000, 1_000_000),
}
FEWEST_LARGE: Final = 10
"""Fewer figures of a column that are large, but not impossible, may all be of large companies."""

FEWEST_FRACTIONS: Final = 20
FEWEST_FRACTIONS_IN_ALL: Final = 6
"""Fewer figures within ±1 in a column, or in all percent columns if these have no others, may be small percentages."""


class AmountFacts(NamedTuple):
    """How many figures of an amount there are, how many of them are large, how many impossible, and the first rows."""

    figures: int = 0
    large: int = 0
    impossible: int = 0
    large_rows: tuple[int, ...] = ()
    impossible_rows: tuple[int, ...] = ()

    def plus(self, other: "AmountFacts") -> "AmountFacts":
        """Returns the facts of both."""
        return AmountFacts(
            self.figures + other.figures,
            self.large + other.large,
            self.impossible + other.impossible,
            _first(self.large_rows + other.large_rows),
            _first(self.impossible_rows + other.impossible_rows),
        )


class PercentFacts(NamedTuple):
    """How many figures of a percent column there are, how many of them are beyond ±1, and how many are not 0."""

    figures: int = 0
    beyond_one: int = 0
    not_zero: int = 0

    def plus(self, other: "PercentFacts") -> "PercentFacts":
        """Returns the facts of both."""
        return PercentFacts(*map(sum, zip(self, other, strict=True)))


def amount_facts(figures: Mapping[str, Floats], first_row: int) -> dict[str, AmountFacts]:
    """Returns the facts of amounts, of which the first is in row `first_row` of the file; NaN is no figure."""
    return {
        name: _amount_facts(np.abs(figures[name]), *bounds, first_row)
        for name, bounds in LARGE_AND_IMPOSSIBLE.items()
        if name in figures
    }


def _amount_facts(amounts: Floats, large: float, impossible: float, first_row: int) -> AmountFacts:
    is_large = np.flatnonzero(amounts >= large)
    is_impossible = is_large[amounts[is_large] >= impossible]
    return AmountFacts(
        int(np.count_nonzero(~np.isnan(amounts))),
        len(is_large),
        len(is_impossible),
        tuple((is_large[:MAX_NOTE_ROWS] + first_row).tolist()),
        tuple((is_impossible[:MAX_NOTE_ROWS] + first_row).tolist()),
    )


def percent_facts(figures: Mapping[str, Floats]) -> dict[str, PercentFacts]:
    """Returns the facts of percent columns; NaN is no figure."""
    return {
        name: PercentFacts(
            int(np.count_nonzero(~np.isnan(column))),
            int(np.count_nonzero(np.abs(column) > 1)),
            int(np.count_nonzero(np.nan_to_num(column))),
        )
        for name, column in figures.items()
        if BY_NAME[name].unit is Unit.PERCENT
    }


def unit_notes(amounts: Mapping[str, AmountFacts], percents: Mapping[str, PercentFacts]) -> tuple[Note, ...]:
    """Returns what to say about the units of a file."""
    return (*_too_large(amounts), *_fractions(percents))


def _too_large(amounts: Mapping[str, AmountFacts]) -> Sequence[Note]:
    rows: list[int] = []
    counts = []
    for name, facts in amounts.items():
        is_mostly_large = facts.large >= FEWEST_LARGE and 2 * facts.large > facts.figures
        if facts.impossible or is_mostly_large:
            count = facts.large if is_mostly_large else facts.impossible
            rows += facts.large_rows if is_mostly_large else facts.impossible_rows
            counts.append(f"{name} in {count:,} {'row' if count == 1 else 'rows'}")
    if not counts:
        return ()
    message = (
        f"Figures are a thousand or a million times those of the companies that the models were trained on: "
        f"{', '.join(counts)}. Amounts are read in USD million: check that they are not in USD or in thousands."
    )
    return (Note(code="figures_too_large", message=message, rows=_first(tuple(rows))),)


def _fractions(percents: Mapping[str, PercentFacts]) -> Sequence[Note]:
    given = {name: facts for name, facts in percents.items() if facts.figures}
    names = [name for name, facts in given.items() if not facts.beyond_one and facts.not_zero]
    all_are = len(names) == len(given) and sum(facts.figures for facts in given.values()) >= FEWEST_FRACTIONS_IN_ALL
    named = [name for name in names if all_are or given[name].figures >= FEWEST_FRACTIONS]
    if not named:
        return ()
    message = (
        f"All figures of {', '.join(named)} are between -1 and 1, as fractions are. They were read as percentages, so "
        "0.12 means 0.12 %. If 12 % is meant, multiply them by 100."
    )
    return (Note(code="fractions_in_percent", message=message),)


def _first(rows: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(rows))[:MAX_NOTE_ROWS])
