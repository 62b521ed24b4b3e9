"""Features of the models, computed from whole input columns.

Every feature has a declared direction: the sign of the risk's change when the feature rises. Together with the
definitions below it makes the models monotone in raw inputs too, all else equal: risk never rises with `market_cap`,
`net_income`, `ebitda` or `current_assets`, and never falls with `total_liabilities`, `current_liabilities`, `inventory`
or a ratio that gets worse within its usual range. Only `total_assets` has no direction: more of them spread a profit or
a loss thinner, make the same debt lighter and the same market capitalization poorer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from shared.inputs.columns import BY_NAME, EBITDA_COMPONENTS
from shared.scoring.catalog import ModelName

FloatArray = NDArray[np.float64]
Figures = Mapping[str, FloatArray]
Direction = Literal[-1, 1]

# Outside it a wrong unit is likelier than such a firm; the row is scored as if it stood at the border.
CAP_TO_LIABILITIES_RANGE: Final = (1e-4, 1e4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input of a model. `risk_direction` is 1 where risk never falls as the feature rises, -1 where it never rises.

    `of` maps figures, each `[n]` with NaN for a blank, to the feature `[n]`: NaN where an input is blank, and infinite
    where it lies beyond what the model distinguishes.
    """

    name: str
    risk_direction: Direction
    description: str
    of: Callable[[Figures], FloatArray]


