from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scoring.catalog import MODEL_NAMES, ModelName
from shared.scoring.features import FEATURES, FloatArray, feature_matrix
from shared.scoring.model import load_model
from tests.unit.scoring.test_training import panel_of

POSITIVE = st.floats(5e-324, 1.7e308)
SIGNED = st.floats(allow_nan=False, allow_infinity=False)
STATEMENT = st.fixed_dictionaries(
    {
        "market_cap": POSITIVE,
        "total_assets": POSITIVE,
        "total_liabilities": POSITIVE,
        "current_assets": POSITIVE,
        "current_liabilities": POSITIVE,
        "inventory": st.floats(0, 1.7e308),
        "net_income": SIGNED,
        "ebitda": SIGNED,
    }
)
RATIOS = st.fixed_dictionaries(
    {
        "market_cap": POSITIVE,
        **{
            feature.name: SIGNED
            for name in ("ratios-annual", "ratios-quarterly")
            for feature in FEATURES[name]
            if feature.name != "ln_market_cap"
        },
    }
)
USUAL = {
    "market_cap": 120.0,
    "total_assets": 300.0,
    "total_liabilities": 180.0,
    "current_assets": 90.0,
    "current_liabilities": 60.0,
    "inventory": 20.0,
    "net_income": -4.0,
    "ebitda": 9.0,
    "long_term_debt_to_total_capital": 40.0,
    "total_debt_to_ebitda": 3.0,
    "net_income_margin": -2.0,
    "return_on_assets": -1.5,
    "sga_margin": 20.0,
    "return_on_capital": 4.0,
}
# The sign of the risk's change as the input rises, for inputs that have one.
RISK_OF_INPUT = {
    "market_cap": -1,
    "net_income": -1,
    "ebitda": -1,
    "current_assets": -1,
    "total_liabilities": 1,
    "current_liabilities": 1,
    "inventory": 1,
}


def columns(*rows: Mapping[str, float]) -> dict[str, FloatArray]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def log_odds(name: ModelName, *rows: Mapping[str, float]) -> list[float]:
    model = load_model(name)
    odds: list[float] = model.score(model.feature_matrix(columns(*rows))).log_odds.tolist()
    return odds


@given(STATEMENT)
def test_any_valid_statement_row_has_a_finite_score(row: dict[str, float]) -> None:
    assert not np.any(np.isnan(feature_matrix(columns(row), FEATURES["statements"])))
    model = load_model("statements")
    scores = model.score(model.feature_matrix(columns(row)))
    assert np.isfinite(scores.log_odds[0])
    assert 0 < scores.default_probability[0] < 1


@given(RATIOS, st.sampled_from(["ratios-annual", "ratios-quarterly"]))
def test_any_ratio_row_has_a_finite_score(row: dict[str, float], name: ModelName) -> None:
    assert np.all(np.isfinite(log_odds(name, row)))


@given(STATEMENT, st.sampled_from(sorted(RISK_OF_INPUT)), st.data())
def test_risk_never_falls_when_an_amount_gets_worse(row: dict[str, float], name: str, data: st.DataObject) -> None:
    other = data.draw(POSITIVE if name not in ("net_income", "ebitda") else SIGNED)
    low, high = sorted((row[name], other))
    at_low, at_high = log_odds("statements", {**row, name: low}, {**row, name: high})
    assert (at_high - at_low) * RISK_OF_INPUT[name] >= 0


@pytest.mark.parametrize("name", sorted(RISK_OF_INPUT))
def test_no_rise_of_an_amount_moves_the_score_of_a_firm_the_wrong_way(name: str) -> None:
    figures = panel_of(3000).amounts
    model = load_model("statements")
    before = model.score(model.feature_matrix(figures)).log_odds
    generator = np.random.default_rng(3)
    for _ in range(5):
        # From far below a break point to across all of them.
        rises = np.abs(figures[name]) * 10 ** generator.uniform(-3, 2, len(before))
        after = model.score(model.feature_matrix({**figures, name: figures[name] + rises})).log_odds
        assert np.all((after - before) * RISK_OF_INPUT[name] >= 0)
        assert np.any(after != before)


@pytest.mark.parametrize("name", sorted(RISK_OF_INPUT))
def test_risk_never_falls_in_small_steps_of_an_amount(name: str) -> None:
    # Random pairs are rarely close to a break point; this path crosses all of them, in firms of many kinds.
    generator = np.random.default_rng(5)
    for _ in range(200):
        row = {key: value * 10 ** generator.uniform(-2, 2) for key, value in USUAL.items()}
        row["ebitda"] *= generator.choice([-1, 1])
        row["net_income"] *= generator.choice([-1, 1])
        path = np.geomspace(1e-4, 1e6, 400)
        if name in ("net_income", "ebitda"):
            path = np.concatenate([-path[::-1], path])
        steps = np.diff(log_odds("statements", *({**row, name: value} for value in path.tolist())))
        assert np.all(steps * RISK_OF_INPUT[name] >= 0)


