"""The names of the columns that result files add to those of the input. Standard library only."""

from typing import Final

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
