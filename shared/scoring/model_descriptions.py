"""The models described to callers, from their cards. Standard library only."""

from typing import Any

from shared.inputs.columns import ProfileName
from shared.scoring.catalogue import basis, model_card, model_name_for
from shared.vocabulary import JobType

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
# What a card has to have to be described.
CARD_FIELDS = (*_AS_THEY_ARE, "data", "metrics", "recalibration", "training_grades")
_OF_CALIBRATION = ("mean_predicted", "observed_rate", "expected_calibration_error", "calibration_table")


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
        "training_data": card["data"],
        "metrics": {name: value for name, value in metrics.items() if name not in _OF_CALIBRATION},
        "calibration": {
            "recalibration": card["recalibration"],
            **{name: metrics[name] for name in _OF_CALIBRATION},
        },
    }
