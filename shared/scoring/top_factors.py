"""The inputs that move each row's log-odds most, as JSON.

A model has some hundred distinct contributions, so rows share few distinct texts: each is written once.
"""

import json
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.scoring.model import IntArray, Model, Scores

CONTRIBUTION_DECIMALS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TopFactors:
    """Row i has the JSON text `texts[index[i]]`: a list of `{"input", "contribution"}`, largest first."""

    texts: tuple[str, ...]
    index: IntArray

    def per_row(self) -> list[str]:
        """The text of each row."""
        return [self.texts[place] for place in self.index.tolist()]


def top_factors(scores: Scores, model: Model, *, count: int = 3) -> TopFactors:
    """The `count` largest contributions of each row, by absolute value, ties in the order of the features.

    Contributions are rounded to four decimals; those that round to 0, blanks among them, are left out. Raises
    ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError("count must be at least 1")
    shown = [np.round(table, CONTRIBUTION_DECIMALS) for table in model.contributions]
    # Every distinct entry of the tables gets a rank: the larger in absolute value the smaller, then by feature.
    entries = sorted(
        (-abs(value), feature, step)
        for feature, table in enumerate(shown)
        for step, value in enumerate(table.tolist())
        if value
    )
    none = len(entries)
    fragments = [
        json.dumps(
            {"input": model.features[feature], "contribution": shown[feature].tolist()[step]}, separators=(",", ":")
        )
        for _, feature, step in entries
    ]
    rank_of = [np.full(len(table), none, np.int32) for table in shown]
    for rank, (_, feature, step) in enumerate(entries):
        rank_of[feature][step] = rank
    columns = [np.take(ranks, scores.steps[:, feature]) for feature, ranks in enumerate(rank_of)]
    index = np.zeros(len(scores.steps), np.int64)
    chosen: list[tuple[int, ...]] = [()]
    for place in range(min(count, len(columns))):
        # One pass of a bubble sort over whole columns brings the smallest remaining rank to `place`.
        for j in range(len(columns) - 1, place, -1):
            above, below = columns[j - 1], columns[j]
            columns[j - 1], columns[j] = np.minimum(above, below), np.maximum(above, below)
        keys, index = np.unique(index * (none + 1) + columns[place], return_inverse=True)
        chosen = [(*chosen[key // (none + 1)], key % (none + 1)) for key in keys.tolist()]
    texts = tuple("[" + ",".join(fragments[rank] for rank in ranks if rank < none) + "]" for ranks in chosen)
    return TopFactors(texts=texts, index=index)
