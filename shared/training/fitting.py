"""Fits an additive monotone model and converts it to step tables.

Gradient-boosted trees that may not interact and must be monotone add up to one step function for each feature. Several
fits on random subsamples are averaged in log-odds, and a logistic regression on a later window recalibrates the
average; with its positive slope the result is still additive and monotone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from shared.scoring.features import Feature, FloatArray
from shared.scoring.model import SCHEMA_VERSION, content_version
from shared.training.panel import Mask

PARITY: Final = 1e-12
"""The largest difference in log-odds between tables and estimators that rounding explains."""


class FitError(Exception):
    """The data do not determine a model, or its tables differ from the estimators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The hyperparameters of a fit. `subsample` is the share of training rows that each of `fits` estimators sees."""

    fits: int = 8
    subsample: float = 0.8
    learning_rate: float = 0.05
    iterations: int = 350
    leaves: int = 3
    leaf_rows: int = 100
    l2: float = 10.0
    bins: int = 255


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ensemble:
    """Estimators averaged in log-odds, and the line `offset + slope * average` that recalibrates them.

    `beyond` has for each feature the finite replacements of -inf and inf, which the estimators cannot bin.
    """

    estimators: tuple[HistGradientBoostingClassifier, ...]
    beyond: FloatArray
    offset: float = 0.0
    slope: float = 1.0

    def average(self, features: FloatArray) -> FloatArray:
        """Returns the average log-odds `[n]` of a feature matrix `[n, k]` before recalibration."""
        finite = np.clip(features, self.beyond[:, 0], self.beyond[:, 1])
        total: FloatArray = np.sum([estimator.decision_function(finite) for estimator in self.estimators], axis=0)
        return total / len(self.estimators)

    def log_odds(self, features: FloatArray) -> FloatArray:
        """Returns the recalibrated log-odds `[n]` of a feature matrix `[n, k]` without blanks."""
        return self.offset + self.slope * self.average(features)


def fit(
    features: FloatArray,
    event: Mask,
    *,
    inputs: Sequence[Feature],
    training: Mask,
    calibration: Mask,
    seed: int,
    settings: Settings,
) -> Ensemble:
    """Fits the ensemble to a feature matrix `[n, k]` without blanks and its events `[n]`.

    `training` and `calibration` are row masks. The same arguments give the same ensemble. Raises FitError when the
    calibration rows give no positive slope.
    """
    rows = np.flatnonzero(training)
    ensemble = Ensemble(estimators=(), beyond=_beyond(features[rows]))
    finite = np.clip(features, ensemble.beyond[:, 0], ensemble.beyond[:, 1])
    estimators = []
    # One thread: sums of gradients then have one order, and the same seed gives the same bytes.
    with threadpool_limits(1):
        for generator in np.random.default_rng(seed).spawn(settings.fits):
            drawn = np.sort(generator.choice(rows, int(len(rows) * settings.subsample), replace=False))
            estimator = HistGradientBoostingClassifier(
                learning_rate=settings.learning_rate,
                max_iter=settings.iterations,
                max_leaf_nodes=settings.leaves,
                min_samples_leaf=settings.leaf_rows,
                l2_regularization=settings.l2,
                max_bins=settings.bins,
                monotonic_cst=[feature.risk_direction for feature in inputs],
                interaction_cst="no_interactions",
                early_stopping=False,
                random_state=seed,
            )
            estimators.append(estimator.fit(finite[drawn], event[drawn]))
        ensemble = Ensemble(estimators=tuple(estimators), beyond=ensemble.beyond)
        offset, slope = recalibration(ensemble.average(features[calibration]), event[calibration])
    return Ensemble(estimators=tuple(estimators), beyond=ensemble.beyond, offset=offset, slope=slope)


def _beyond(features: FloatArray) -> FloatArray:
    finite = np.where(np.isfinite(features), features, np.nan)
    return np.column_stack([np.nanmin(finite, axis=0) - 1, np.nanmax(finite, axis=0) + 1])


def recalibration(log_odds: FloatArray, event: Mask) -> tuple[float, float]:
    """Returns offset and slope of the logistic regression of events `[n]` on log-odds `[n]` (Cox 1958).

    Uses Newton's method. Both outcomes must be among the events. Raises FitError when it does not converge or the slope
    is not positive, which would reverse every risk direction.
    """
    design = np.column_stack([np.ones_like(log_odds), log_odds])
    rate = np.mean(event)
    # From a slope of 0 Newton's first step is safe whatever the sign of the slope; tanh cannot overflow.
    line = np.array([np.log(rate / (1 - rate)), 0.0])
    for _ in range(50):
        probability = (1 + np.tanh(design @ line / 2)) / 2
        gradient = design.T @ (event - probability)
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError as error:
            raise FitError("the calibration window does not determine a recalibration") from error
        line += step
        if np.max(np.abs(step)) < 1e-12:
            break
    else:
        raise FitError("the recalibration does not converge on the calibration window")
    if not line[1] > 0:
        raise FitError(f"the recalibration has slope {line[1]:.3g}: the later window contradicts the model")
    return float(line[0]), float(line[1])


@dataclass(slots=True, eq=False)
class _Steps:
    """The trees of one feature: the thresholds and leaf values of each, in the order in which they were grown."""

    trees: list[tuple[FloatArray, FloatArray]] = field(default_factory=list)

    def total(self) -> tuple[FloatArray, FloatArray]:
        """Returns break points `[b]`, and the sum of all trees on each of the `b + 1` steps."""
        break_points = np.unique(np.concatenate([np.empty(0), *(thresholds for thresholds, _ in self.trees)]))
        ends = np.append(break_points, np.inf)
        total = np.zeros(len(ends))
        for thresholds, values in self.trees:
            # A step lies entirely in one leaf and includes its upper end.
            total += values[np.searchsorted(thresholds, ends, side="left")]
        return break_points, total


def artifact(
    ensemble: Ensemble,
    features: FloatArray,
    *,
    name: str,
    inputs: Sequence[Feature],
    job_types: Sequence[str],
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """Returns the JSON content of a model's artifact, from its ensemble and the training features `[n, k]`.

    Contributions are relative to their mean over the training rows, which is added to the intercept.
    """
    scale = ensemble.slope / len(ensemble.estimators)
    baseline = float(np.sum([estimator._baseline_prediction.item() for estimator in ensemble.estimators]))  # noqa: SLF001
    intercept = ensemble.offset + scale * baseline
    entries = []
    for column, (feature, steps) in enumerate(zip(inputs, _steps_of(ensemble, len(inputs)), strict=True)):
        break_points, total = steps.total()
        values = scale * total
        mean = float(np.mean(values[np.searchsorted(break_points, features[:, column], side="left")]))
        intercept += mean
        differs = np.flatnonzero(np.diff(values))
        entries.append(
            {
                "name": feature.name,
                "description": feature.description,
                "risk_direction": feature.risk_direction,
                "mean_contribution": mean,
                "break_points": break_points[differs].tolist(),
                "contributions": (values[np.append(differs, len(values) - 1)] - mean).tolist(),
                "training_distribution": training_distribution(features[:, column]),
            }
        )
    content = {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "job_types": list(job_types),
        "intercept": intercept,
        "features": entries,
        "trained_on": provenance,
    }
    return {"version": content_version(content), **content}


def training_distribution(values: FloatArray) -> dict[str, list[float]]:
    """Returns the deciles of a feature `[n]` that are finite and distinct, and the shares of rows between them.

    A value on a cut point counts as below it. A later population's shares, compared with these, give its population
    stability index (PSI).
    """
    deciles = np.quantile(values, np.arange(1, 10) / 10, method="inverted_cdf")
    cut_points = np.unique(deciles[np.isfinite(deciles)])
    counts = np.bincount(np.searchsorted(cut_points, values, side="left"), minlength=len(cut_points) + 1)
    return {"cut_points": cut_points.tolist(), "shares": (counts / len(values)).tolist()}


def _steps_of(ensemble: Ensemble, width: int) -> list[_Steps]:
    steps = [_Steps() for _ in range(width)]
    for estimator in ensemble.estimators:
        for (predictor,) in estimator._predictors:  # noqa: SLF001 - scikit-learn has no public view of its trees
            column, thresholds, values = _tree(predictor.nodes)
            steps[column].trees.append((thresholds, values))
    return steps


def _tree(nodes: Any) -> tuple[int, FloatArray, FloatArray]:
    """Returns the feature of a tree, its thresholds in ascending order and its leaf values from low to high."""
    inner = nodes["is_leaf"] == 0
    columns = np.unique(nodes["feature_idx"][inner])
    if len(columns) > 1:
        raise FitError("a tree splits on more than one feature, so the model is not additive")
    thresholds: FloatArray = np.sort(nodes["num_threshold"][inner])
    values: list[float] = []
    waiting = [0]
    while waiting:
        node = nodes[waiting.pop()]
        if node["is_leaf"]:
            values.append(float(node["value"]))
        else:
            waiting += [int(node["right"]), int(node["left"])]
    return (int(columns[0]) if len(columns) else 0), thresholds, np.array(values)
