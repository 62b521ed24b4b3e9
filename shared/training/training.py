"""Trains the three models on the panel, and builds their artifacts and model cards."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from shared.scoring.catalog import MODEL_NAMES, ModelName
from shared.scoring.features import FEATURES, Feature, FloatArray, feature_matrix
from shared.scoring.model import Model, parse_model
from shared.training.cards import PANEL_SOURCE, DataSource, card
from shared.training.evaluation import baselines, compared, evaluation, grade_counts, masked
from shared.training.fitting import PARITY, Fit, FitError, Recalibration, Settings, artifact, fit, recalibration
from shared.training.panel import Mask, Panel, ratio_figures
from shared.training.windows import PANEL_SPLIT, Split, Windows, windows

# Written on one line each, which keeps the diff of a retrained model short.
_LIST_OF_NUMBERS: Final = re.compile(r"\[[\s\d.,e+-]*\]")

# The job types of each model, named as in `columns.py`.
JOB_TYPES: Final[dict[ModelName, tuple[str, ...]]] = {
    "statements": ("annual", "quarterly"),
    "ratios-annual": ("annual",),
    "ratios-quarterly": ("quarterly",),
}

# Chosen on 2006 to 2014, each of four windows scored by a model of the years before it. Ratios alone say little of how
# the rate of defaults moves from year to year, so their level follows the latest years.
SETTINGS: Final[dict[ModelName, Settings]] = {
    "statements": Settings(),
    "ratios-annual": Settings(origins=3),
    "ratios-quarterly": Settings(origins=3),
}

SIZE: Final = "ln_total_assets"
"""The feature by which a model that has it is recalibrated too."""

LARGEST_SIZE_Z: Final = 4.0
"""Of the defaults of each third of the firms by size: a model further off misleads about small or large firms."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A trained model: the texts of its artifact and card, and the card's content."""

    name: ModelName
    artifact: str
    card_text: str
    card: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Previous:
    """The model before, to compare with, and its card."""

    model: Model
    card: Mapping[str, Any]


def train(
    panel: Panel,
    *,
    date: str,
    names: Sequence[ModelName] = MODEL_NAMES,
    settings: Mapping[ModelName, Settings] = SETTINGS,
    years: Split = PANEL_SPLIT,
    source: DataSource = PANEL_SOURCE,
    previous: Mapping[ModelName, Previous] | None = None,
) -> list[Trained]:
    """Trains, checks and measures the named models. The same arguments give the same texts, byte by byte.

    Raises FitError when the panel does not determine a model.
    """
    return [
        _train(
            name,
            panel,
            date=date,
            settings=settings[name],
            years=years,
            source=source,
            previous=(previous or {}).get(name),
        )
        for name in names
    ]


def _train(
    name: ModelName,
    panel: Panel,
    *,
    date: str,
    settings: Settings,
    years: Split,
    source: DataSource,
    previous: Previous | None,
) -> Trained:
    inputs = FEATURES[name]
    features = feature_matrix(_figures(name, panel), inputs)
    defined = ~np.any(np.isnan(features), axis=1)
    undefined = int(np.sum(~defined))
    features, panel = features[defined], panel.rows(defined)
    split = windows(panel, years, last_origins=settings.origins)
    fitted, line = calibrated_fit(features, panel, split, inputs=inputs, settings=settings)
    content = artifact(
        fitted,
        features[split.training],
        name=name,
        inputs=inputs,
        job_types=JOB_TYPES[name],
        provenance={"data_sha256": panel.sha256, "settings": asdict(settings)},
    )
    artifact_text = _text(content)
    model = parse_model(artifact_text)
    assert_parity(model, fitted, features)
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
        recalibration=asdict(line),
        is_out_of_time=bool(split.origins),
        metrics=evaluation(model, test_features, test, training=panel.rows(split.training)),
        masked=masked(model, test_features, test),
        baselines=baselines(test),
        compared=_compared(model, previous, _figures(name, test)),
    )
    return Trained(name=name, artifact=artifact_text, card_text=_text(_rounded(content_of_card)), card=content_of_card)


def _figures(name: ModelName, panel: Panel) -> dict[str, FloatArray]:
    return panel.amounts if name == "statements" else ratio_figures(panel.amounts)


def calibrated_fit(
    features: FloatArray, panel: Panel, split: Windows, *, inputs: Sequence[Feature], settings: Settings
) -> tuple[Fit, Recalibration]:
    """Returns the recalibrated model of features `[n, k]` of the panel's n rows, and its recalibration.

    Where there are origins, each is scored by a model of the years before it, as the published model scores years after
    its training. Otherwise the published model scores the calibration window.
    """

    def fit_to(rows: Mask) -> Fit:
        return fit(features[rows], panel.event[rows], inputs=inputs, settings=settings)

    fitted = fit_to(split.training)
    log_odds = fitted.log_odds(features)
    for year in split.origins:
        rows = panel.year == year
        log_odds[rows] = fit_to(split.training & (panel.year < year)).log_odds(features[rows])
    names = [feature.name for feature in inputs]
    column = names.index(SIZE) if SIZE in names else None
    size = features[split.calibration, column] if column is not None else None
    line = recalibration(log_odds[split.calibration], panel.event[split.calibration], size)
    return fitted.recalibrated(line, size_column=column), line


def assert_parity(model: Model, fitted: Fit, features: FloatArray) -> float:
    """Returns the largest difference in log-odds between artifact and fit on features `[n, k]` without blanks.

    Raises FitError when the difference exceeds `PARITY`.
    """
    difference = float(np.max(np.abs(model.score(features).log_odds - fitted.log_odds(features))))
    if not difference <= PARITY:
        raise FitError(f"the tables of {model.name} differ from the fit by {difference:.3g} in log-odds")
    return difference


def check_sizes(card: Mapping[str, Any]) -> None:
    """Raises FitError when the defaults of a third of the firms by size are far from what the model expects."""
    for third in card["metrics"]["calibration_by_size"]:
        if abs(third["z"]) > LARGEST_SIZE_Z:
            raise FitError(
                f"{card['name']} expects {third['expected']:.1f} failures in the {third['name']} third by total assets "
                f"and there are {third['events']} (z {third['z']:+.1f}); --allow-size-bias writes it all the same"
            )


def _compared(model: Model, previous: Previous | None, figures: Mapping[str, FloatArray]) -> Mapping[str, Any] | None:
    if previous is None:
        return None
    if previous.model.version == model.version:
        # Trained again: what it was compared with stays.
        kept: Mapping[str, Any] | None = previous.card.get("compared_with_previous")
        return kept
    return compared(model, previous.model, figures)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def _text(content: dict[str, Any]) -> str:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return _LIST_OF_NUMBERS.sub(lambda found: "".join(found[0].split()).replace(",", ", "), text) + "\n"
