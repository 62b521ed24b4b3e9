"""Scores from features: an additive model evaluated with NumPy from a plain JSON artifact.

The log-odds of default within twelve months are `intercept + sum of contributions`, one contribution per feature, read
from a table of steps. Contributions are relative to their mean over the training population, so a blank feature adds
exactly 0. Every operation is elementwise: a row's score does not depend on other rows.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import isfinite, isqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.inputs.columns import ProfileName
from shared.scoring.catalog import GRADE_BOUNDS, LEVEL_BOUNDS, ModelName, artifact_text, model_name_for
from shared.scoring.features import FEATURES, Feature, Figures, FloatArray, feature_matrix
from shared.vocabulary import JobType

IntArray = NDArray[np.int64]

SCHEMA_VERSION: Final = 1
MAX_BREAK_POINTS: Final = 10_000
"""Maximum per feature: `count_below` counts in bytes."""

PROBABILITY_DIGITS: Final = 6
"""Significant digits of a default probability; level and grade are those of the rounded figure, as printed."""


class ModelArtifactError(Exception):
    """A model artifact is malformed, was changed after training, or is not monotone as its features declare."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """Scores of n rows by a model of k features.

    `log_odds[n]`; `default_probability[n]` (0 to 1, twelve months ahead, six significant digits);
    `contributions[n, k]` to the log-odds; `steps[n, k]`, the index of each contribution in `Model.contributions`.
    """

    log_odds: FloatArray
    default_probability: FloatArray
    contributions: FloatArray
    steps: IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """An additive model of k step functions.

    Feature j has `break_points[j]`, b of them and ascending; a value at a break point belongs to the step below it.
    `contributions[j]` has b + 2 entries: the b + 1 steps, then 0 for a blank.
    """

    name: ModelName
    version: str
    inputs: tuple[Feature, ...]
    intercept: float
    break_points: tuple[FloatArray, ...]
    contributions: tuple[FloatArray, ...]

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Returns the names of the features, in the order of the matrix's columns."""
        return tuple(feature.name for feature in self.inputs)

    def feature_matrix(self, figures: Figures) -> FloatArray:
        """Returns the features `[n, k]` of input columns; see `shared.scoring.features.feature_matrix`."""
        return feature_matrix(figures, self.inputs)

    def score(self, features: FloatArray) -> Scores:
        """Returns the scores of a feature matrix `[n, k]`. NaN is a blank; infinities belong to the outermost steps.

        Raises ValueError for a matrix with another number of columns.
        """
        rows, width = features.shape
        if width != len(self.inputs):
            raise ValueError(f"the model {self.name} has {len(self.inputs)} features, the matrix {width}")
        steps = np.empty((width, rows), np.int64)
        contributions = np.empty((width, rows))
        log_odds = np.full(rows, self.intercept)
        for j in range(width):
            values = np.ascontiguousarray(features[:, j], dtype=np.float64)
            steps[j] = count_below(self.break_points[j], values)
            steps[j][np.isnan(values)] = len(self.contributions[j]) - 1
            np.take(self.contributions[j], steps[j], out=contributions[j])
            # One after another, never np.sum: its order of addition depends on the layout.
            log_odds += contributions[j]
        return Scores(
            log_odds=log_odds,
            default_probability=rounded(1 / (1 + np.exp(-log_odds))),
            contributions=contributions.T,
            steps=steps.T,
        )


def count_below(break_points: FloatArray, values: FloatArray) -> IntArray:
    """Returns how many of the ascending break points are below each value, `[n]`; any number for NaN.

    The same as `np.searchsorted(break_points, values)` in a third of its time, which goes into mispredicted branches:
    values are compared with about every fifth of at most `MAX_BREAK_POINTS` break points, then with those in between.
    """
    width = isqrt(len(break_points)) // 2 + 1
    padded = np.append(break_points, np.full(width - len(break_points) % width, np.inf)).reshape(-1, width)
    groups, within = np.zeros((2, len(values)), np.uint8)
    is_above = np.empty(len(values), np.bool_)
    one = is_above.view(np.uint8)  # of the same type as what it is added to, which saves a conversion
    for last in padded[:-1, -1]:
        np.greater(values, last, out=is_above)
        groups += one
    places = groups.astype(np.int64)
    for column in np.ascontiguousarray(padded.T):
        np.greater(values, column[places], out=is_above)
        within += one
    return places * width + within


def rounded(probability: FloatArray) -> FloatArray:
    """Returns positive probabilities `[n]` rounded to six significant digits, as the nearest doubles."""
    magnitude = np.floor(np.log10(probability)).astype(np.int64)
    places = np.power(10.0, PROBABILITY_DIGITS - 1 - magnitude)
    result: FloatArray = np.rint(probability * places) / places
    return result