@given(RATIOS, st.sampled_from(["ratios-annual", "ratios-quarterly"]), st.data())
def test_risk_never_falls_when_a_ratio_gets_worse_within_its_range(
    row: dict[str, float], name: ModelName, data: st.DataObject
) -> None:
    feature = data.draw(st.sampled_from(FEATURES[name][:-1]))
    values = st.floats(0, 1e6) if feature.name.startswith(("long", "total")) else SIGNED
    low, high = sorted((data.draw(values), data.draw(values)))
    at_low, at_high = log_odds(name, {**row, feature.name: low}, {**row, feature.name: high})
    assert (at_high - at_low) * feature.risk_direction >= 0


def test_every_amount_and_ratio_with_a_direction_changes_a_score() -> None:
    for name, direction in RISK_OF_INPUT.items():
        small, large = log_odds("statements", {**USUAL, name: 1e-3}, {**USUAL, name: 1e5})
        assert (large - small) * direction > 0
    for model in ("ratios-annual", "ratios-quarterly"):
        for feature in FEATURES[model][:-1]:
            small, large = log_odds(model, {**USUAL, feature.name: 0.5}, {**USUAL, feature.name: 99.0})
            assert (large - small) * feature.risk_direction > 0


@pytest.mark.parametrize(("value", "same_as"), [(1e-9, 1e-4), (1e9, 1e4)])
def test_market_cap_far_from_the_liabilities_is_clipped(value: float, same_as: float) -> None:
    column = FEATURES["statements"][0]
    figures = {"market_cap": np.array([value, same_as]), "total_liabilities": np.ones(2)}
    assert column.of(figures).tolist() == [same_as, same_as]


@pytest.mark.parametrize(
    ("name", "outside", "outermost"),
    [
        ("net_income_margin", -300.0, -np.inf),
        ("net_income_margin", 101.0, np.inf),
        ("return_on_assets", -100.1, -np.inf),
        ("total_debt_to_ebitda", -0.01, -np.inf),
        ("long_term_debt_to_total_capital", 100.5, np.inf),
        ("long_term_debt_to_total_capital", -5.0, np.inf),
    ],
)
def test_ratio_outside_its_usual_range_is_on_the_outermost_step(name: str, outside: float, outermost: float) -> None:
    model = load_model("ratios-annual")
    place = model.features.index(name)
    row = model.feature_matrix(columns({**USUAL, name: outside}))
    assert row[0, place] == outermost
    assert model.score(row).steps[0, place] == (0 if outermost < 0 else len(model.break_points[place]))


def test_usual_range_includes_its_ends() -> None:
    ends = columns(
        {**USUAL, "net_income_margin": -100.0, "long_term_debt_to_total_capital": 0.0},
        {**USUAL, "net_income_margin": 100.0, "long_term_debt_to_total_capital": 100.0},
    )
    matrix = feature_matrix(ends, FEATURES["ratios-annual"])
    assert matrix[:, 0].tolist() == [0.0, 100.0]
    assert matrix[:, 2].tolist() == [-100.0, 100.0]


def test_zero_debt_scores_the_same_for_a_negative_ebitda() -> None:
    none, minus_none = log_odds(
        "ratios-annual", {**USUAL, "total_debt_to_ebitda": 0.0}, {**USUAL, "total_debt_to_ebitda": -0.0}
    )
    assert none == minus_none


def test_more_debt_never_lowers_the_risk_of_a_firm_with_negative_ebitda() -> None:
    firm = {**USUAL, "ebitda": -30.0}
    path = log_odds("statements", *({**firm, "total_liabilities": value} for value in np.geomspace(1, 1e4, 500)))
    assert path == sorted(path)


def test_inventory_above_current_assets_gives_a_quick_ratio_of_zero() -> None:
    matrix = feature_matrix(columns({**USUAL, "inventory": 500.0}), FEATURES["statements"])
    assert matrix[0, 3] == 0


def test_ebitda_may_be_the_sum_of_ebit_and_depreciation() -> None:
    parts = {name: value for name, value in USUAL.items() if name != "ebitda"}
    parts |= {"ebit": 6.5, "depreciation_amortization": 2.5}
    assert np.array_equal(
        feature_matrix(columns(parts), FEATURES["statements"]), feature_matrix(columns(USUAL), FEATURES["statements"])
    )


def test_absent_column_is_an_error_and_not_a_blank() -> None:
    with pytest.raises(KeyError, match="total_assets"):
        feature_matrix({"market_cap": np.ones(1), "total_liabilities": np.ones(1)}, FEATURES["statements"])


def test_blank_ratio_is_nan_in_the_matrix() -> None:
    matrix = feature_matrix(columns({**USUAL, "return_on_assets": np.nan}), FEATURES["ratios-annual"])
    assert np.isnan(matrix).tolist() == [[False, False, False, True, False]]


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_feature_matrix_of_no_rows_is_empty(name: ModelName) -> None:
    nothing = {key: np.empty(0) for key in USUAL}
    assert feature_matrix(nothing, FEATURES[name]).shape == (0, len(FEATURES[name]))
