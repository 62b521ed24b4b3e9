import csv
import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook
from sklearn.metrics import roc_auc_score

from shared.scoring.catalog import MODEL_NAMES, ModelName, artifact_text, model_card
from shared.scoring.features import FloatArray
from shared.scoring.model import load_model, parse_model, risk_levels
from shared.training.__main__ import main
from shared.training.cards import limits_by_size
from shared.training.fitting import (
    FitError,
    Settings,
)
from shared.training.panel import AMOUNTS, Panel, PanelError, ratio_figures, read_panel
from shared.training.training import Previous, check_sizes, train
from shared.training.windows import windows


def panel_of(rows: int = 1500, *, seed: int = 1) -> Panel:
    """Returns a panel whose failures depend on leverage and profit, over all three windows."""
    generator = np.random.default_rng(seed)
    assets = np.exp(generator.normal(5, 2, rows))
    leverage, profit = generator.uniform(0.1, 1.4, rows), generator.normal(0, 0.2, rows)
    odds = -4 + 4 * leverage - 8 * profit
    amounts: dict[str, FloatArray] = {name: assets * generator.uniform(0.05, 0.5, rows) for name in AMOUNTS.values()}
    amounts |= {
        "total_assets": assets,
        "total_liabilities": assets * leverage,
        "net_income": assets * profit,
        "ebitda": assets * (profit + 0.05),
        "operating_expenses": amounts["cost_of_goods_sold"] * 1.3,
    }
    table = pd.DataFrame(
        {
            "firm": np.arange(rows),
            "year": generator.integers(1999, 2019, rows),
            "event": generator.uniform(size=rows) < 1 / (1 + np.exp(-odds)),
            **amounts,
        }
    )
    return Panel(
        table=table,
        dropped=0,
        dropped_events=0,
        sha256="0" * 64,
    )


@pytest.fixture(scope="module")
def panel() -> Panel:
    return panel_of()


@pytest.fixture(scope="session")
def data_file() -> Path:
    """The bankruptcy panel, which is not part of the repository."""
    path = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "us_bankruptcy_1999_2018.csv.gz"
    if not path.exists():
        pytest.skip("needs the bankruptcy panel, which is not part of the repository")
    return path


@pytest.fixture(scope="session")
def real_panel(data_file: Path) -> Panel:
    return read_panel(data_file)