def risk_levels(probability: FloatArray) -> IntArray:
    """Returns the index of each default probability's level in `RISK_LEVELS`, `[n]`."""
    return np.searchsorted(LEVEL_BOUNDS, probability, side="right")


def risk_grades(probability: FloatArray) -> IntArray:
    """Returns the index of each default probability's grade in `RISK_GRADES`, `[n]`."""
    return np.searchsorted(GRADE_BOUNDS, probability, side="right")


@cache
def load_model(name: ModelName) -> Model:
    """Returns the model with this name, read once per process. Raises ModelArtifactError for an invalid artifact."""
    try:
        text = artifact_text(f"{name}.json")
    except OSError as error:
        raise ModelArtifactError(f"the artifact of the model {name} cannot be read: {error}") from error
    model = parse_model(text)
    if model.name != name:
        raise ModelArtifactError(f"the artifact of the model {name} holds the model {model.name}")
    return model


def model_for(job_type: JobType, profile: ProfileName) -> Model:
    """Returns the model that scores the rows of a job type and profile."""
    return load_model(model_name_for(job_type, profile))


def content_version(content: dict[str, Any]) -> str:
    """Returns the version of an artifact: its name and a digest of its content without the version."""
    bare = {key: value for key, value in content.items() if key != "version"}
    canonical = json.dumps(bare, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{content['name']}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"


def parse_model(text: str) -> Model:
    """Returns the model of an artifact's text. Raises ModelArtifactError with the reason if it is invalid."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ModelArtifactError(f"the artifact is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelArtifactError("the artifact is not a JSON object")
    if (schema := content.get("schema_version")) != SCHEMA_VERSION:
        raise ModelArtifactError(f"the artifact has schema version {schema!r}, this code reads {SCHEMA_VERSION}")
    name = content.get("name")
    if name not in FEATURES:
        raise ModelArtifactError(f"the artifact names an unknown model: {name!r}")
    try:
        version = content_version(content)
    except ValueError as error:
        raise ModelArtifactError(f"the artifact of {name} holds a number that is not finite") from error
    if content.get("version") != version:
        raise ModelArtifactError(f"the artifact of {name} was changed after training: it is not {version}")
    entries, intercept = content.get("features"), content.get("intercept")
    if not isinstance(entries, list) or not isinstance(intercept, float):
        raise ModelArtifactError(f"the artifact of {name} lacks its features or its intercept")
    inputs = _inputs(name, entries)
    tables = [_table(feature, entry) for feature, entry in zip(inputs, entries, strict=True)]
    return Model(
        name=name,
        version=version,
        inputs=inputs,
        intercept=intercept,
        break_points=tuple(break_points for break_points, _ in tables),
        contributions=tuple(contributions for _, contributions in tables),
    )


def _inputs(name: ModelName, entries: list[Any]) -> tuple[Feature, ...]:
    """Returns the features of an artifact, which may be some of those that the code computes, in any order."""
    computed = {feature.name: feature for feature in FEATURES[name]}
    names = [str(entry.get("name")) if isinstance(entry, dict) else "" for entry in entries]
    if not names or len(set(names)) < len(names) or not set(names) <= computed.keys():
        raise ModelArtifactError(f"the artifact of {name} has other features than the code computes")
    return tuple(computed[one] for one in names)


def _table(feature: Feature, entry: dict[str, Any]) -> tuple[FloatArray, FloatArray]:
    if entry.get("risk_direction") != feature.risk_direction:
        raise ModelArtifactError(f"{feature.name} has another direction than the code declares")
    break_points = _numbers(feature, entry.get("break_points"))
    steps = _numbers(feature, entry.get("contributions"))
    if len(steps) != len(break_points) + 1:
        raise ModelArtifactError(
            f"{feature.name} has {len(break_points)} break points and {len(steps)} steps, one more is needed"
        )
    if len(break_points) > MAX_BREAK_POINTS:
        raise ModelArtifactError(f"{feature.name} has more than {MAX_BREAK_POINTS:,} break points")
    if np.any(np.diff(break_points) <= 0):
        raise ModelArtifactError(f"the break points of {feature.name} do not ascend")
    if np.any(np.diff(steps) * feature.risk_direction < 0):
        raise ModelArtifactError(f"the contributions of {feature.name} are not monotone in its declared direction")
    table = np.append(steps, 0.0)
    for array in (break_points, table):
        array.setflags(write=False)
    return break_points, table


def _numbers(feature: Feature, values: object) -> FloatArray:
    if not isinstance(values, Sequence) or not all(map(_is_number, values)):
        raise ModelArtifactError(f"{feature.name} has a table that is not a list of finite numbers")
    return np.array(values, dtype=np.float64)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
