"""Fits an additive monotone model: a piecewise linear function of each feature, all by one logistic regression.

The knots of a function are quantiles of the training rows. Its increments from knot to knot may not be negative in the
declared direction, and a ridge penalty keeps them small. Each interval between knots is cut into cells of equal width,
which have one value each: what is fitted is a table of steps already, the form in which models are published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from shared.scoring.features import Feature, FloatArray
from shared.scoring.model import SCHEMA_VERSION, content_version
from shared.training.panel import IntArray, Mask

PARITY: Final = 1e-12
"""The largest difference in log-odds between a fit and its artifact that rounding explains."""

# Close together at both ends, where defaults are.
KNOT_SHARES: Final = (0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1)


class FitError(Exception):
    """The data do not determine a model, or its artifact differs from its fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The hyperparameters of a model: the ridge penalty, and the cells between two knots.

    `origins` is how many years, the last ones, recalibrate the model by scores out of time; None for all.
    """

    ridge: float = 4.0
    cells: int = 6
    origins: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steps:
    """The function of one feature: b ascending break points, and `values` in log-odds on the `b + 1` steps.

    A value at a break point belongs to the step below it. `places` has for each step the value of the feature at which
    the linear function was read: the step's middle, or its inner end for the two outermost.
    """

    break_points: FloatArray
    places: FloatArray
    values: FloatArray

    def of(self, feature: FloatArray) -> FloatArray:
        """Returns the contributions `[n]` of a feature `[n]` without blanks."""
        return self.values[np.searchsorted(self.break_points, feature, side="left")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibration:
    """The log-odds become `offset + slope * log-odds + size * ln(total assets)`."""

    offset: float
    slope: float
    size: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """An additive model of k features."""

    intercept: float
    steps: tuple[Steps, ...]

    def log_odds(self, features: FloatArray) -> FloatArray:
        """Returns the log-odds `[n]` of a feature matrix `[n, k]` without blanks."""
        log_odds = np.full(len(features), self.intercept)
        for column, steps in enumerate(self.steps):
            log_odds += steps.of(features[:, column])
        return log_odds

    def recalibrated(self, line: Recalibration, *, size_column: int | None = None) -> "Fit":
        """Returns the model with recalibrated log-odds; `size_column` is the place of ln(total assets), if any.

        Beyond the training rows' largest and smallest firm the term of size stays what it is for these.
        """
        return Fit(
            intercept=line.offset + line.slope * self.intercept,
            steps=tuple(
                Steps(
                    break_points=steps.break_points,
                    places=steps.places,
                    values=line.slope * steps.values + (line.size * steps.places if column == size_column else 0.0),
                )
                for column, steps in enumerate(self.steps)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Basis:
    """Break points `[b]`, places `[b + 1]`, and the share `[b + 1, knots - 1]` of each increment in each step's value.

    The shares have the sign of the feature's direction. `step_of` has the step of each training row.
    """

    break_points: FloatArray
    places: FloatArray
    shares: FloatArray
    step_of: IntArray


def fit(features: FloatArray, event: Mask, *, inputs: Sequence[Feature], settings: Settings) -> Fit:
    """Fits a model to a feature matrix `[n, k]` without blanks and its events `[n]`, of which both outcomes occur.

    The same arguments give the same model. Raises FitError when a feature has one value only, or without convergence.
    """
    bases = [_basis(column, feature, settings.cells) for column, feature in zip(features.T, inputs, strict=True)]
    ends = np.cumsum([1, *(basis.shares.shape[1] for basis in bases)])
    rate = float(np.mean(event))

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        # The intercept, then the increments of each feature: the loss and its gradient.
        increments = np.split(parameters, ends[:-1])[1:]
        log_odds = np.full(len(event), parameters[0])
        for basis, own in zip(bases, increments, strict=True):
            log_odds += (basis.shares @ own)[basis.step_of]
        residuals = expit(log_odds) - event
        gradient = [
            settings.ridge * own + basis.shares.T @ np.bincount(basis.step_of, residuals, len(basis.places))
            for basis, own in zip(bases, increments, strict=True)
        ]
        penalty = settings.ridge / 2 * np.sum(parameters[1:] ** 2)
        return (
            float(np.sum(np.logaddexp(0, log_odds) - event * log_odds) + penalty),
            np.concatenate([[np.sum(residuals)], *gradient]),
        )

    start = np.full(ends[-1], 0.1)
    start[0] = np.log(rate / (1 - rate))
    # One thread, so that sums have one order and the same rows give the same bytes.
    with threadpool_limits(1):
        found = minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(None, None)] + [(0, None)] * (len(start) - 1),
            options={"maxiter": 5000, "maxfun": 10_000, "ftol": 1e-10},
        )
        if not found.success:
            raise FitError(f"the fit does not converge: {found.message}")
        steps = tuple(
            _steps(basis, own, feature)
            for basis, own, feature in zip(bases, np.split(found.x, ends[:-1])[1:], inputs, strict=True)
        )
    return Fit(intercept=float(found.x[0]), steps=steps)


def _basis(values: FloatArray, feature: Feature, cells: int) -> _Basis:
    knots = np.unique(np.quantile(values[np.isfinite(values)], KNOT_SHARES, method="inverted_cdf"))
    if len(knots) < 2:
        raise FitError(f"{feature.name} has one value only in the rows of training")
    break_points = np.unique(np.linspace(knots[:-1], knots[1:], cells + 1))
    middles = (break_points[:-1] + break_points[1:]) / 2
    places = np.concatenate([break_points[:1], middles, break_points[-1:]])
    return _Basis(
        break_points=break_points,
        places=places,
        shares=feature.risk_direction * np.clip((places[:, None] - knots[:-1]) / np.diff(knots), 0, 1),
        step_of=np.searchsorted(break_points, values, side="left"),
    )


def _steps(basis: _Basis, increments: FloatArray, feature: Feature) -> Steps:
    # Sums that are equal but for rounding must not go the wrong way.
    rising = np.maximum.accumulate(feature.risk_direction * (basis.shares @ increments))
    return Steps(break_points=basis.break_points, places=basis.places, values=feature.risk_direction * rising)


def recalibration(log_odds: FloatArray, event: Mask, size: FloatArray | None = None) -> Recalibration:
    """Returns the logistic regression of events `[n]` on log-odds `[n]` and, if given, on size `[n]` (Cox 1958).

    Both outcomes must be among the events. Risk must not fall as ln(total assets) rises, all else equal, so a negative
    coefficient of size counts as none. Raises FitError when the regression does not converge, or when its slope is not
    positive, which would reverse every risk direction.
    """
    columns = [np.ones_like(log_odds), log_odds] + ([] if size is None else [size])
    coefficients = _logistic_regression(np.column_stack(columns), event)
    if size is not None and coefficients[2] < 0:
        return recalibration(log_odds, event)
    if not coefficients[1] > 0:
        raise FitError(f"the recalibration has slope {coefficients[1]:.3g}: the later window contradicts the model")
    return Recalibration(offset=coefficients[0], slope=coefficients[1], size=sum(coefficients[2:]))


def _logistic_regression(design: FloatArray, event: Mask) -> list[float]:
    rate = np.mean(event)
    # From slopes of 0 Newton's first step is safe whatever their signs.
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.log(rate / (1 - rate))
    for _ in range(50):
        probability = expit(design @ coefficients)
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design
        try:
            step = np.linalg.solve(curvature, design.T @ (event - probability))
        except np.linalg.LinAlgError as error:
            raise FitError("the calibration window does not determine a recalibration") from error
        coefficients += step
        if np.max(np.abs(step)) < 1e-12:
            found: list[float] = coefficients.tolist()
            return found
    raise FitError("the recalibration does not converge on the calibration window")


def artifact(
    fitted: Fit,
    features: FloatArray,
    *,
    name: str,
    inputs: Sequence[Feature],
    job_types: Sequence[str],
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """Returns the JSON content of a model's artifact, from its fit and the training features `[n, k]`.

    Contributions are relative to their mean over the training rows, which is added to the intercept.
    """
    intercept = fitted.intercept
    entries = []
    for column, (feature, steps) in enumerate(zip(inputs, fitted.steps, strict=True)):
        mean = float(np.mean(steps.of(features[:, column])))
        intercept += mean
        differs = np.flatnonzero(np.diff(steps.values))
        entries.append(
            {
                "name": feature.name,
                "description": feature.description,
                "risk_direction": feature.risk_direction,
                "mean_contribution": mean,
                "break_points": steps.break_points[differs].tolist(),
                "contributions": (steps.values[np.append(differs, len(steps.values) - 1)] - mean).tolist(),
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