def _quotient(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    # Finite over positive: too large becomes infinite, which is the outermost step, and never NaN.
    with np.errstate(over="ignore", under="ignore"):
        return numerator / denominator


def _log(values: FloatArray) -> FloatArray:
    # A strided view may take NumPy's scalar loop, whose last bit differs from the vectorized one's.
    return np.log(np.ascontiguousarray(values))


def _ebitda(figures: Figures) -> FloatArray:
    if "ebitda" in figures:
        return figures["ebitda"]
    ebit, depreciation_amortization = (figures[name] for name in EBITDA_COMPONENTS)
    with np.errstate(over="ignore"):
        return ebit + depreciation_amortization


def _ebitda_to_liabilities(figures: Figures) -> FloatArray:
    # Over total liabilities a loss would look the smaller the more is owed, and risk would fall as debt rises.
    ebitda = _ebitda(figures)
    return _quotient(ebitda, np.where(ebitda < 0, figures["total_assets"], figures["total_liabilities"]))


def _over_value_if_negative(numerator: FloatArray, figures: Figures, otherwise: str) -> FloatArray:
    # Over what is owed a loss would look the smaller the more is owed; a profit over market capitalization would look
    # the smaller the more the market values the firm.
    return _quotient(numerator, np.where(numerator < 0, figures["market_cap"], figures[otherwise]))


def cap_to_liabilities(figures: Figures) -> FloatArray:
    """Market capitalization over total liabilities `[n]`, infinite on overflow."""
    return _quotient(figures["market_cap"], figures["total_liabilities"])


def _ratio(name: str, risk_direction: Direction, description: str, *, negative_is_highest: bool = False) -> Feature:
    low, high = BY_NAME[name].usual_range or (-inf, inf)
    below = inf if negative_is_highest else -inf

    def of(figures: Figures) -> FloatArray:
        values = figures[name]
        return np.where(values < low, below, np.where(values > high, inf, values))

    return Feature(name=name, risk_direction=risk_direction, description=description, of=of)


_MARKET_CAP = Feature(
    name="ln_market_cap",
    risk_direction=-1,
    description="natural logarithm of market capitalization in USD million",
    of=lambda figures: _log(figures["market_cap"]),
)
_LONG_TERM_DEBT = _ratio(
    "long_term_debt_to_total_capital",
    1,
    "long-term debt over long-term debt plus equity, percent; negative, as the capital is, counts as above 100",
    # Negative capital is worse than any share of debt, though the sign would sort it as no debt at all.
    negative_is_highest=True,
)
_DEBT_TO_EBITDA = _ratio(
    "total_debt_to_ebitda",
    1,
    "debt over EBITDA; negative, as EBITDA is, counts as the lowest",
    # A negative multiple says that EBITDA is negative and nothing of the debt; the other ratios show the loss. Counted
    # as the highest it would hide what high multiples mean: the model loses discrimination and reaches no CRITICAL row.
)

FEATURES: Final[dict[ModelName, tuple[Feature, ...]]] = {
    "statements": (
        Feature(
            name="market_cap_to_liabilities",
            risk_direction=-1,
            description="market capitalization over total liabilities, limited to 0.0001 to 10,000",
            of=lambda figures: np.clip(cap_to_liabilities(figures), *CAP_TO_LIABILITIES_RANGE),
        ),
        Feature(
            name="liabilities_to_assets",
            risk_direction=1,
            description="total liabilities over total assets",
            of=lambda figures: _quotient(figures["total_liabilities"], figures["total_assets"]),
        ),
        Feature(
            name="net_income_to_assets",
            risk_direction=-1,
            description="net income over total assets",
            of=lambda figures: _quotient(figures["net_income"], figures["total_assets"]),
        ),
        Feature(
            name="quick_ratio",
            risk_direction=-1,
            description="current assets less inventory over current liabilities; 0 where it is negative",
            of=lambda figures: _quotient(
                np.maximum(figures["current_assets"] - figures["inventory"], 0), figures["current_liabilities"]
            ),
        ),
        Feature(
            name="ebitda_to_liabilities",
            risk_direction=-1,
            description="EBITDA over total liabilities, or over total assets where EBITDA is negative",
            of=_ebitda_to_liabilities,
        ),
        Feature(
            name="ln_total_assets",
            # At a given market capitalization more assets mean that the market values them less.
            risk_direction=1,
            description="natural logarithm of total assets in USD million",
            of=lambda figures: _log(figures["total_assets"]),
        ),
        _MARKET_CAP,
        Feature(
            name="earnings_to_value",
            risk_direction=-1,
            description="net income over total liabilities, or over market capitalization where it is negative",
            of=lambda figures: _over_value_if_negative(figures["net_income"], figures, "total_liabilities"),
        ),
        Feature(
            name="ebitda_to_value",
            risk_direction=-1,
            description="EBITDA over current liabilities, or over market capitalization where it is negative",
            of=lambda figures: _over_value_if_negative(_ebitda(figures), figures, "current_liabilities"),
        ),
    ),
    "ratios-annual": (
        _LONG_TERM_DEBT,
        _DEBT_TO_EBITDA,
        _ratio("net_income_margin", -1, "net income over sales, percent, within -100 to 100"),
        _ratio("return_on_assets", -1, "net income over total assets, percent, within -100 to 100"),
        _MARKET_CAP,
    ),
    "ratios-quarterly": (
        _LONG_TERM_DEBT,
        _DEBT_TO_EBITDA,
        _ratio("sga_margin", 1, "selling, general and administrative expense over sales, percent, within -100 to 100"),
        _ratio("return_on_capital", -1, "EBIT over long-term debt plus equity, percent, within -100 to 100"),
        _MARKET_CAP,
    ),
}


def feature_matrix(figures: Figures, features: Sequence[Feature]) -> FloatArray:
    """The features of n rows, `[n, k]`, each column contiguous.

    `figures` has the columns the features are made of, as `columns.py` names them, each float64 `[n]`: amounts in USD
    million, denominators positive, NaN for a blank. `ebitda` may be absent if its components are present. Raises
    KeyError for another absent column. The result holds NaN for a blank and may hold infinities.
    """
    rows = len(figures["market_cap"])
    matrix = np.empty((len(features), rows))
    for column, feature in zip(matrix, features, strict=True):
        column[:] = feature.of(figures)
    return matrix.T
