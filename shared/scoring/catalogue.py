"""Which model scores which rows, and the model cards.

Standard library only, so that the api function can import it without NumPy.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, get_args

from shared.inputs.columns import ProfileName
from shared.vocabulary import JobType

ModelName = Literal["statements", "ratios-annual", "ratios-quarterly"]
MODEL_NAMES: Final[tuple[ModelName, ...]] = get_args(ModelName)

_BASIS: Final[dict[tuple[JobType, ProfileName], str]] = {
    (JobType.ANNUAL, "statements"): "annual model on annual statement amounts",
    (JobType.ANNUAL, "ratios"): "annual model on annual ratios",
    (JobType.QUARTERLY, "statements"): (
        "annual model used on trailing-twelve-month statement amounts; not validated on quarterly outcomes"
    ),
    (JobType.QUARTERLY, "ratios"): "annual model used on ratio inputs; not validated on quarterly outcomes",
}


def model_name_for(job_type: JobType, profile: ProfileName) -> ModelName:
    """The model that scores the rows of a job type and profile."""
    if profile == "statements":
        return "statements"
    return "ratios-annual" if job_type == "annual" else "ratios-quarterly"


def basis(job_type: JobType, profile: ProfileName) -> str:
    """What a row's `model_basis` says; it holds no comma, so it stands unquoted in CSV."""
    return _BASIS[job_type, profile]


def artifact_text(file_name: str) -> str:
    """The text of a file among the model artifacts. Raises FileNotFoundError for one that is not there."""
    return files("shared.scoring").joinpath("artifacts", file_name).read_text(encoding="utf-8")


@cache
def _card_text(name: ModelName) -> str:
    return artifact_text(f"{name}.card.json")


def model_card(name: ModelName) -> dict[str, Any]:
    """The card of a model: its features, data, split, metrics, calibration and limits. The caller owns the copy."""
    card: dict[str, Any] = json.loads(_card_text(name))
    return card
