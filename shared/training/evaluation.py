"""The metrics of a model card, measured with the evaluator that production runs."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss

from shared.scoring.catalog import RISK_GRADES, RISK_LEVELS
from shared.scoring.features import FloatArray
from shared.scoring.model import IntArray, Model, Scores, risk_grades, risk_levels
from shared.scoring.risk_summary import population_stability
from shared.training import metrics
from shared.training.baselines import BASELINES
from shared.training.panel import Mask, Panel

SIZES: Final = ("smallest", "middle", "largest")

FEWEST_ROWS_OF_A_RATE: Final = 30
"""With fewer rows a group shows its counts alone: no events of five would read as a rate of 0 %."""


def evaluation(model: Model, features: FloatArray, panel: Panel, *, training: Panel) -> dict[str, Any]:
    """Returns the metrics of a model on test rows: features `[n, k]`, and the panel's n rows that they come from.

    Small, middle and large firms are those of the three thirds of the training rows by total assets.
    """
    scores = model.score(features)
    table = metrics.calibration_table(scores.default_probability, panel.event)
    return {
        **metrics.ranking(scores.log_odds, panel.event, panel.firm),
        **_calibration(scores, panel),
        "expected_calibration_error": metrics.expected_calibration_error(table),
        "calibration_table": table,
        "calibration_by_size": _by_size(scores, panel, _thirds(training)),
        "calibration_by_year": _by_year(scores, panel),
        "risk_levels": _shares(RISK_LEVELS, risk_levels(scores.default_probability), panel),
        "risk_grades": _shares(RISK_GRADES, risk_grades(scores.default_probability), panel),
    }


def grade_counts(model: Model, features: FloatArray) -> dict[str, int]:
    """Returns the number of rows of features `[n, k]` in each grade, the reference for population stability."""
    return dict(zip(RISK_GRADES, _rows_by_grade(model.score(features)), strict=True))


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


def baselines(panel: Panel) -> list[dict[str, Any]]:
    """Returns the metrics of the published scores on the same test rows."""
    return [
        {
            "name": baseline.name,
            "source": baseline.source,
            "approximation": baseline.approximation,
            **metrics.ranking(baseline.score(panel), panel.event, panel.firm),
        }
        for baseline in BASELINES
    ]


def compared(model: Model, previous: Model, figures: Mapping[str, FloatArray]) -> dict[str, Any]:
    """Returns what changes on test rows, given as figures each `[n]`, against the model before.

    The stability index compares the rows by grade, before and after.
    """
    after, before = (one.score(one.feature_matrix(figures)) for one in (model, previous))
    places = [
        place(after.default_probability) != place(before.default_probability) for place in (risk_levels, risk_grades)
    ]
    level_changed, grade_changed = (float(np.mean(changed)) for changed in places)
    return {
        "version": previous.version,
        "rows": len(after.log_odds),
        "level_changed": level_changed,
        "grade_changed": grade_changed,
        "population_stability_index": population_stability(_rows_by_grade(after), _rows_by_grade(before))["index"],
        "rank_correlation": float(pd.Series(after.log_odds).corr(pd.Series(before.log_odds), method="spearman")),
    }


def _rows_by_grade(scores: Scores) -> list[int]:
    return np.bincount(risk_grades(scores.default_probability), minlength=len(RISK_GRADES)).tolist()


def _calibration(scores: Scores, panel: Panel) -> dict[str, float]:
    return {
        "brier": float(brier_score_loss(panel.event, scores.default_probability)),
        "mean_predicted": float(np.mean(scores.default_probability)),
        "observed_rate": float(np.mean(panel.event)),
    }


def _thirds(panel: Panel) -> FloatArray:
    """Returns the two bounds of the thirds of rows by total assets."""
    return np.quantile(panel.amounts["total_assets"], [1 / 3, 2 / 3])


def _by_size(scores: Scores, panel: Panel, bounds: FloatArray) -> list[dict[str, Any]]:
    """Returns the calibration and ROC AUC of rows between two bounds of total assets, in USD million, and on each side.

    `total_assets` are the bounds of a group, None at the ends.
    """
    assets = panel.amounts["total_assets"]
    ends = [None, *bounds.tolist(), None]
    thirds: IntArray = np.searchsorted(bounds, assets, side="left")
    entries = []
    for place, name in enumerate(SIZES):
        rows = thirds == place
        # None of the later firms may be as small or as large.
        if np.any(rows):
            entries.append(
                {
                    "name": name,
                    "total_assets": ends[place : place + 2],
                    **_expected(scores, panel, rows),
                    "roc_auc": _roc_auc_if_defined(scores.log_odds[rows], panel.event[rows]),
                }
            )
    return entries


def _by_year(scores: Scores, panel: Panel) -> list[dict[str, Any]]:
    return [{"year": year, **_expected(scores, panel, panel.year == year)} for year in np.unique(panel.year).tolist()]


def _expected(scores: Scores, panel: Panel, rows: Mask) -> dict[str, Any]:
    """Returns counts of the rows, of their events, and of the events that the model expects, with the z of these."""
    probability = scores.default_probability[rows]
    events, expected = int(np.sum(panel.event[rows])), float(np.sum(probability))
    deviation = float(np.sqrt(np.sum(probability * (1 - probability))))
    return {"n": len(probability), "events": events, "expected": expected, "z": (events - expected) / deviation}


def _roc_auc_if_defined(log_odds: FloatArray, event: Mask) -> float | None:
    is_defined = len(event) >= FEWEST_ROWS_OF_A_RATE and 0 < np.sum(event) < len(event)
    return metrics.roc_auc(log_odds, event) if is_defined else None


def _shares(names: tuple[str, ...], places: IntArray, panel: Panel) -> list[dict[str, Any]]:
    entries = []
    for place, name in enumerate(names):
        inside = places == place
        rows, events = int(np.sum(inside)), int(np.sum(panel.event[inside]))
        observed = events / rows if rows >= FEWEST_ROWS_OF_A_RATE else None
        entries.append({"name": name, "n": rows, "events": events, "observed": observed})
    return entries
