"""Scores of valid rows, the inputs that move each of them most, and the score columns of result files.

A model has some hundred distinct contributions, so rows share few distinct cells of factors: each is written once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.delimited.cells import quoted, unquoted
from shared.delimited.writing import LineWriter, fraction_cells
from shared.inputs.header import Layout
from shared.scoring.catalog import RISK_GRADES, RISK_LEVELS, basis
from shared.scoring.model import Model, Scores, risk_grades, risk_levels
from shared.scoring.plain_cells import Floats, Mask
from shared.scoring.results import compact_json
from shared.scoring.validation import ValidatedRows

Indices = NDArray[np.int64]

_LEVEL_CELLS: Final = np.array([f",{level}" for level in RISK_LEVELS], np.bytes_)
_GRADE_CELLS: Final = np.array([f",{grade}," for grade in RISK_GRADES], np.bytes_)

CONTRIBUTION_DECIMALS: Final = 4
_NONE: Final = b"[]"
MOST: Final = 5
"""The largest count of factors; more would not fit one integer a row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TopFactors:
    """Row i has the CSV cell `cells[index[i]]`: a list of `{"input", "contribution"}`, largest first."""

    cells: tuple[bytes, ...]
    index: Indices

    def of(self, row: int) -> list[dict[str, Any]]:
        """Returns the factors of a row."""
        factors: list[dict[str, Any]] = json.loads(unquoted(self.cells[self.index[row]]))
        return factors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredRows:
    """The scores of n valid rows.

    `rows[i]` is the index of the i-th in the chunk, and `probabilities[which[i]]` its default probability; the distinct
    probabilities ascend. Its last columns are `remarks[remark[i]]`: rows share few of them.
    """

    rows: Indices
    probabilities: Floats
    which: Indices
    factors: TopFactors
    remarks: Sequence[bytes]
    remark: Indices

    def write(self, lines: LineWriter, *, row_end: bytes) -> None:
        """Adds the score columns, a comma before each, and `row_end` to the lines of the rows."""
        levels, grades = risk_levels(self.probabilities), risk_grades(self.probabilities)
        ranks = np.strings.add(_LEVEL_CELLS[levels], _GRADE_CELLS[grades])
        # Only distinct texts are written; rows then pick theirs.
        lines.add_fixed(np.strings.add(fraction_cells(self.probabilities), ranks)[self.which], self.rows)
        lines.add_choice(self.factors.cells, self.factors.index, self.rows)
        lines.add_choice([remark + row_end for remark in self.remarks], self.remark, self.rows)


def score_rows(validated: ValidatedRows, layout: Layout, model: Model) -> ScoredRows:
    """Returns the scores of the valid rows by the model of their job type and profile."""
    rows = validated.valid
    scores = model.score(model.feature_matrix({name: figures[rows] for name, figures in validated.figures.items()}))
    probabilities, which = np.unique(scores.default_probability, return_inverse=True)
    missing, missing_texts = _listed(validated.missing, rows)
    out_of_range, out_of_range_texts = _listed(validated.out_of_range, rows)
    origin = b",".join([quoted(text.encode()) for text in (model.version, basis(layout.job_type, layout.profile))])
    return ScoredRows(
        rows=rows,
        probabilities=probabilities,
        which=which,
        factors=top_factors(scores, model),
        remarks=[b",%b,%b,%b" % (first, second, origin) for first in missing_texts for second in out_of_range_texts],
        remark=missing * len(out_of_range_texts) + out_of_range,
    )


def _listed(masks: Mapping[str, Mask], rows: Indices) -> tuple[Indices, list[bytes]]:
    """Returns which list of names each row has, and all possible lists as CSV cells of JSON; names are a handful."""
    which = np.zeros(len(rows), np.int64)
    for bit, mask in enumerate(masks.values()):
        which |= mask[rows].astype(np.int64) << bit
    names = list(masks)
    lists = [[name for bit, name in enumerate(names) if key >> bit & 1] for key in range(2 ** len(names))]
    return which, [quoted(compact_json(listed).encode()) for listed in lists]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ranking:
    """Every contribution a model can make, ranked: the larger in absolute value the smaller the rank, then by feature.

    `fragments[rank]` is its JSON in a quoted cell; `ranks[j]` has the rank of each step of feature j,
    `len(fragments)` for one left out.
    """

    fragments: tuple[bytes, ...]
    ranks: tuple[Indices, ...]


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
