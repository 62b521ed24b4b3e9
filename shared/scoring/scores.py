"""The score columns of sound rows, as the text that result files carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shared.files.records import Mask, Positions
from shared.scoring.carried import csv_cell
from shared.scoring.catalogue import basis
from shared.scoring.columns import JobTypeName, ProfileName
from shared.scoring.master_scale import RISK_GRADES, RISK_LEVELS
from shared.scoring.model import Model, risk_grades, risk_levels
from shared.scoring.number_texts import probability_cells
from shared.scoring.plain_numbers import Floats
from shared.scoring.results import compact_json
from shared.scoring.rows import JudgedRows
from shared.scoring.top_factors import TopFactors, top_factors


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

    What the i-th row picks from each of `pieces`, joined, are its score columns, each after a comma. Its default
    probability is `probabilities[which[i]]`, the distinct ones ascending.
    """

    pieces: tuple[Picks, ...]
    probabilities: Floats
    which: Positions
    factors: TopFactors


def score_cells(
    judged: JudgedRows, sound: Positions, model: Model, *, job_type: JobTypeName, profile: ProfileName
) -> ScoreCells:
    """The scores of the rows without fault, given by index, by the model of their job type and profile.

    Only distinct texts are written; rows then pick theirs.
    """
    scores = model.score(model.feature_matrix({name: figures[sound] for name, figures in judged.figures.items()}))
    probabilities, which = np.unique(scores.default_probability, return_inverse=True)
    levels, grades = risk_levels(probabilities), risk_grades(probabilities)
    ranks = [f",{level},{grade}".encode() for level in RISK_LEVELS for grade in RISK_GRADES]
    factors = top_factors(scores, model)
    missing, missing_texts = _listed(judged.missing, sound)
    out_of_range, out_of_range_texts = _listed(judged.out_of_range, sound)
    origin = csv_cell(model.version) + "," + csv_cell(basis(job_type, profile))
    remarks = [f",{first},{second},{origin}".encode() for first in missing_texts for second in out_of_range_texts]
    return ScoreCells(
        pieces=(
            Picks(probability_cells(probabilities), which),
            Picks(ranks, (levels * len(RISK_GRADES) + grades)[which]),
            Picks([b"," + cell for cell in factors.cells], factors.index),
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
