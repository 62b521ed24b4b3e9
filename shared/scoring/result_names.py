"""The names of the columns that result files add to those of the input. Standard library only."""

from collections.abc import Collection
from typing import Final

from shared.inputs.columns import normalised_name

ROW: Final = "row"
DEFAULT_PROBABILITY: Final = "default_probability"
SCORE_COLUMNS: Final = (
    DEFAULT_PROBABILITY,
    "risk_level",
    "risk_grade",
    "top_factors",
    "missing_ratios",
    "out_of_range",
    "model_version",
    "model_basis",
)
FAULT_COLUMNS: Final = ("code", "column", "error", "errors")
OUTCOME: Final = "outcome"
OURS: Final = frozenset({ROW, *SCORE_COLUMNS, *FAULT_COLUMNS, OUTCOME})

SOURCE_ROW: Final = "source_row"
"""The last input column of a retry's file: the number of the row in the file that was first uploaded."""


def free_name(name: str, taken: Collection[str]) -> str:
    """`input_<name>` for a column of the input whose name we need, the prefix repeated until it is not `taken`."""
    while normalised_name(name) in taken:
        name = f"input_{name}"
    return name
