import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from shared.training import metrics
from shared.training.baselines import BASELINES
from shared.training.panel import AMOUNTS, Panel

# Few distinct scores, so that ties are common.
ROWS = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=60)


@given(ROWS)
def test_ranking_metrics_agree_with_their_definitions(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in rows], dtype=float)
    event = np.array([flag for _, flag in rows])
    assume(0 < np.sum(event) < len(event))
    assert metrics.roc_auc(scores, event) == pytest.approx(roc_auc_score(event, scores))
    distances = [np.mean(scores[event] <= at) - np.mean(scores[~event] <= at) for at in np.unique(scores)]
    assert metrics.kolmogorov_smirnov(scores, event) == pytest.approx(np.max(np.abs(distances)))


def test_roc_auc_interval_covers_the_area_and_narrows_with_more_firms() -> None:
    generator = np.random.default_rng(0)
    widths = []
    for rows in (400, 6400):
        event = generator.uniform(size=rows) < 0.2
        scores = event + generator.normal(0, 1, rows)
        low, high = metrics.roc_auc_interval(scores, event, np.arange(rows))
        assert low < metrics.roc_auc(scores, event) < high
        widths.append(high - low)
    assert widths[0] == pytest.approx(4 * widths[1], rel=0.4)


def test_roc_auc_interval_resamples_firms_not_rows() -> None:
    generator = np.random.default_rng(0)
    event = generator.uniform(size=400) < 0.2
    scores = event + generator.normal(0, 1, 400)
    once = metrics.roc_auc_interval(scores, event, np.arange(400))
    # The same firms four times over add no evidence.
    again = metrics.roc_auc_interval(np.tile(scores, 4), np.tile(event, 4), np.tile(np.arange(400), 4))
    assert again == pytest.approx(once)


def test_calibration_table_counts_every_row_once() -> None:
    probability = np.linspace(0, 1, 105)
    event = probability > 0.5
    table = metrics.calibration_table(probability, event)
    assert [group["n"] for group in table] == [11] * 5 + [10] * 5
    assert sum(group["events"] for group in table) == np.sum(event)
    assert table[0]["observed"] == 0
    assert table[-1]["observed"] == 1
    expected = sum(group["n"] * abs(group["predicted"] - group["observed"]) for group in table) / 105
    assert metrics.expected_calibration_error(table) == pytest.approx(expected)
    assert 0.2 < expected < 0.3


def panel_with(**changed: list[float]) -> Panel:
    """Returns two years of one firm; amounts default to 10."""
    amounts = {name: changed.get(name, [10.0, 10.0]) for name in AMOUNTS.values()}
    table = pd.DataFrame({"firm": [4, 4], "year": [2005, 2006], "event": [False, True], **amounts})
    return Panel(table=table, dropped=0, dropped_events=0, sha256="")


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)
def test_published_score_rises_with_debt_and_losses(baseline: object) -> None:
    score = next(entry.score for entry in BASELINES if entry is baseline)
    more_debt = score(panel_with(total_liabilities=[10.0, 30.0]))
    assert more_debt[1] > more_debt[0]
    losses = score(panel_with(net_income=[10.0, -10.0], ebit=[10.0, -10.0]))
    assert losses[1] > losses[0]


def test_published_scores_have_their_published_coefficients() -> None:
    panel = panel_with(current_liabilities=[5.0, 5.0], total_liabilities=[5.0, 5.0], net_income=[-2.0, -6.0])
    altman, ohlson, zmijewski = (baseline.score(panel) for baseline in BASELINES)
    assert altman[1] == pytest.approx(-(6.56 * 0.5 + 3.26 + 6.72 + 1.05))
    change = (-6 + 2) / (6 + 2)
    ohlson_expected = -1.32 - 0.407 * np.log(10) + 6.03 * 0.5 - 1.43 * 0.5 + 0.0757 * 0.5 + 2.37 * 0.6 - 1.83 * 4 / 5
    assert ohlson[1] == pytest.approx(ohlson_expected + 0.285 - 0.521 * change)
    assert zmijewski[1] == pytest.approx(-4.336 + 4.513 * 0.6 + 5.679 * 0.5 + 0.004 * 2)


def test_ohlson_terms_of_the_year_before_are_zero_without_it() -> None:
    panel = panel_with(net_income=[-2.0, -2.0])
    first, second = next(entry for entry in BASELINES if entry.name == "Ohlson O").score(panel)
    # Two losses in a row and no change: only the term for repeated losses differs.
    assert second - first == pytest.approx(0.285)
