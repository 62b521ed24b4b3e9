"""The risk of a whole job, put together from the summaries of its chunks in the order of its rows.

Quantiles come from a histogram and are within 0.25 % of the row's own default probability, the lowest and the highest
exact. Nothing here depends on how the rows were cut into chunks but the last digits of sums, and sectors beyond the
thousand largest of a chunk.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, exp, log
from typing import Any, Final

import numpy as np

from shared.scoring.catalog import RISK_GRADES, RISK_LEVELS
from shared.scoring.chunk_summary import (
    BIN_WIDTH,
    NO_KEY,
    NO_ROWS,
    RISKIEST,
    ChunkSummary,
    Keys,
    SectorTotal,
    largest_sectors,
)
from shared.scoring.scores import Indices
from shared.scoring.units import AmountFacts, PercentFacts, unit_notes
from shared.vocabulary import Note

QUANTILES: Final = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
SECTORS_SHOWN: Final = 50
DUPLICATES_SHOWN: Final = 20
ROWS_OF_A_DUPLICATE: Final = 10

_BLOCK: Final = 65_536

# The customary reading of the index: Siddiqi (2006), "Credit Risk Scorecards", ch. 9.
STABLE_BELOW: Final = 0.10
SHIFTED_FROM: Final = 0.25
# Ten grades of so few rows differ by chance: the index of n rows is on average about 9 / n (Yurdakul 2018).
FEWEST_ROWS_COMPARED: Final = 500


class RiskSummary:
    """Takes the summaries of a job's chunks, in order, and adds them up."""

    def __init__(self) -> None:
        self._levels, self._grades = [0] * len(RISK_LEVELS), [0] * len(RISK_GRADES)
        self._probability, self._lowest, self._highest = 0.0, 1.0, 0.0
        self._bins: Counter[int] = Counter()
        self._missing: Counter[str] = Counter()
        self._out_of_range: Counter[str] = Counter()
        self._sectors: dict[str, SectorTotal] = {}
        self._other_sectors = NO_ROWS
        self._riskiest: list[Mapping[str, Any]] = []
        self._keys: list[Keys] = []
        self._row_numbers: list[tuple[int, int]] = []
        self._key_count = 0
        self._amounts: dict[str, AmountFacts] = {}
        self._percents: dict[str, PercentFacts] = {}

    def add(self, chunk: ChunkSummary, *, first_row: int) -> None:
        """Adds the next chunk, whose first row has this number."""
        self._levels = [one + other for one, other in zip(self._levels, chunk.levels, strict=True)]
        self._grades = [one + other for one, other in zip(self._grades, chunk.grades, strict=True)]
        self._probability += chunk.probability
        self._lowest, self._highest = min(self._lowest, chunk.lowest), max(self._highest, chunk.highest)
        self._bins.update(chunk.bins)
        self._missing.update(chunk.missing)
        self._out_of_range.update(chunk.out_of_range)
        for sector, total in chunk.sectors.items():
            self._sectors[sector] = self._sectors.get(sector, NO_ROWS).plus(total)
        self._other_sectors = self._other_sectors.plus(chunk.other_sectors)
        candidates = [*self._riskiest, *chunk.riskiest]
        self._riskiest = sorted(candidates, key=lambda row: (-row["default_probability"], row["row"]))[:RISKIEST]
        for name, amounts in chunk.amounts.items():
            self._amounts[name] = self._amounts.get(name, AmountFacts()).plus(amounts)
        for name, percents in chunk.percents.items():
            self._percents[name] = self._percents.get(name, PercentFacts()).plus(percents)
        keys = chunk.keys()
        self._row_numbers.append((first_row, self._key_count))
        self._keys.append(keys)
        self._key_count += len(keys)

    def notes(self) -> tuple[Note, ...]:
        """Returns what to say about the figures of all rows."""
        return unit_notes(self._amounts, self._percents)

    def as_json(
        self, *, model_version: str | None, training_grades: Mapping[str, int] | None, notes: Sequence[Note] = ()
    ) -> dict[str, Any]:
        """The summary as a JSON object; `training_grades` has the rows of each grade in the model's training data."""
        rows = sum(self._levels)
        sectors, others = largest_sectors(self._sectors, self._other_sectors, at_most=SECTORS_SHOWN)
        return {
            "rows": rows,
            "model_version": model_version,
            "default_probability": self._probabilities(rows) if rows else None,
            "by_risk_level": dict(zip(RISK_LEVELS, self._levels, strict=True)),
            "by_risk_grade": dict(zip(RISK_GRADES, self._grades, strict=True)),
            "by_sector": [{"sector": sector, **_sector(total)} for sector, total in sectors.items()],
            "other_sectors": _sector(others) if others.rows else None,
            "riskiest": list(self._riskiest),
            "duplicates": self._duplicates(),
            "figures": [
                {"name": name, "missing": self._missing[name], "out_of_range": self._out_of_range[name]}
                for name in dict.fromkeys([*self._missing, *self._out_of_range])
            ],
            "population_stability": (
                population_stability(self._grades, [training_grades[grade] for grade in RISK_GRADES])
                if training_grades is not None and rows
                else None
            ),
            "notes": [note.as_json() for note in notes],
        }

    def _probabilities(self, rows: int) -> dict[str, Any]:
        return {
            "mean": _rounded(self._probability / rows),
            "lowest": self._lowest,
            "highest": self._highest,
            "quantiles": {name: self._quantile(share, rows) for name, share in QUANTILES.items()},
        }

    def _quantile(self, share: float, rows: int) -> float:
        """The default probability below or at which this share of the rows lies (the inverse of their distribution)."""
        wanted, seen = ceil(share * rows), 0
        for place, count in sorted(self._bins.items()):
            seen += count
            if seen >= wanted:
                middle = exp((place + 0.5) * BIN_WIDTH)
                return _rounded(min(max(middle, self._lowest), self._highest))
        return self._highest

    def _duplicates(self) -> dict[str, Any]:
        """Companies and periods that more than one row is of: how many, their rows, and the first of them by row."""
        keys = np.concatenate(self._keys) if self._keys else np.empty(0, np.uint64)
        ordered = np.sort(keys)
        same = ordered[1:] == ordered[:-1]
        is_repeated = np.zeros(len(ordered), np.bool_)
        is_repeated[1:] |= same
        is_repeated[:-1] |= same
        is_repeated &= ordered != NO_KEY
        rows = int(np.count_nonzero(is_repeated))
        is_repeated[1:] &= ~same
        repeated = ordered[is_repeated]
        del ordered, same, is_repeated
        examples = [np.flatnonzero(keys == key)[:ROWS_OF_A_DUPLICATE] for key in _first_of(keys, repeated)]
        return {
            "companies_and_periods": len(repeated),
            "rows": rows,
            "examples": [{"rows": self._numbers(places.tolist())} for places in examples],
        }

    def _numbers(self, places: Iterable[int]) -> list[int]:
        """The row numbers of places among all keys."""
        starts = [start for _, start in self._row_numbers]
        numbers = []
        for place in places:
            first_row, start = self._row_numbers[int(np.searchsorted(starts, place, side="right")) - 1]
            numbers.append(first_row + place - start)
        return numbers


