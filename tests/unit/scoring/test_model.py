from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.inputs.columns import ProfileName
from shared.scoring.catalog import (
    GRADE_BOUNDS,
    LEVEL_BOUNDS,
    MODEL_NAMES,
    RISK_GRADES,
    RISK_LEVELS,
    ModelName,
    basis,
    model_name_for,
)
from shared.scoring.features import FloatArray
from shared.scoring.model import (
    MAX_BREAK_POINTS,
    count_below,
    load_model,
    model_for,
    risk_grades,
    risk_levels,
    rounded,
)
from shared.vocabulary import JobType

NAMES = st.sampled_from(MODEL_NAMES)


def raw_rows(count: int) -> dict[str, FloatArray]:
    """Returns every column of every profile, each `[count]`, for firms from healthy to failing."""
    generator = np.random.default_rng(11)
    health = generator.uniform(-1, 1, count)

    def amount(low: float, high: float, tilt: float) -> FloatArray:
        values: FloatArray = 10 ** (generator.uniform(low, high, count) + tilt * health)
        return values

    assets = amount(0, 4, 0)
    return {
        "market_cap": assets * amount(-1, 1, 1.5),
        "total_assets": assets,
        "total_liabilities": assets * amount(-0.5, 0.3, -0.5),
        "current_assets": assets * amount(-1.5, 0, 0),
        "current_liabilities": assets * amount(-1.5, 0, -0.5),
        "inventory": assets * amount(-3, -1, 0),
        "net_income": assets * (0.3 * health + generator.normal(0, 0.1, count)),
        "ebitda": assets * (0.3 * health + generator.normal(0, 0.1, count)),
        "long_term_debt_to_total_capital": 50 - 60 * health,
        "total_debt_to_ebitda": np.abs(10 - 10 * health + generator.normal(0, 3, count)),
        "net_income_margin": 110 * health,
        "return_on_assets": 110 * health,
        "sga_margin": 50 - 60 * health,
        "return_on_capital": 110 * health,
    }


@st.composite
def matrices(draw: st.DrawFn) -> tuple[ModelName, FloatArray]:
    """Draws a model and a feature matrix of values on, next to and far from its break points, and blanks."""
    name = draw(NAMES)
    model = load_model(name)
    cells = [
        st.one_of(
            st.sampled_from(break_points.tolist()),
            st.sampled_from(np.nextafter(break_points, np.inf).tolist()),
            st.floats(),
        )
        for break_points in model.break_points
    ]
    rows = draw(st.lists(st.tuples(*cells), min_size=1, max_size=20))
    return name, np.array(rows)


@given(st.lists(st.floats(-1e300, 1e300), unique=True, max_size=300), st.data())
def test_count_below_agrees_with_searchsorted(points: list[float], data: st.DataObject) -> None:
    break_points = np.sort(np.array(points))
    nearby = [*points, *np.nextafter(break_points, np.inf).tolist(), *np.nextafter(break_points, -np.inf).tolist()]
    values = np.array(data.draw(st.lists(st.one_of(st.sampled_from(nearby or [0.0]), st.floats(allow_nan=False)))))
    assert count_below(break_points, values).tolist() == np.searchsorted(break_points, values).tolist()


def test_count_below_takes_the_largest_allowed_number_of_break_points() -> None:
    break_points = np.arange(float(MAX_BREAK_POINTS))
    values = np.append(break_points, (-1, np.inf))
    assert count_below(break_points, values).tolist() == np.searchsorted(break_points, values).tolist()


@given(matrices())
def test_log_odds_are_the_sum_of_intercept_and_contributions(drawn: tuple[ModelName, FloatArray]) -> None:
    name, features = drawn
    model = load_model(name)
    scores = model.score(features)
    assert np.allclose(scores.log_odds, model.intercept + scores.contributions.sum(axis=1), rtol=0, atol=1e-12)
    assert np.all((scores.default_probability > 0) & (scores.default_probability < 1))
    assert np.all(scores.contributions[np.isnan(features)] == 0)


@given(matrices())
def test_step_includes_its_upper_break_point_and_blanks_have_the_last_step(
    drawn: tuple[ModelName, FloatArray],
) -> None:
    name, features = drawn
    model = load_model(name)
    scores = model.score(features)
    for column, break_points in enumerate(model.break_points):
        for value, step, contribution in zip(
            features[:, column], scores.steps[:, column], scores.contributions[:, column], strict=True
        ):
            expected = len(break_points) + 1 if np.isnan(value) else sum(point < value for point in break_points)
            assert step == expected
            assert contribution == model.contributions[column][step]


