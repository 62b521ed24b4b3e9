"""Trains the three models on the panel, and builds their artifacts and model cards."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from shared.scoring.catalog import MODEL_NAMES, ModelName
from shared.scoring.features import FEATURES, FloatArray, feature_matrix
from shared.scoring.model import Model, parse_model
from shared.training.cards import PANEL_SOURCE, DataSource, card
from shared.training.evaluation import baselines, evaluation, grade_counts, masked
from shared.training.fitting import PARITY, Ensemble, FitError, Settings, artifact, fit
from shared.training.panel import Mask, Panel, ratio_figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The last years of the first two windows, so that models are tested on years after those of their training."""

    training_until: int
    calibration_until: int


# The split of the panel's authors.
PANEL_SPLIT: Final = Split(training_until=2011, calibration_until=2014)

# Written on one line each, which keeps the diff of a retrained model short.
_LIST_OF_NUMBERS: Final = re.compile(r"\[[\s\d.,e+-]*\]")

# The job types of each model, named as in `columns.py`.
JOB_TYPES: Final[dict[ModelName, tuple[str, ...]]] = {
    "statements": ("annual", "quarterly"),
    "ratios-annual": ("annual",),
    "ratios-quarterly": ("quarterly",),
}

SETTINGS: Final[dict[ModelName, Settings]] = {
    "statements": Settings(),
    "ratios-annual": Settings(l2=1.0),
    "ratios-quarterly": Settings(l2=1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A trained model: the texts of its artifact and card, and the card's content."""

    name: ModelName
    artifact: str
    card_text: str
    card: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """Rows by window, masks `[n]`."""

    training: Mask
    calibration: Mask
    test: Mask


def windows(panel: Panel, years: Split = PANEL_SPLIT) -> Windows:
    """Returns the rows of each window. Raises FitError for a window without both outcomes."""
    split = Windows(
        training=panel.year <= years.training_until,
        calibration=(panel.year > years.training_until) & (panel.year <= years.calibration_until),
        test=panel.year > years.calibration_until,
    )
    for name in ("training", "calibration", "test"):
        rows = getattr(split, name)
        events = int(np.sum(panel.event[rows]))
        if not 0 < events < int(np.sum(rows)):
            raise FitError(f"the {name} window has {events} failures among {int(np.sum(rows))} rows, both are needed")
    return split


def train(
    panel: Panel,
    *,
    seed: int,
    date: str,
    names: Sequence[ModelName] = MODEL_NAMES,
    settings: dict[ModelName, Settings] = SETTINGS,
    years: Split = PANEL_SPLIT,
    source: DataSource = PANEL_SOURCE,
) -> list[Trained]:
    """Trains, checks and measures the named models. The same arguments give the same texts, byte by byte.

    Raises FitError when the panel does not determine a model.
    """
    return [
        _train(name, panel, seed=seed, date=date, settings=settings[name], years=years, source=source) for name in names
    ]


def _train(
    name: ModelName, panel: Panel, *, seed: int, date: str, settings: Settings, years: Split, source: DataSource
) -> Trained:
    inputs = FEATURES[name]
    figures = panel.amounts if name == "statements" else ratio_figures(panel.amounts)
    features = feature_matrix(figures, inputs)
    defined = ~np.any(np.isnan(features), axis=1)
    undefined = int(np.sum(~defined))
    features, panel = features[defined], panel.rows(defined)
    split = windows(panel, years)
    ensemble = fit(
        features,
        panel.event,
        inputs=inputs,
        training=split.training,
        calibration=split.calibration,
        seed=seed,
        settings=settings,
    )
    content = artifact(
        ensemble,
        features[split.training],
        name=name,
        inputs=inputs,
        job_types=JOB_TYPES[name],
        provenance={"data_sha256": panel.sha256, "seed": seed, "settings": asdict(settings)},
    )
    artifact_text = _text(content)
    model = parse_model(artifact_text)
    assert_parity(model, ensemble, features)
    test = panel.rows(split.test)
    test_features = features[split.test]
    content_of_card = card(
        model,
        content,
        date=date,
        source=source,
        panel=panel,
        undefined=undefined,
        split={
            "training": panel.rows(split.training),
            "calibration": panel.rows(split.calibration),
            "test": test,
        },
        training_grades=grade_counts(model, features[split.training]),
        recalibration={"offset": ensemble.offset, "slope": ensemble.slope},
        metrics=evaluation(model, test_features, test, seed=seed),
        masked=masked(model, test_features, test),
        baselines=baselines(test, seed=seed),
    )
    return Trained(name=name, artifact=artifact_text, card_text=_text(_rounded(content_of_card)), card=content_of_card)


def assert_parity(model: Model, ensemble: Ensemble, features: FloatArray) -> float:
    """Returns the largest difference in log-odds between tables and estimators on features `[n, k]` without blanks.

    Raises FitError when the difference exceeds `PARITY`.
    """
    difference = float(np.max(np.abs(model.score(features).log_odds - ensemble.log_odds(features))))
    if not difference <= PARITY:
        raise FitError(f"the tables of {model.name} differ from the estimators by {difference:.3g} in log-odds")
    return difference


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def _text(content: dict[str, Any]) -> str:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return _LIST_OF_NUMBERS.sub(lambda found: "".join(found[0].split()).replace(",", ", "), text) + "\n"