def written(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Writes a file in the format of the panel; amounts default to 10."""
    columns = ["company_name", "status_label", "year", *(f"X{number}" for number in range(1, 19))]
    lines = [",".join(columns)]
    lines += [",".join(str(row.get(column, 10)) for column in columns) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_same_rows_give_the_same_artifacts_and_cards(panel: Panel) -> None:
    names: list[ModelName] = ["statements", "ratios-quarterly"]
    first, second = (train(panel, date="2018-12-31", names=names) for _ in range(2))
    assert [(model.artifact, model.card_text) for model in first] == [(m.artifact, m.card_text) for m in second]


def test_another_ridge_gives_another_model_and_version(panel: Panel) -> None:
    first, second = (
        train(panel, date="2018-12-31", names=["statements"], settings={"statements": Settings(ridge=ridge)})[0]
        for ridge in (4.0, 8.0)
    )
    assert parse_model(first.artifact).version != parse_model(second.artifact).version


def test_card_has_observed_and_expected_failures_by_size_and_year(panel: Panel) -> None:
    (trained,) = train(panel, date="2018-12-31", names=["statements"])
    model, metrics = parse_model(trained.artifact), trained.card["metrics"]
    test = panel.rows(panel.year > 2014)
    probability = model.score(model.feature_matrix(test.amounts)).default_probability
    assets = test.amounts["total_assets"]
    sizes, years = metrics["calibration_by_size"], metrics["calibration_by_year"]
    assert [group["name"] for group in sizes] == ["smallest", "middle", "largest"]
    assert [group["year"] for group in years] == [2015, 2016, 2017, 2018]
    for groups in (sizes, years):
        assert sum(group["n"] for group in groups) == len(test)
        assert sum(group["events"] for group in groups) == np.sum(test.event)
        assert sum(group["expected"] for group in groups) == pytest.approx(np.sum(probability))
    training = panel.rows((panel.year >= 2003) & (panel.year <= 2014)).amounts["total_assets"]
    bounds = np.quantile(training, [1 / 3, 2 / 3]).tolist()
    assert [group["total_assets"] for group in sizes] == [[None, bounds[0]], bounds, [bounds[1], None]]
    rows = assets > bounds[1]
    assert sizes[2]["n"] == np.sum(rows)
    expected = np.sum(probability[rows])
    deviation = np.sqrt(np.sum(probability[rows] * (1 - probability[rows])))
    assert sizes[2]["z"] == pytest.approx((np.sum(test.event[rows]) - expected) / deviation)
    assert sizes[2]["roc_auc"] == pytest.approx(roc_auc_score(test.event[rows], probability[rows]), abs=1e-3)


def test_group_of_few_rows_has_counts_and_no_rate(panel: Panel) -> None:
    (trained,) = train(panel.rows(panel.year != 2018), date="2018-12-31", names=["statements"])
    groups = [*trained.card["metrics"]["risk_levels"], *trained.card["metrics"]["risk_grades"]]
    few = [group for group in groups if group["n"] < 30]
    assert few
    assert all(group["observed"] is None for group in few)
    assert all(group["observed"] == group["events"] / group["n"] for group in groups if group["n"] >= 30)


def test_card_lists_sizes_with_weak_ranking_or_wrong_level_among_the_limits() -> None:
    thirds = [
        {"name": "smallest", "total_assets": [None, 74.2], "events": 9, "expected": 30.04, "z": -4.01, "roc_auc": 0.7},
        {"name": "middle", "total_assets": [74.2, 1678.4], "events": 9, "expected": 9.0, "z": 0.0, "roc_auc": 0.7},
        {"name": "largest", "total_assets": [1678.4, None], "events": 9, "expected": 2.0, "z": 3.1, "roc_auc": None},
    ]
    ranking, small, large = limits_by_size({"roc_auc": 0.9, "calibration_by_size": thirds})
    assert "with total assets up to USD 74 million the ROC AUC is 0.70, among all 0.90" in ranking
    assert "with total assets up to USD 74 million are too high: 30 failures were expected" in small
    assert "there were 9 (z -4.0)" in small
    assert "with total assets above USD 1,678 million are too low: 2 failures were expected" in large


def test_model_that_is_far_off_for_a_size_is_refused(panel: Panel) -> None:
    (trained,) = train(panel, date="2018-12-31", names=["statements"])
    check_sizes(trained.card)
    thirds = trained.card["metrics"]["calibration_by_size"]
    thirds[1] |= {"events": 9, "expected": 30.04, "z": -4.01}
    with pytest.raises(FitError, match=r"expects 30\.0 failures in the middle third by total assets and there are 9"):
        check_sizes(trained.card)


def test_card_says_what_changes_against_the_model_before(panel: Panel) -> None:
    (before,) = train(panel, date="2018-12-31", names=["statements"], settings={"statements": Settings(ridge=50.0)})
    assert before.card["compared_with_previous"] is None
    previous: dict[ModelName, Previous] = {"statements": Previous(model=parse_model(before.artifact), card=before.card)}
    (after,) = train(panel, date="2018-12-31", names=["statements"], previous=previous)
    change = after.card["compared_with_previous"]
    test = panel.rows(panel.year > 2014)
    levels = [
        risk_levels(model.score(model.feature_matrix(test.amounts)).default_probability)
        for model in (parse_model(before.artifact), parse_model(after.artifact))
    ]
    assert change["version"] == before.card["version"]
    assert change["rows"] == len(test)
    assert change["level_changed"] == np.mean(levels[0] != levels[1])
    assert 0 < change["level_changed"] <= change["grade_changed"] < 1
    again: dict[ModelName, Previous] = {"statements": Previous(model=parse_model(after.artifact), card=after.card)}
    assert train(panel, date="2018-12-31", names=["statements"], previous=again)[0].card_text == after.card_text


def test_last_year_of_a_failed_firm_is_its_only_event(tmp_path: Path) -> None:
    firms = [("A", "failed", 2001), ("A", "failed", 2003), ("A", "failed", 2002), ("B", "alive", 2003)]
    rows = [{"company_name": firm, "status_label": status, "year": year} for firm, status, year in firms]
    assert read_panel(written(tmp_path / "panel.csv", rows)).event.tolist() == [False, True, False, False]


@pytest.mark.parametrize("invalid", [{"X1": -7.76}, {"X8": 0}, {"X10": 0}, {"X17": -1}, {"X5": -0.1}, {"X6": "nan"}])
def test_rows_that_would_fail_in_a_job_are_dropped_and_counted(tmp_path: Path, invalid: Mapping[str, object]) -> None:
    rows = [
        {"company_name": "A", "status_label": "failed", "year": 2001, **invalid},
        {"company_name": "B", "status_label": "alive", "year": 2001, "X6": -3},
    ]
    panel = read_panel(written(tmp_path / "panel.csv", rows))
    assert (len(panel), panel.dropped, panel.dropped_events) == (1, 1, 1)


def test_gzipped_panel_has_the_checksum_of_its_content(tmp_path: Path) -> None:
    plain = written(tmp_path / "panel.csv", [{"company_name": "A", "status_label": "alive", "year": 2001}])
    zipped = tmp_path / "panel.csv.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_panel(plain).sha256 == read_panel(zipped).sha256


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read"),
        (b"", "cannot be read: No columns to parse from file"),
        (b"a,b\n1,2\n", "is not the bankruptcy panel: it lacks X1"),
        (gzip.compress(b"a,b\n1,2\n" * 1000)[:40], "cannot be read"),
        (b"\x1f\x8bnot really zipped", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
    # gzip writes the time into its bytes, and workers that collect in different seconds must agree on the ids.
    ids=["no file", "empty", "other columns", "cut short", "only looks zipped", "not UTF-8"],
)
def test_unusable_data_ends_with_one_sentence_and_status_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "panel.csv"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path), "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Nothing was trained: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_text_in_an_amount_column_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "panel.csv", [{"company_name": "A", "status_label": "alive", "year": 2001, "X4": "x"}])
    with pytest.raises(PanelError, match="could not convert string to float"):
        read_panel(path)


def test_row_cut_short_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "panel.csv", [{"company_name": "A", "status_label": "alive", "year": 2001}])
    path.write_text(path.read_text() + "B,alive,2001,5\n")
    with pytest.raises(PanelError, match="is not the bankruptcy panel"):
        read_panel(path)


def test_real_panel_has_the_events_that_its_authors_count(real_panel: Panel) -> None:
    assert (len(real_panel), real_panel.dropped, real_panel.dropped_events) == (78_204, 6, 0)
    assert int(np.sum(real_panel.event)) == 609
    split = windows(real_panel)
    events = [int(np.sum(real_panel.event[rows])) for rows in (split.training, split.calibration, split.test)]
    assert events == [453, 338, 119]


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_committed_card_agrees_with_the_committed_model(name: ModelName, real_panel: Panel) -> None:
    model, card = load_model(name), model_card(name)
    figures = real_panel.amounts if name == "statements" else ratio_figures(real_panel.amounts)
    features = model.feature_matrix(figures)
    rows = (real_panel.year >= 2015) & ~np.any(np.isnan(features), axis=1)
    scores, event = model.score(features[rows]), real_panel.event[rows]
    higher = np.sum(scores.log_odds[event][:, None] > scores.log_odds[~event], dtype=float)
    equal = np.sum(scores.log_odds[event][:, None] == scores.log_odds[~event], dtype=float)
    area = (higher + equal / 2) / (np.sum(event) * np.sum(~event))
    assert card["metrics"]["roc_auc"] == pytest.approx(area, abs=1e-6)
    assert card["metrics"]["mean_predicted"] == pytest.approx(np.mean(scores.default_probability), abs=1e-6)
    assert card["split"]["test"]["rows"] == len(event)
    assert real_panel.sha256 in artifact_text(f"{name}.json")


@pytest.mark.samples
@pytest.mark.parametrize("name", ["annual_ratios_1000.csv", "quarterly_ratios_500.xlsx"])
def test_ratio_definitions_agree_with_the_sample_files(name: str, data_file: Path, real_panel: Panel) -> None:
    path = data_file.parents[1] / "samples" / name
    if not path.exists():
        pytest.skip("needs the sample files, which are not part of the repository")
    with gzip.open(data_file, "rt") as lines:
        firms = sorted({line.partition(",")[0] for line in lines} - {"company_name"})
    places = {
        (firms[firm].replace("_", ""), year): place
        for place, (firm, year) in enumerate(zip(real_panel.firm.tolist(), real_panel.year.tolist(), strict=True))
    }
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            sample: list[dict[str, object]] = list(csv.DictReader(file))
    else:
        header, *rows = load_workbook(path).worksheets[0].iter_rows(values_only=True)
        sample = [dict(zip(map(str, header), row, strict=True)) for row in rows]
    figures = ratio_figures(real_panel.amounts)
    compared = set(sample[0]) & set(figures) - {"market_cap"}
    assert len(compared) == 4
    chosen = [places[str(row["company_symbol"]), int(float(str(row["reporting_year"])))] for row in sample]
    for column in compared:
        given = [float(str(row[column])) for row in sample]
        assert figures[column][chosen] == pytest.approx(given, abs=1e-3, rel=1e-6)