@given(matrices(), st.randoms(use_true_random=False), st.integers(1, 7))
def test_row_scores_the_same_in_any_order_and_chunk(
    drawn: tuple[ModelName, FloatArray], random: Random, chunk: int
) -> None:
    name, features = drawn
    model = load_model(name)
    whole = model.score(features)
    order = list(range(len(features)))
    random.shuffle(order)
    shuffled = np.asfortranarray(features[order])
    pieces = [model.score(shuffled[start : start + chunk]) for start in range(0, len(order), chunk)]
    for field in ("log_odds", "default_probability", "contributions", "steps"):
        joined = np.concatenate([getattr(piece, field) for piece in pieces])
        assert np.array_equal(joined, getattr(whole, field)[order])


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_row_of_blanks_has_the_probability_of_the_intercept(name: ModelName) -> None:
    model = load_model(name)
    scores = model.score(np.full((1, len(model.features)), np.nan))
    assert scores.log_odds[0] == model.intercept
    assert scores.default_probability[0] == pytest.approx(1 / (1 + np.exp(-model.intercept)), rel=1e-5)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_realistic_rows_reach_every_level_and_grade(name: ModelName) -> None:
    model = load_model(name)
    probability = model.score(model.feature_matrix(raw_rows(50_000))).default_probability
    assert set(risk_levels(probability).tolist()) == set(range(len(RISK_LEVELS)))
    assert set(risk_grades(probability).tolist()) == set(range(len(RISK_GRADES)))


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_contributions_follow_the_declared_direction_of_every_feature(name: ModelName) -> None:
    model = load_model(name)
    for feature, break_points, table in zip(model.inputs, model.break_points, model.contributions, strict=True):
        assert np.all(np.diff(break_points) > 0)
        assert np.all(np.diff(table[:-1]) * feature.risk_direction > 0)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_infinite_values_are_on_the_outermost_steps(name: ModelName) -> None:
    model = load_model(name)
    width = len(model.features)
    scores = model.score(np.array([[-np.inf] * width, [np.inf] * width]))
    assert scores.steps.tolist() == [[0] * width, [len(points) for points in model.break_points]]


def test_matrix_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="statements has 9 features, the matrix 5"):
        load_model("statements").score(np.zeros((3, 5)))


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_scores_of_no_rows_are_empty(name: ModelName) -> None:
    model = load_model(name)
    scores = model.score(np.empty((0, len(model.features))))
    assert scores.log_odds.shape == scores.default_probability.shape == (0,)
    assert scores.contributions.shape == scores.steps.shape == (0, len(model.features))


@given(st.floats(1e-12, 1 - 1e-12))
def test_rounded_probability_is_the_double_of_its_six_digits(probability: float) -> None:
    (result,) = rounded(np.array([probability])).tolist()
    assert float(f"{result:.6g}") == result
    assert result == pytest.approx(probability, rel=6e-6)


@given(st.floats(0, 1))
def test_levels_and_grades_follow_their_bounds(probability: float) -> None:
    values = np.array([probability])
    assert risk_levels(values)[0] == sum(bound <= probability for bound in LEVEL_BOUNDS)
    assert risk_grades(values)[0] == sum(bound <= probability for bound in GRADE_BOUNDS)


def test_probability_at_a_bound_has_the_worse_level() -> None:
    at_bounds = np.array([0.01, 0.03, 0.10])
    assert [RISK_LEVELS[place] for place in risk_levels(at_bounds)] == ["MEDIUM", "HIGH", "CRITICAL"]
    assert [RISK_LEVELS[place] for place in risk_levels(np.nextafter(at_bounds, 0))] == ["LOW", "MEDIUM", "HIGH"]


def test_ten_grades_refine_the_four_levels() -> None:
    assert set(LEVEL_BOUNDS) < set(GRADE_BOUNDS)
    assert list(GRADE_BOUNDS) == sorted(set(GRADE_BOUNDS))
    assert len(RISK_GRADES) == len(GRADE_BOUNDS) + 1 == 10
    assert list(RISK_GRADES) == sorted(set(RISK_GRADES))


@pytest.mark.parametrize(
    ("job_type", "profile", "name"),
    [
        ("annual", "statements", "statements"),
        ("quarterly", "statements", "statements"),
        ("annual", "ratios", "ratios-annual"),
        ("quarterly", "ratios", "ratios-quarterly"),
    ],
)
def test_job_type_and_profile_select_the_model(job_type: JobType, profile: ProfileName, name: ModelName) -> None:
    assert model_name_for(job_type, profile) == name
    assert model_for(job_type, profile) is load_model(name)


def test_model_basis_of_quarterly_rows_says_it_is_not_validated() -> None:
    statements, ratios = basis(JobType.QUARTERLY, "statements"), basis(JobType.QUARTERLY, "ratios")
    assert "annual model used on trailing-twelve-month" in statements
    assert "annual model used on ratio inputs" in ratios
    for text in (statements, ratios):
        assert "not validated on quarterly outcomes" in text
    for profile in ("statements", "ratios"):
        assert "not validated" not in basis(JobType.ANNUAL, profile)
        assert "," not in basis(JobType.ANNUAL, profile) + basis(JobType.QUARTERLY, profile)
