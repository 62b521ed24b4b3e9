"""The score columns of sound rows, as the text that result files carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.files.header import Layout
from shared.files.records import Positions
from shared.scoring.rows import JudgedRows


class Model(Protocol):
    """What turns the figures of sound rows into scores."""

    def cells(self, judged: JudgedRows, rows: Positions, layout: Layout) -> "ScoreCells":
        """The score columns of the rows, given by index."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCells:
    """`cells[i]` holds the score columns of sound row i, joined by commas; `risk_levels` counts the rows by level."""

    cells: list[bytes]
    risk_levels: Mapping[str, int]


def score_cells(judged: JudgedRows, rows: Positions, model: Model, layout: Layout) -> ScoreCells:
    """The score columns of the sound rows, given by index."""
    return model.cells(judged, rows, layout)
