"""Baselines of chunk scoring: row by row with a pydantic model, and column by column with pandas.

Both validate the same cells and write the same three files as `score_chunk`, with a gradient-boosted classifier of
scikit-learn that is small on purpose. Neither gives reasons, reads `1,234.5` or `(3.2)`, escapes formulas, or finds
more than one error per row. All of that makes them faster than a full replacement would be.
"""

import csv
import io
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, Field, StringConstraints, ValidationError
from sklearn.ensemble import HistGradientBoostingClassifier

from tests.tools.benchmarks.inputs import COLUMNS, SEED

FIRST_YEAR: Final = 1900
SCORE_COLUMNS: Final = ("row", "default_probability", "risk_level")
ERROR_COLUMNS: Final = ("row", "error")
_LEVELS: Final = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
_LEVEL_BOUNDS: Final = (0.01, 0.03, 0.10)
_TEXTS: Final = {"company_symbol": 20, "company_name": 255, "sector": 100}
_POSITIVE: Final = ("market_cap", "total_assets", "total_liabilities", "current_assets", "current_liabilities")
_FIGURES: Final = (*_POSITIVE, "inventory", "net_income", "ebitda")

Amount = Annotated[float, Field(allow_inf_nan=False)]
PositiveAmount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
FloatArray = NDArray[np.float64]


class Statement(BaseModel):
    """One row as a web framework would validate it."""

    company_symbol: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20, to_upper=True)]
    company_name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
    sector: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    reporting_year: int
    market_cap: PositiveAmount
    total_assets: PositiveAmount
    total_liabilities: PositiveAmount
    current_assets: PositiveAmount
    current_liabilities: PositiveAmount
    inventory: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    net_income: Amount
    ebitda: Amount


@cache
def classifier() -> HistGradientBoostingClassifier:
    """Returns a classifier of random events on the features of `features_of`."""
    random = np.random.default_rng(SEED)
    features = random.normal(0, 1, (5_000, 7))
    event = random.random(5_000) < 1 / (1 + np.exp(3 + features[:, 2] - features[:, 1]))
    return HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=8, random_state=0).fit(features, event)


def features_of(figures: Mapping[str, FloatArray]) -> FloatArray:
    """Returns the seven features `[n, 7]` of amounts `[n]`."""
    assets, liabilities = figures["total_assets"], figures["total_liabilities"]
    return np.column_stack(
        [
            np.log(figures["market_cap"] / liabilities),
            liabilities / assets,
            figures["net_income"] / assets,
            (figures["current_assets"] - figures["inventory"]) / figures["current_liabilities"],
            figures["ebitda"] / liabilities,
            np.log(assets),
            np.log(figures["market_cap"]),
        ]
    )


def a_row_at_a_time(file: bytes, *, next_year: int) -> int:
    """Scores a file with `csv.DictReader`, and a pydantic model and a call of the classifier per row.

    Returns the number of failed rows.
    """
    successful, failed, everything = (io.StringIO(newline="") for _ in range(3))
    good = csv.DictWriter(successful, (*COLUMNS, *SCORE_COLUMNS), lineterminator="\n")
    bad = csv.DictWriter(failed, (*COLUMNS, *ERROR_COLUMNS), lineterminator="\n")
    both = csv.DictWriter(everything, (*COLUMNS, *SCORE_COLUMNS, "error"), lineterminator="\n")
    failures = 0
    for number, row in enumerate(csv.DictReader(io.StringIO(file.decode(), newline="")), start=1):
        try:
            statement = Statement.model_validate(row)
            error = "" if FIRST_YEAR <= statement.reporting_year <= next_year else "reporting_year: out of range"
        except ValidationError as invalid:
            first = invalid.errors(include_url=False)[0]
            error = f"{first['loc'][0]}: {first['msg']}"
        if error:
            failures += 1
            result = {**row, "row": number, "error": error}
            bad.writerow(result)
        else:
            figures = {name: np.array([getattr(statement, name)]) for name in _FIGURES}
            probability = float(classifier().predict_proba(features_of(figures))[0, 1])
            level = _LEVELS[sum(probability >= bound for bound in _LEVEL_BOUNDS)]
            result = {**row, "row": number, "default_probability": f"{probability:.6g}", "risk_level": level}
            good.writerow(result)
        both.writerow(result)
    return failures


def columns_with_pandas(file: bytes, *, next_year: int) -> int:
    """Scores a file with pandas: cells read as text, boolean masks, one call of the classifier.

    Numbers are read as text first: with `dtype=float` the first invalid cell fails the whole file. Returns the number
    of failed rows.
    """
    frame = pd.read_csv(io.BytesIO(file), dtype=str, keep_default_na=False, na_filter=False)
    # With dtype object the masks are plain booleans, unlike with the Arrow-backed text types.
    error = pd.Series("", index=frame.index, dtype=object)
    for name, longest in _TEXTS.items():
        frame[name] = frame[name].str.strip()
        length = frame[name].str.len()
        error[(length == 0) & (error == "")] = f"Missing required field: {name}"
        error[(length > longest) & (error == "")] = f"{name} is too long"
    frame["company_symbol"] = frame["company_symbol"].str.upper()
    year = pd.to_numeric(frame["reporting_year"], errors="coerce")
    error[~year.between(FIRST_YEAR, next_year) & (error == "")] = "Invalid reporting year"
    figures: dict[str, FloatArray] = {}
    for name in _FIGURES:
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64)
        lowest_is_met = values > 0 if name in _POSITIVE else values >= 0 if name == "inventory" else True
        error[~(np.isfinite(values) & lowest_is_met) & (error == "").to_numpy()] = f"Invalid {name} value"
        figures[name] = values
    valid = (error == "").to_numpy()
    probability = classifier().predict_proba(features_of({name: v[valid] for name, v in figures.items()}))[:, 1]
    frame["row"] = np.arange(1, len(frame) + 1)
    frame.loc[valid, "default_probability"] = probability
    frame.loc[valid, "risk_level"] = np.array(_LEVELS, dtype=object)[np.digitize(probability, _LEVEL_BOUNDS)]
    frame["error"] = error
    frame[valid].drop(columns="error").to_csv(index=False, float_format="%.6g")
    frame[~valid].drop(columns=["default_probability", "risk_level"]).to_csv(index=False)
    frame.to_csv(index=False, float_format="%.6g")
    return int(np.count_nonzero(~valid))
