"""The score columns of sound rows, as the text that result files carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.delimited._arrays import Floats, Mask, Positions
from shared.delimited._number_texts import Texts, probability_cells
from shared.delimited.cells import csv_cell
from shared.inputs.columns import ProfileName
from shared.scoring.catalogue import basis
from shared.scoring.master_scale import RISK_GRADES, RISK_LEVELS
from shared.scoring.model import Model, risk_grades, risk_levels
from shared.scoring.results import compact_json
from shared.scoring.top_factors import TopFactors, top_factors
from shared.scoring.validation import JudgedRows
from shared.vocabulary import JobType

_LEVEL_CELLS: Final = np.array([f",{level}" for level in RISK_LEVELS], np.bytes_)
_GRADE_CELLS: Final = np.array([f",{grade}," for grade in RISK_GRADES], np.bytes_)


@dataclass(frozen=True, slots=True, eq=False)
class Picks:
    """Distinct texts, and which of them each of n rows has: row i `texts[which[i]]`."""

    texts: Sequence[bytes]
    which: Positions

    def spread(self, places: Positions, size: int) -> list[bytes]:
        """The texts of `size` rows, of which those at `places` are the n and the others have none."""
        which = np.full(size, len(self.texts))
        which[places] = self.which
        texts: list[bytes] = np.array([*self.texts, b""], np.object_)[which].tolist()
        return texts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreCells:
    """The scores of n rows.

    The score columns of the i-th row are `figures[i]` and what it picks from each of `pieces`, joined: a comma before
    each, and `row_end` after the last. Its default probability is `probabilities[which[i]]`, the distinct ones
    ascending.
    """

    figures: Texts
    pieces: tuple[Picks, ...]
    probabilities: Floats
    which: Positions
    factors: TopFactors


def score_cells(
    judged: JudgedRows,
    sound: Positions,
    model: Model,
    *,
    job_type: JobType,
    profile: ProfileName,
    row_end: bytes,
) -> ScoreCells:
    """The scores of the rows without fault, given by index, by the model of their job type and profile.

    Only distinct texts are written; rows then pick theirs.
    """
    scores = model.score(model.feature_matrix({name: figures[sound] for name, figures in judged.figures.items()}))
    probabilities, which = np.unique(scores.default_probability, return_inverse=True)
    levels, grades = risk_levels(probabilities), risk_grades(probabilities)
    factors = top_factors(scores, model)
    missing, missing_texts = _listed(judged.missing, sound)
    out_of_range, out_of_range_texts = _listed(judged.out_of_range, sound)
    origin = csv_cell(model.version) + "," + csv_cell(basis(job_type, profile))
    remarks = [
        f",{first},{second},{origin}".encode() + row_end for first in missing_texts for second in out_of_range_texts
    ]
    ranks = np.strings.add(_LEVEL_CELLS[levels], _GRADE_CELLS[grades])
    return ScoreCells(
        figures=np.strings.add(probability_cells(probabilities), ranks)[which],
        pieces=(
            Picks(factors.cells, factors.index),
            Picks(remarks, missing * len(out_of_range_texts) + out_of_range),
        ),
        probabilities=probabilities,
        which=which,
        factors=factors,
    )


def _listed(masks: Mapping[str, Mask], rows: Positions) -> tuple[Positions, list[str]]:
    """Which list of names each row has, and all lists there can be as CSV cells of JSON; names are a handful."""
    which = np.zeros(len(rows), np.int64)
    for bit, mask in enumerate(masks.values()):
        which |= mask[rows].astype(np.int64) << bit
    names = list(masks)
    lists = [[name for bit, name in enumerate(names) if key >> bit & 1] for key in range(2 ** len(names))]
    return which, [csv_cell(compact_json(listed)) for listed in lists]
