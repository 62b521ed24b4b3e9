"""How chunks are scored elsewhere: a row at a time with a class a row, and a column at a time with pandas.

Both judge the same faults and write the same three files as we do, with a gradient-boosted classifier of scikit-learn
that is small on purpose. Neither gives reasons, reads `1,234.5` or `(3.2)`, guards against formulas, or finds more than
one fault a row, which all make them faster than they would have to be.
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
FAULT_COLUMNS: Final = ("row", "error")
_LEVELS: Final = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
_LEVEL_BOUNDS: Final = (0.01, 0.03, 0.10)
_TEXTS: Final = {"company_symbol": 20, "company_name": 255, "sector": 100}
_POSITIVE: Final = ("market_cap", "total_assets", "total_liabilities", "current_assets", "current_liabilities")
_FIGURES: Final = (*_POSITIVE, "inventory", "net_income", "ebitda")

Amount = Annotated[float, Field(allow_inf_nan=False)]
PositiveAmount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
FloatArray = NDArray[np.float64]


class Statement(BaseModel):
    """One row, as a web framework would have it."""

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
    """A model of made-up failures on the features of `features_of`."""
    random = np.random.default_rng(SEED)
    features = random.normal(0, 1, (5_000, 7))
    event = random.random(5_000) < 1 / (1 + np.exp(3 + features[:, 2] - features[:, 1]))
    return HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=8, random_state=0).fit(features, event)


def features_of(figures: Mapping[str, FloatArray]) -> FloatArray:
    """The seven features `[n, 7]` of amounts `[n]`."""
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
    """Score a file with `csv.DictReader`, a pydantic model a row and a call of the classifier a row.

    Gives the number of failed rows.
    """
    successful, failed, everything = (io.StringIO(newline="") for _ in range(3))
    good = csv.DictWriter(successful, (*COLUMNS, *SCORE_COLUMNS), lineterminator="\n")
    bad = csv.DictWriter(failed, (*COLUMNS, *FAULT_COLUMNS), lineterminator="\n")
    both = csv.DictWriter(everything, (*COLUMNS, *SCORE_COLUMNS, "error"), lineterminator="\n")
    failures = 0
    for number, row in enumerate(csv.DictReader(io.StringIO(file.decode(), newline="")), start=1):
        try:
            statement = Statement.model_validate(row)
            error = "" if FIRST_YEAR <= statement.reporting_year <= next_year else "reporting_year: out of range"
        except ValidationError as invalid:
            fault = invalid.errors(include_url=False)[0]
            error = f"{fault['loc'][0]}: {fault['msg']}"
        if error:
            failures += 1
            answer = {**row, "row": number, "error": error}
            bad.writerow(answer)
        else:
            figures = {name: np.array([getattr(statement, name)]) for name in _FIGURES}
            probability = float(classifier().predict_proba(features_of(figures))[0, 1])
            level = _LEVELS[sum(probability >= bound for bound in _LEVEL_BOUNDS)]
            answer = {**row, "row": number, "default_probability": f"{probability:.6g}", "risk_level": level}
            good.writerow(answer)
        both.writerow(answer)
    return failures


def columns_with_pandas(file: bytes, *, next_year: int) -> int:
    """Score a file with pandas as carefully as it allows: text read as text, masks, one call of the classifier.

    Figures are read as text first: with `dtype=float` the first bad cell refuses the whole file. Gives the number of
    failed rows.
    """
    frame = pd.read_csv(io.BytesIO(file), dtype=str, keep_default_na=False, na_filter=False)
    # object, not the Arrow-backed or missing-aware text types: these masks are plain booleans.
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
    sound = (error == "").to_numpy()
    probability = classifier().predict_proba(features_of({name: v[sound] for name, v in figures.items()}))[:, 1]
    frame["row"] = np.arange(1, len(frame) + 1)
    frame.loc[sound, "default_probability"] = probability
    frame.loc[sound, "risk_level"] = np.array(_LEVELS, dtype=object)[np.digitize(probability, _LEVEL_BOUNDS)]
    frame["error"] = error
    frame[sound].drop(columns="error").to_csv(index=False, float_format="%.6g")
    frame[~sound].drop(columns=["default_probability", "risk_level"]).to_csv(index=False)
    frame.to_csv(index=False, float_format="%.6g")
    return int(np.count_nonzero(~sound))
