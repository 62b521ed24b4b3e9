"""The inputs that move each row's log-odds most, as CSV cells of JSON.

A model has some hundred distinct contributions, so rows share few distinct cells: each is written once.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, Final

import numpy as np

from shared.delimited.cells import unquoted
from shared.scoring.model import IntArray, Model, Scores

CONTRIBUTION_DECIMALS: Final = 4
_NONE: Final = b"[]"
MOST: Final = 5
"""The largest count of factors; more would not fit one integer a row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TopFactors:
    """Row i has the CSV cell `cells[index[i]]`: a list of `{"input", "contribution"}`, largest first."""

    cells: tuple[bytes, ...]
    index: IntArray

    def of(self, row: int) -> list[dict[str, Any]]:
        """The factors of a row."""
        factors: list[dict[str, Any]] = json.loads(unquoted(self.cells[self.index[row]]))
        return factors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ranking:
    """Every contribution a model can make, ranked: the larger in absolute value the smaller the rank, then by feature.

    `fragments[rank]` is its JSON in a quoted cell; `ranks[j]` has the rank of each step of feature j,
    `len(fragments)` for one left out.
    """

    fragments: tuple[bytes, ...]
    ranks: tuple[IntArray, ...]


@lru_cache(maxsize=8)
def _ranking(model: Model) -> _Ranking:
    shown = [np.round(table, CONTRIBUTION_DECIMALS).tolist() for table in model.contributions]
    entries = sorted(
        (-abs(value), feature, step, value)
        for feature, values in enumerate(shown)
        for step, value in enumerate(values)
        if value
    )
    ranks = tuple(np.full(len(values), len(entries), np.int64) for values in shown)
    fragments = []
    for rank, (_, feature, step, value) in enumerate(entries):
        ranks[feature][step] = rank
        fragment = json.dumps({"input": model.features[feature], "contribution": value}, separators=(",", ":"))
        fragments.append(fragment.replace('"', '""').encode())
    return _Ranking(fragments=tuple(fragments), ranks=ranks)


def top_factors(scores: Scores, model: Model, *, count: int = 3) -> TopFactors:
    """The `count` largest contributions of each row, by absolute value, ties in the order of the features.

    Contributions are rounded to four decimals; those that round to 0, blanks among them, are left out. Raises
    ValueError for a count below 1 or above `MOST`.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"count must be 1 to {MOST}, not {count}")
    ranking = _ranking(model)
    none = len(ranking.fragments)
    columns = [np.take(ranks, scores.steps[:, feature]) for feature, ranks in enumerate(ranking.ranks)]
    places = min(count, len(columns))
    keys = np.zeros(len(scores.steps), np.int64)
    for place in range(places):
        # One pass of a bubble sort over whole columns brings the smallest remaining rank to `place`.
        for j in range(len(columns) - 1, place, -1):
            above, below = columns[j - 1], columns[j]
            columns[j - 1], columns[j] = np.minimum(above, below), np.maximum(above, below)
        keys = keys * (none + 1) + columns[place]
    distinct, index = np.unique(keys, return_inverse=True)
    chosen = np.empty((places, len(distinct)), np.int64)
    for place in reversed(range(places)):
        distinct, chosen[place] = np.divmod(distinct, none + 1)
    # What is left out has the highest rank, so it comes last in a row, and a row without factors last of all.
    first = [b'"[' + fragment for fragment in ranking.fragments] + [b""]
    later = [b"," + fragment for fragment in ranking.fragments] + [b""]
    pieces = [map((first if place == 0 else later).__getitem__, ranks.tolist()) for place, ranks in enumerate(chosen)]
    cells = list(map(b"".join, zip(*pieces, repeat(b']"'))))
    if cells and chosen[0, -1] == none:
        cells[-1] = _NONE
    return TopFactors(cells=tuple(cells), index=index)
