"""Scores of valid rows, and the score columns of result files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.delimited.cells import csv_cell
from shared.delimited.writing import LineWriter, fraction_cells
from shared.inputs.header import Layout
from shared.scoring.catalogue import RISK_GRADES, RISK_LEVELS, basis
from shared.scoring.model import Model, risk_grades, risk_levels
from shared.scoring.plain_cells import Floats, Mask
from shared.scoring.results import compact_json
from shared.scoring.top_factors import TopFactors, top_factors
from shared.scoring.validation import ValidatedRows

Indices = NDArray[np.int64]

_LEVEL_CELLS: Final = np.array([f",{level}" for level in RISK_LEVELS], np.bytes_)
_GRADE_CELLS: Final = np.array([f",{grade}," for grade in RISK_GRADES], np.bytes_)


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
    remarks: Sequence[str]
    remark: Indices

    def write(self, lines: LineWriter, *, row_end: bytes) -> None:
        """Adds the score columns, a comma before each, and `row_end` to the lines of the rows."""
        levels, grades = risk_levels(self.probabilities), risk_grades(self.probabilities)
        ranks = np.strings.add(_LEVEL_CELLS[levels], _GRADE_CELLS[grades])
        # Only distinct texts are written; rows then pick theirs.
        lines.add_fixed(np.strings.add(fraction_cells(self.probabilities), ranks)[self.which], self.rows)
        lines.add_choice(self.factors.cells, self.factors.index, self.rows)
        lines.add_choice([remark.encode() + row_end for remark in self.remarks], self.remark, self.rows)


def score_rows(validated: ValidatedRows, layout: Layout, model: Model) -> ScoredRows:
    """Returns the scores of the valid rows by the model of their job type and profile."""
    rows = validated.valid
    scores = model.score(model.feature_matrix({name: figures[rows] for name, figures in validated.figures.items()}))
    probabilities, which = np.unique(scores.default_probability, return_inverse=True)
    missing, missing_texts = _listed(validated.missing, rows)
    out_of_range, out_of_range_texts = _listed(validated.out_of_range, rows)
    origin = csv_cell(model.version) + "," + csv_cell(basis(layout.job_type, layout.profile))
    return ScoredRows(
        rows=rows,
        probabilities=probabilities,
        which=which,
        factors=top_factors(scores, model),
        remarks=[f",{first},{second},{origin}" for first in missing_texts for second in out_of_range_texts],
        remark=missing * len(out_of_range_texts) + out_of_range,
    )


def _listed(masks: Mapping[str, Mask], rows: Indices) -> tuple[Indices, list[str]]:
    """Returns which list of names each row has, and all possible lists as CSV cells of JSON; names are a handful."""
    which = np.zeros(len(rows), np.int64)
    for bit, mask in enumerate(masks.values()):
        which |= mask[rows].astype(np.int64) << bit
    names = list(masks)
    lists = [[name for bit, name in enumerate(names) if key >> bit & 1] for key in range(2 ** len(names))]
    return which, [csv_cell(compact_json(listed)) for listed in lists]
