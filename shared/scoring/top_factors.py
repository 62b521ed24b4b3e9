"""The inputs that move each row's log-odds most, as JSON.

A model has some hundred distinct contributions, so rows share few distinct texts: each is written once.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from shared.scoring.model import IntArray, Model, Scores

CONTRIBUTION_DECIMALS: Final = 4
MOST: Final = 5
"""The largest count of factors; more would not fit one integer a row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TopFactors:
    """Row i has the JSON text `texts[index[i]]`: a list of `{"input", "contribution"}`, largest first."""

    texts: tuple[str, ...]
    index: IntArray

    def per_row(self) -> list[str]:
        """The text of each row."""
        return [self.texts[place] for place in self.index.tolist()]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ranking:
    """Every contribution a model can make, ranked: the larger in absolute value the smaller the rank, then by feature.

    `fragments[rank]` is its JSON; `ranks[j]` has the rank of each step of feature j, `len(fragments)` for one left out.
    """

    fragments: tuple[str, ...]
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
        fragments.append(json.dumps({"input": model.features[feature], "contribution": value}, separators=(",", ":")))
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
    # What is left out has the highest rank, so it comes last, and every text ends in one comma or is empty.
    fragments = (*(f"{fragment}," for fragment in ranking.fragments), "")
    texts = tuple(f"[{''.join([fragments[rank] for rank in ranks])[:-1]}]" for ranks in chosen.T.tolist())
    return TopFactors(texts=texts, index=index)
