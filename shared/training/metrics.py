"""Ranking and calibration metrics on rows with known outcomes.

Scores and probabilities are float64 `[n]`, higher meaning riskier; events are bool `[n]` with both outcomes present.
"""

from typing import Any, Final

import numpy as np
from sklearn.metrics import average_precision_score, roc_curve

from shared.scoring.features import FloatArray
from shared.training.panel import IntArray, Mask

RESAMPLES: Final = 1000
BINS: Final = 10
_SEED: Final = 0


def _weighted_auc(order: IntArray, ends: IntArray, event: Mask, weights: FloatArray) -> float:
    """Returns the area under the ROC curve of weighted rows, ties counting half.

    `order` sorts the scores; `ends` holds the last position of each run of equal scores in that order.
    """
    positives = np.cumsum((weights * event)[order])[ends]
    negatives = np.cumsum((weights * ~event)[order])[ends]
    positives_at = np.diff(positives, prepend=0.0)
    negatives_at = np.diff(negatives, prepend=0.0)
    wins = np.sum(positives_at * (negatives - negatives_at / 2))
    return float(wins / (positives[-1] * negatives[-1]))


def _runs(scores: FloatArray) -> tuple[IntArray, IntArray]:
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    return order, np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))


def roc_auc(scores: FloatArray, event: Mask) -> float:
    """Returns the chance that a row with an event scores above one without; ties count half (Mann, Whitney 1947)."""
    order, ends = _runs(scores)
    return _weighted_auc(order, ends, event, np.ones(len(scores)))


def roc_auc_interval(scores: FloatArray, event: Mask, firm: IntArray) -> tuple[float, float]:
    """Returns the 95 % percentile bootstrap interval of the ROC AUC.

    Firms are drawn, not rows, since the years of one firm resemble each other. Resamples without an event are drawn
    again.
    """
    generator = np.random.default_rng(_SEED)
    members = np.unique(firm, return_inverse=True)[1]
    firms = len(np.unique(firm))
    order, ends = _runs(scores)
    areas: list[float] = []
    while len(areas) < RESAMPLES:
        drawn = np.bincount(generator.integers(0, firms, firms), minlength=firms)[members].astype(np.float64)
        if 0 < np.sum(drawn * event) < np.sum(drawn):
            areas.append(_weighted_auc(order, ends, event, drawn))
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)


def kolmogorov_smirnov(scores: FloatArray, event: Mask) -> float:
    """Returns the largest distance between the distributions of scores with and without an event."""
    without, with_event, _ = roc_curve(event, scores, drop_intermediate=False)
    return float(np.max(np.abs(with_event - without)))


def calibration_table(probability: FloatArray, event: Mask) -> list[dict[str, float | int]]:
    """Returns ten groups of equal size by predicted probability: mean, observed rate and number of rows of each."""
    groups = np.array_split(np.argsort(probability, kind="stable"), BINS)
    return [
        {
            "decile": place,
            "predicted": float(np.mean(probability[group])),
            "observed": float(np.mean(event[group])),
            "n": len(group),
            "events": int(np.sum(event[group])),
        }
        for place, group in enumerate(groups, start=1)
    ]


def expected_calibration_error(table: list[dict[str, float | int]]) -> float:
    """Returns the mean distance between predicted and observed rates of a calibration table, weighted by rows."""
    rows = sum(group["n"] for group in table)
    return float(sum(group["n"] * abs(group["predicted"] - group["observed"]) for group in table) / rows)


def ranking(scores: FloatArray, event: Mask, firm: IntArray) -> dict[str, Any]:
    """Returns the metrics that apply to any score, calibrated or not."""
    return {
        "roc_auc": roc_auc(scores, event),
        "roc_auc_95_interval": list(roc_auc_interval(scores, event, firm)),
        "pr_auc": float(average_precision_score(event, scores)),
        "ks": kolmogorov_smirnov(scores, event),
    }
