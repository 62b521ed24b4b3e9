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
from shared.scoring.plain_numbers import Floats
from shared.scoring.results import compact_json, probability_text
from shared.scoring.rows import JudgedRows
from shared.scoring.top_factors import TopFactors, top_factors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreCells:
    """The scores of n rows.

    `cells[i]` has the score columns of the i-th row, each with a comma before it. Its default probability is
    `probabilities[which[i]]`, the distinct ones ascending.
    """

    cells: list[bytes]
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
    factors = top_factors(scores, model)
    missing, missing_texts = _listed(judged.missing, sound)
    out_of_range, out_of_range_texts = _listed(judged.out_of_range, sound)
    origin = csv_cell(model.version) + "," + csv_cell(basis(job_type, profile))
    columns = (
        _picked(_probability_cells(probabilities, levels.tolist(), grades.tolist()), which),
        _picked([f",{csv_cell(text)}" for text in factors.texts], factors.index),
        _picked([f",{text}" for text in missing_texts], missing),
        _picked([f",{text},{origin}" for text in out_of_range_texts], out_of_range),
    )
    return ScoreCells(
        cells=[b"%b%b%b%b" % cells for cells in zip(*columns, strict=True)],
        probabilities=probabilities,
        which=which,
        factors=factors,
    )


def _probability_cells(probabilities: Floats, levels: Sequence[int], grades: Sequence[int]) -> list[str]:
    return [
        f",{probability_text(probability)},{RISK_LEVELS[level]},{RISK_GRADES[grade]}"
        for probability, level, grade in zip(probabilities.tolist(), levels, grades, strict=True)
    ]


def _listed(masks: Mapping[str, Mask], rows: Positions) -> tuple[Positions, list[str]]:
    """Which list of names each row has, and all lists there can be as CSV cells of JSON; names are a handful."""
    which = np.zeros(len(rows), np.int64)
    for bit, mask in enumerate(masks.values()):
        which |= mask[rows].astype(np.int64) << bit
    names = list(masks)
    lists = [[name for bit, name in enumerate(names) if key >> bit & 1] for key in range(2 ** len(names))]
    return which, [csv_cell(compact_json(listed)) for listed in lists]


def _picked(texts: Sequence[str], which: Positions) -> list[bytes]:
    written = [text.encode() for text in texts]
    return [written[place] for place in which.tolist()]
