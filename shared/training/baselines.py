"""Published scores with fixed coefficients, as baselines. Nothing in them is fitted to the panel.

Each function maps a panel to a score `[n]`, higher meaning riskier.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from shared.scoring.features import FloatArray
from shared.training.panel import Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A published score, its source, and the approximations for columns that the panel lacks."""

    name: str
    source: str
    approximation: str
    score: Callable[[Panel], FloatArray]


def _altman(panel: Panel) -> FloatArray:
    x = panel.amounts
    assets, liabilities = x["total_assets"], x["total_liabilities"]
    score: FloatArray = (
        6.56 * (x["current_assets"] - x["current_liabilities"]) / assets
        + 3.26 * x["retained_earnings"] / assets
        + 6.72 * x["ebit"] / assets
        + 1.05 * (assets - liabilities) / liabilities
    )
    return -score


def _ohlson(panel: Panel) -> FloatArray:
    x = panel.table
    assets, liabilities, net_income = x["total_assets"], x["total_liabilities"], x["net_income"]
    before = _net_income_of_the_year_before(panel)
    change = ((net_income - before) / (net_income.abs() + before.abs())).fillna(0.0)
    score: pd.Series[float] = (
        -1.32
        - 0.407 * np.log(assets)
        + 6.03 * liabilities / assets
        - 1.43 * (x["current_assets"] - x["current_liabilities"]) / assets
        + 0.0757 * x["current_liabilities"] / x["current_assets"]
        - 1.72 * (liabilities > assets)
        - 2.37 * net_income / assets
        - 1.83 * (net_income + x["depreciation_amortization"]) / liabilities
        + 0.285 * ((net_income < 0) & (before < 0))
        - 0.521 * change
    )
    return np.asarray(score, dtype=np.float64)


def _zmijewski(panel: Panel) -> FloatArray:
    x = panel.amounts
    return (
        -4.336
        - 4.513 * x["net_income"] / x["total_assets"]
        + 5.679 * x["total_liabilities"] / x["total_assets"]
        + 0.004 * x["current_assets"] / x["current_liabilities"]
    )


def _net_income_of_the_year_before(panel: Panel) -> "pd.Series[float]":
    """Returns NaN where the panel lacks the firm's year before: `[n]`."""
    ordered = panel.table.sort_values(["firm", "year"], kind="stable")
    before = ordered.groupby("firm")[["year", "net_income"]].shift()
    follows = before["year"] + 1 == ordered["year"]
    return before["net_income"].where(follows).reindex(panel.table.index)


BASELINES: Final = (
    Baseline(
        name="Altman Z''",
        source="Altman (1995), the four-variable score for non-manufacturers; sign turned so that higher is riskier",
        approximation="book equity is total assets less total liabilities",
        score=_altman,
    ),
    Baseline(
        name="Ohlson O",
        source="Ohlson (1980), model 1",
        approximation=(
            "no price-level index, so total assets in USD million are not deflated; funds from operations are net "
            "income plus depreciation and amortization; where the year before is not in the panel, the terms that need "
            "it are 0"
        ),
        score=_ohlson,
    ),
    Baseline(
        name="Zmijewski",
        source="Zmijewski (1984), probit index",
        approximation="none beyond the panel's own definitions",
        score=_zmijewski,
    ),
)
