"""The models and the scale of their scores: which model scores which rows, its card, risk levels and risk grades.

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


# A bound belongs to the worse side: a default probability of exactly 1 % is MEDIUM.
RISK_LEVELS: Final = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
LEVEL_BOUNDS: Final = (0.01, 0.03, 0.10)

# Best to worst; two digits, so that the names sort as the grades do.
RISK_GRADES: Final = ("R01", "R02", "R03", "R04", "R05", "R06", "R07", "R08", "R09", "R10")

# About a factor of two between neighbors, and every bound between levels is one between grades too, so that a grade
# never straddles two levels. The ends are set where each of the three models still has rows.
GRADE_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.0175, 0.03, 0.055, 0.10)

_USES: tuple[tuple[JobType, ProfileName], ...] = (
    (JobType.ANNUAL, "statements"),
    (JobType.ANNUAL, "ratios"),
    (JobType.QUARTERLY, "statements"),
    (JobType.QUARTERLY, "ratios"),
)
_AS_THEY_ARE = (
    "name",
    "title",
    "version",
    "date",
    "predicts",
    "method",
    "features",
    "split",
    "metrics_with_an_input_blank",
    "baselines",
    "intended_use",
    "not_for",
    "limits",
)
# Cards of own models that were trained before these fields existed lack them.
_OF_NEWER_CARDS = ("looks_at_test_window", "compared_with_previous")
# The fields that a description needs of a card.
CARD_FIELDS = (*_AS_THEY_ARE, "data", "metrics", "recalibration", "training_grades")
_OF_CALIBRATION = ("mean_predicted", "observed_rate", "expected_calibration_error", "calibration_table")
_OF_NEWER_CALIBRATION = ("calibration_by_size", "calibration_by_year")


def model_name_for(job_type: JobType, profile: ProfileName) -> ModelName:
    """The model that scores the rows of a job type and profile."""
    if profile == "statements":
        return "statements"
    return "ratios-annual" if job_type == "annual" else "ratios-quarterly"


def basis(job_type: JobType, profile: ProfileName) -> str:
    """Returns the text of a row's `model_basis`. It has no comma, so CSV needs no quotes around it."""
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


def model_descriptions() -> list[dict[str, Any]]:
    """The model of each job type and profile, as JSON-able values: what it is, was trained on and is worth."""
    return [_described(job_type, profile) for job_type, profile in _USES]


def _described(job_type: JobType, profile: ProfileName) -> dict[str, Any]:
    card = model_card(model_name_for(job_type, profile))
    metrics = card["metrics"]
    return {
        "job_type": job_type,
        "profile": profile,
        "basis": basis(job_type, profile),
        **{name: card[name] for name in _AS_THEY_ARE},
        **{name: card.get(name) for name in _OF_NEWER_CARDS},
        "training_data": card["data"],
        "metrics": {
            name: value for name, value in metrics.items() if name not in (*_OF_CALIBRATION, *_OF_NEWER_CALIBRATION)
        },
        "calibration": {
            "recalibration": card["recalibration"],
            **{name: metrics[name] for name in _OF_CALIBRATION},
            **{name: metrics.get(name) for name in _OF_NEWER_CALIBRATION},
        },
    }
