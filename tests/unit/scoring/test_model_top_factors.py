import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scoring.catalog import MODEL_NAMES, ModelName
from shared.scoring.model import load_model
from shared.scoring.scores import MOST, top_factors


@given(
    st.sampled_from(MODEL_NAMES),
    st.integers(1, MOST),
    st.lists(st.lists(st.one_of(st.just(np.nan), st.floats(-200, 200)), min_size=9, max_size=9), max_size=15),
)
def test_top_factors_are_the_largest_contributions_in_order(
    name: ModelName, count: int, rows: list[list[float]]
) -> None:
    model = load_model(name)
    features = np.array(rows).reshape(len(rows), 9)[:, : len(model.features)]
    scores = model.score(features)
    expected = []
    for contributions in scores.contributions.tolist():
        shown = [
            {"input": feature, "contribution": round(value, 4)}
            for feature, value in zip(model.features, contributions, strict=True)
        ]
        kept = [factor for factor in shown if factor["contribution"]]
        expected.append(sorted(kept, key=lambda factor: -abs(float(factor["contribution"])))[:count])
    found = top_factors(scores, model, count=count)
    assert [found.of(row) for row in range(len(rows))] == expected
    # The cells as a CSV reader returns them.
    cells = csv.reader(cell.decode() for cell in found.cells)
    assert [json.loads(cell) for (cell,) in cells] == [
        found.of(row) for row in np.unique(found.index, return_index=True)[1].tolist()
    ]


def test_row_of_blanks_has_no_top_factors() -> None:
    model = load_model("ratios-annual")
    found = top_factors(model.score(np.full((2, 5), np.nan)), model)
    assert found.cells == (b"[]",)
    assert [found.of(row) for row in range(2)] == [[], []]


def test_blank_input_is_never_a_top_factor() -> None:
    model = load_model("ratios-annual")
    factors = top_factors(model.score(np.array([[90.0, np.nan, np.nan, np.nan, 1.0]])), model).of(0)
    assert {factor["input"] for factor in factors} == {"long_term_debt_to_total_capital", "ln_market_cap"}
    assert all(factor["contribution"] > 0 for factor in factors)


def test_equal_rows_share_the_text_of_their_top_factors() -> None:
    model = load_model("statements")
    found = top_factors(model.score(np.tile(np.arange(float(len(model.features))), (1000, 1))), model)
    assert len(found.cells) == 1
    assert len(found.index) == 1000


@pytest.mark.parametrize("count", [0, -1, MOST + 1])
def test_top_factor_count_out_of_bounds_is_refused(count: int) -> None:
    model = load_model("statements")
    with pytest.raises(ValueError, match="count must be 1 to 5"):
        top_factors(model.score(np.zeros((1, len(model.features)))), model, count=count)
