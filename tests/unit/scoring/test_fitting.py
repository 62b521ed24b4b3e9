"""Fits, recalibration and the windows of years."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from shared.scoring.catalog import MODEL_NAMES, ModelName
from shared.scoring.features import FEATURES, Direction, feature_matrix
from shared.scoring.model import parse_model
from shared.training.fitting import (
    FitError,
    Recalibration,
    Settings,
    artifact,
    fit,
    recalibration,
    training_distribution,
)
from shared.training.panel import Panel, ratio_figures
from shared.training.training import assert_parity, calibrated_fit, train
from shared.training.windows import Split, windows
from tests.unit.scoring.test_training import panel_of

DIRECTIONS: tuple[Direction, ...] = (1, -1)
THREE_WINDOWS = Split(training_from=2005, training_until=2006, calibration_until=2009)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return panel_of()


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_artifact_has_the_log_odds_of_its_fit(panel: Panel, name: ModelName) -> None:
    inputs = FEATURES[name]
    features = feature_matrix(panel.amounts if name == "statements" else ratio_figures(panel.amounts), inputs)
    split = windows(panel)
    fitted, _ = calibrated_fit(features, panel, split, inputs=inputs, settings=Settings())
    content = artifact(fitted, features[split.training], name=name, inputs=inputs, job_types=["annual"], provenance={})
    model = parse_model(json.dumps(content))
    beyond = np.concatenate([features, np.full((1, len(inputs)), np.inf), np.full((1, len(inputs)), -np.inf)])
    all_points = [steps.break_points for steps in fitted.steps]
    adjacent = [np.nextafter(np.resize(points, 400), side) for points in all_points for side in (-9e9, 9e9)]
    on = np.column_stack([np.resize(points, 400) for points in all_points])
    near = np.column_stack(adjacent)
    for matrix in (beyond, on, near[:, ::2], near[:, 1::2]):
        assert np.max(np.abs(model.score(matrix).log_odds - fitted.log_odds(matrix))) <= 1e-12
    assert model.score(features[split.training]).contributions.mean(axis=0) == pytest.approx(0, abs=1e-9)
    moved = fitted.recalibrated(Recalibration(offset=0.001, slope=1.0))
    with pytest.raises(FitError, match=r"differ from the fit by 0\.001"):
        assert_parity(model, moved, features)


def test_fit_recovers_the_function_that_events_come_from() -> None:
    generator = np.random.default_rng(4)
    features = generator.uniform(-2, 2, (60_000, 2))
    truth = np.clip(2 * features[:, 0], -1, 3) - features[:, 1]
    event = generator.uniform(size=len(truth)) < expit(truth - 2)
    inputs = [replace(FEATURES["statements"][0], name=f"x{sign}", risk_direction=sign) for sign in DIRECTIONS]
    fitted = fit(features, event, inputs=inputs, settings=Settings(ridge=1.0))
    assert np.mean(np.abs(fitted.log_odds(features) - (truth - 2))) < 0.1


def test_function_that_falls_where_its_direction_rises_is_fitted_flat() -> None:
    generator = np.random.default_rng(4)
    features = generator.uniform(-2, 2, (5_000, 1))
    event = generator.uniform(size=5_000) < expit(-features[:, 0])
    inputs = [replace(FEATURES["statements"][0], risk_direction=1)]
    (steps,) = fit(features, event, inputs=inputs, settings=Settings(ridge=1.0)).steps
    assert np.max(np.abs(steps.values)) < 1e-9


def test_feature_with_one_value_is_refused(panel: Panel) -> None:
    constant = replace(panel, table=panel.table.assign(current_assets=1.0, inventory=2.0))
    with pytest.raises(FitError, match="quick_ratio has one value only"):
        train(constant, date="2018-12-31", names=["statements"])


def test_recalibration_that_reverses_the_directions_is_refused() -> None:
    odds = np.linspace(-3, 3, 200)
    with pytest.raises(FitError, match="later window contradicts"):
        recalibration(odds, np.random.default_rng(0).uniform(size=200) < 1 / (1 + np.exp(odds)))


def test_recalibration_recovers_offset_slope_and_size() -> None:
    generator = np.random.default_rng(2)
    odds, size = generator.normal(0, 2, 200_000), generator.normal(5, 2, 200_000)
    event = generator.uniform(size=len(odds)) < expit(-0.5 + 0.8 * odds + 0.2 * size)
    found = recalibration(odds, event, size)
    assert (found.offset, found.slope, found.size) == pytest.approx((-0.5, 0.8, 0.2), abs=0.05)


def test_risk_that_falls_with_size_is_recalibrated_without_size() -> None:
    generator = np.random.default_rng(2)
    odds, size = generator.normal(0, 2, 5_000), generator.normal(5, 2, 5_000)
    event = generator.uniform(size=len(odds)) < expit(0.5 + 0.8 * odds - 0.2 * size)
    assert recalibration(odds, event, size) == recalibration(odds, event)
    assert recalibration(odds, event).size == 0


def test_recalibration_by_size_ends_at_the_largest_firm_of_training(panel: Panel) -> None:
    inputs = FEATURES["statements"]
    features = feature_matrix(panel.amounts, inputs)
    fitted, _ = calibrated_fit(features, panel, windows(panel), inputs=inputs, settings=Settings())
    column = [feature.name for feature in inputs].index("ln_total_assets")
    sized = fitted.recalibrated(Recalibration(offset=0.0, slope=1.0, size=0.5), size_column=column)
    rows = features[[np.argmax(features[:, column])] * 2].copy()
    rows[1, column] += 10
    before, after = fitted.log_odds(rows), sized.log_odds(rows)
    assert after - before == pytest.approx(0.5 * np.max(fitted.steps[column].places))


def test_years_with_enough_before_them_are_scored_out_of_time(panel: Panel) -> None:
    split = windows(panel)
    assert split.origins == tuple(range(2006, 2015))
    assert sorted(set(panel.year[split.training])) == list(range(2003, 2015))
    assert sorted(set(panel.year[split.calibration])) == list(range(2006, 2015))
    (trained,) = train(panel, date="2018-12-31", names=["statements"])
    assert trained.card["method"].endswith("on scores of each year by a model of the years before it")


def test_last_origins_alone_may_recalibrate(panel: Panel) -> None:
    split = windows(panel, last_origins=3)
    assert split.origins == (2012, 2013, 2014)
    assert sorted(set(panel.year[split.calibration])) == [2012, 2013, 2014]
    assert split.training.tolist() == windows(panel).training.tolist()


def test_scores_of_an_origin_ignore_its_own_and_later_years(panel: Panel) -> None:
    inputs = FEATURES["statements"]
    features = feature_matrix(panel.amounts, inputs)
    split = windows(panel)
    _, line = calibrated_fit(features, panel, split, inputs=inputs, settings=Settings())
    log_odds = np.concatenate(
        [
            fit(
                features[(panel.year >= 2003) & (panel.year < year)],
                panel.event[(panel.year >= 2003) & (panel.year < year)],
                inputs=inputs,
                settings=Settings(),
            ).log_odds(features[panel.year == year])
            for year in split.origins
        ]
    )
    rows = np.concatenate([np.flatnonzero(panel.year == year) for year in split.origins])
    assert recalibration(log_odds, panel.event[rows], features[rows, 5]).slope == pytest.approx(line.slope)


def test_few_years_with_failures_keep_three_windows(panel: Panel) -> None:
    split = windows(panel, THREE_WINDOWS)
    assert split.origins == ()
    assert sorted(set(panel.year[split.training])) == [2005, 2006]
    assert sorted(set(panel.year[split.calibration])) == [2007, 2008, 2009]
    (trained,) = train(panel, date="2018-12-31", names=["statements"], years=THREE_WINDOWS)
    assert trained.card["method"].endswith("on a later window")


def test_window_without_failures_is_refused(panel: Panel) -> None:
    with pytest.raises(FitError, match="the test window has 0 failures"):
        windows(replace(panel, table=panel.table.assign(event=panel.event & (panel.year < 2015))))


def test_perfectly_separated_calibration_window_is_refused() -> None:
    odds = np.linspace(-3, 3, 50)
    with pytest.raises(FitError, match="calibration window"):
        recalibration(odds, odds > 0)


def test_training_distribution_has_finite_cut_points_and_all_rows() -> None:
    values = np.concatenate([np.zeros(30), np.arange(50.0), np.full(20, np.inf)])
    distribution = training_distribution(values)
    assert distribution["cut_points"][0] == 0
    assert np.all(np.isfinite(distribution["cut_points"]))
    assert distribution["shares"][0] == pytest.approx(0.31)
    assert sum(distribution["shares"]) == pytest.approx(1)
