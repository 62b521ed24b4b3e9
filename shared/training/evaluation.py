"""The metrics of a model card, measured with the evaluator that production runs."""

from typing import Any

import numpy as np

from shared.scoring.catalog import RISK_GRADES, RISK_LEVELS
from shared.scoring.features import FloatArray
from shared.scoring.model import Model, Scores, risk_grades, risk_levels
from shared.training import metrics
from shared.training.baselines import BASELINES
from shared.training.panel import Panel


def evaluation(model: Model, features: FloatArray, panel: Panel, *, seed: int) -> dict[str, Any]:
    """Returns the metrics of a model on test rows: features `[n, k]`, and the panel's n rows that they come from."""
    scores = model.score(features)
    table = metrics.calibration_table(scores.default_probability, panel.event)
    return {
        **metrics.ranking(scores.log_odds, panel.event, panel.firm, seed=seed),
        **_calibration(scores, panel),
        "expected_calibration_error": metrics.expected_calibration_error(table),
        "calibration_table": table,
        "risk_levels": _shares(RISK_LEVELS, risk_levels(scores.default_probability), panel),
        "risk_grades": _shares(RISK_GRADES, risk_grades(scores.default_probability), panel),
    }


def grade_counts(model: Model, features: FloatArray) -> dict[str, int]:
    """Returns the number of rows of features `[n, k]` in each grade, the reference for population stability."""
    places = risk_grades(model.score(features).default_probability)
    counts = np.bincount(places, minlength=len(RISK_GRADES)).tolist()
    return dict(zip(RISK_GRADES, counts, strict=True))


def masked(model: Model, features: FloatArray, panel: Panel) -> list[dict[str, Any]]:
    """Returns the metrics on test rows with one input blank in every row, an entry for each input."""
    entries = []
    for column, name in enumerate(model.features):
        blanked = features.copy()
        blanked[:, column] = np.nan
        scores = model.score(blanked)
        entries.append(
            {"blank": name, "roc_auc": metrics.roc_auc(scores.log_odds, panel.event), **_calibration(scores, panel)}
        )
    return entries


def baselines(panel: Panel, *, seed: int) -> list[dict[str, Any]]:
    """Returns the metrics of the published scores on the same test rows."""
    return [
        {
            "name": baseline.name,
            "source": baseline.source,
            "approximation": baseline.approximation,
            **metrics.ranking(baseline.score(panel), panel.event, panel.firm, seed=seed),
        }
        for baseline in BASELINES
    ]


def _calibration(scores: Scores, panel: Panel) -> dict[str, float]:
    return {
        "brier": metrics.brier(scores.default_probability, panel.event),
        "mean_predicted": float(np.mean(scores.default_probability)),
        "observed_rate": float(np.mean(panel.event)),
    }


def _shares(names: tuple[str, ...], places: Any, panel: Panel) -> list[dict[str, Any]]:
    entries = []
    for place, name in enumerate(names):
        inside = places == place
        rows, events = int(np.sum(inside)), int(np.sum(panel.event[inside]))
        entries.append({"name": name, "n": rows, "events": events, "observed": events / rows if rows else None})
    return entries