def _first_of(keys: Keys, repeated: Keys) -> list[np.uint64]:
    """The repeated keys, which ascend, that come first among all; no more than are shown.

    Read block by block: every row of a file may repeat another.
    """
    wanted = min(DUPLICATES_SHOWN, len(repeated))
    found: dict[np.uint64, None] = {}
    for start in range(0, len(keys), _BLOCK):
        block = keys[start : start + _BLOCK]
        for key in block[repeated[_places(repeated, block)] == block] if wanted else ():
            found[key] = None
            if len(found) == wanted:
                return list(found)
    return list(found)


def _places(repeated: Keys, block: Keys) -> Indices:
    return np.minimum(np.searchsorted(repeated, block), len(repeated) - 1)


def population_stability(rows: Sequence[int], training_rows: Sequence[int]) -> dict[str, Any]:
    """The population stability index of rows by grade against those of the training data, and how to read it.

    The index is the sum over the grades of `(share - training share) * ln(share / training share)`; a grade without
    rows counts as half a row, so that it stays finite. With too few rows it is shown without a reading.
    """
    shares, training_shares = _shares(rows), _shares(training_rows)
    index = sum(
        (share - expected) * log(share / expected) for share, expected in zip(shares, training_shares, strict=True)
    )
    if sum(rows) < FEWEST_ROWS_COMPARED:
        reading = "too_few_rows"
    elif index < STABLE_BELOW:
        reading = "stable"
    else:
        reading = "shifted" if index >= SHIFTED_FROM else "moderately_shifted"
    return {
        "index": round(index, 4),
        "reading": reading,
        "training_rows": sum(training_rows),
        "training_grades": dict(zip(RISK_GRADES, training_rows, strict=True)),
    }


def _shares(rows: Sequence[int]) -> list[float]:
    counted = [count or 0.5 for count in rows]
    return [count / sum(counted) for count in counted]


def _sector(total: SectorTotal) -> dict[str, Any]:
    return {
        "rows": total.rows,
        "mean_default_probability": _rounded(total.probability / total.rows),
        "by_risk_level": dict(zip(RISK_LEVELS, total.levels, strict=True)),
    }


def _rounded(probability: float) -> float:
    """Returns a probability with the digits that results show."""
    return float(f"{probability:.6g}")
