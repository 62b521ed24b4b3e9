"""The risk summary of a job agrees with its result file, however its rows are split into chunks."""

import csv
import io
import itertools
import json
import tracemalloc
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local import panel
from shared.scoring.catalog import MODEL_NAMES, RISK_GRADES, RISK_LEVELS, model_card
from shared.scoring.chunk_summary import MAX_SECTORS, ChunkSummary, SectorTotal, largest_sectors
from shared.scoring.chunk_summary import NO_ROWS as NONE
from shared.scoring.risk_summary import (
    DUPLICATES_SHOWN,
    QUANTILES,
    ROWS_OF_A_DUPLICATE,
    RiskSummary,
    population_stability,
)
from shared.vocabulary import JobType
from tests.unit.scoring.scored_files import RATIOS, STATEMENTS, VALID_RATIOS_ROW, VALID_ROW, score_file, table_of

QUARTERLY = STATEMENTS.replace("reporting_year", "reporting_year,reporting_quarter")
TRAINING = dict.fromkeys(RISK_GRADES, 100)


def summary_of(
    header: str, rows: list[str], *, cuts: tuple[int, ...] = (), job_type: Any = "annual", scored: bool = True
) -> dict[str, Any]:
    summary = RiskSummary()
    bounds = [0, *sorted(cuts), len(rows)]
    for start, end in itertools.pairwise(bounds):
        text = "\n".join([header, *rows[start:end]]) + "\n"
        chunk = score_file(text, job_type, first_row=start + 1, scored=scored)
        summary.add(ChunkSummary.from_bytes(chunk.parts.summary), first_row=start + 1)
    return json.loads(  # type: ignore[no-any-return]
        json.dumps(summary.as_json(model_version="v" if scored else None, training_grades=TRAINING))
    )


def panel_rows(count: int, *, invalid: int = 0) -> tuple[str, list[str]]:
    text = panel.as_csv(panel.statement_rows(count, seed=7, invalid=invalid), panel.STATEMENT_COLUMNS).decode()
    header, *rows = text.splitlines()
    return header, rows


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=4))
def test_summary_agrees_with_the_scored_rows_for_any_chunks(cuts: list[int]) -> None:
    header, rows = panel_rows(300, invalid=20)
    summary = summary_of(header, rows, cuts=tuple(cuts))
    whole = score_file("\n".join([header, *rows]) + "\n")
    scored = table_of(header + "\n" + rows[0] + "\n", whole.parts.successful, "successful")
    probabilities = [float(row["default_probability"]) for row in scored]
    assert summary["rows"] == len(scored) == 280
    assert summary["by_risk_level"] == {
        level: Counter(row["risk_level"] for row in scored)[level] for level in RISK_LEVELS
    }
    assert summary["by_risk_grade"] == {
        grade: Counter(row["risk_grade"] for row in scored)[grade] for grade in RISK_GRADES
    }
    found = summary["default_probability"]
    assert (found["lowest"], found["highest"]) == (min(probabilities), max(probabilities))
    assert found["mean"] == pytest.approx(np.mean(probabilities), rel=1e-5)
    for name, share in QUANTILES.items():
        exact = np.quantile(probabilities, share, method="inverted_cdf")
        assert found["quantiles"][name] == pytest.approx(exact, rel=0.0026)
    sectors = Counter(row["sector"] for row in scored)
    assert {entry["sector"]: entry["rows"] for entry in summary["by_sector"]} == sectors
    for entry in summary["by_sector"]:
        own = [float(row["default_probability"]) for row in scored if row["sector"] == entry["sector"]]
        assert entry["mean_default_probability"] == pytest.approx(np.mean(own), rel=1e-5)
        assert sum(entry["by_risk_level"].values()) == len(own)
    worst = sorted(scored, key=lambda row: (-float(row["default_probability"]), int(row["row"])))[:10]
    assert [row["row"] for row in summary["riskiest"]] == [int(row["row"]) for row in worst]
    for found_row, row in zip(summary["riskiest"], worst, strict=True):
        assert found_row["company_symbol"] == row["company_symbol"]
        assert found_row["default_probability"] == float(row["default_probability"])
        assert found_row["top_factors"] == json.loads(row["top_factors"])
    assert summary["other_sectors"] is None


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_duplicates_are_found_however_company_and_period_are_written(data: st.DataObject) -> None:
    ways = {
        ("ACME", "2015", "1"): ["ACME,{},2015,Q1", "acme,{},2015.0,1", ' Acme ,{},"2015",q1'],
        ("ÄCME", "2015", "1"): ["ÄCME,{},2015,1", "äcme,{},2015,Q1"],
        ("ACME", "2015", "2"): ["ACME,{},2015,Q2", "aCME,{},2015,2.0"],
        ("A-VERY-LONG-SYMBOL20", "2016", "4"): ["A-VERY-LONG-SYMBOL20,{},2016,4", "a-very-long-symbol20,{},2016,q4"],
        ("A-VERY-LONG-SYMBOL21", "2016", "4"): ["A-VERY-LONG-SYMBOL21,{},2016,4"],
        None: [",{},2015,Q1", "ACME,{},2015,Q5", "ACME,{},1815,Q1"],
    }
    chosen = data.draw(st.lists(st.sampled_from(list(ways)), max_size=30))
    rest = VALID_ROW.split(",", 4)[-1]
    rows, expected = [], Counter[object]()
    for company_period in chosen:
        written = data.draw(st.sampled_from(ways[company_period]))
        # A row that fails for another reason still counts for its company and period.
        figures = data.draw(st.sampled_from([rest, "abc," + rest.split(",", 1)[1]]))
        rows.append(f"{written.format('Name,Tech')},{figures}")
        if company_period is not None:
            expected[company_period] += 1
    repeated = {key: count for key, count in expected.items() if count > 1}
    cuts = tuple(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    found = summary_of(QUARTERLY, rows, cuts=cuts, job_type="quarterly")["duplicates"]
    assert (found["companies_and_periods"], found["rows"]) == (len(repeated), sum(repeated.values()))
    wanted: dict[object, list[int]] = {}
    for number, company_period in enumerate(chosen, start=1):
        if company_period in repeated:
            wanted.setdefault(company_period, []).append(number)
    assert [example["rows"] for example in found["examples"]] == [
        numbers[:ROWS_OF_A_DUPLICATE] for numbers in wanted.values()
    ]


def test_few_duplicates_are_listed_but_all_are_counted() -> None:
    rows = [VALID_ROW.replace("ACME", f"A{number // 2}") for number in range(100)]
    found = summary_of(STATEMENTS, rows, cuts=(33,))["duplicates"]
    assert (found["companies_and_periods"], found["rows"], len(found["examples"])) == (50, 100, DUPLICATES_SHOWN)


def test_memory_for_duplicates_is_proportional_to_their_keys() -> None:
    rows = 500_000
    summary = RiskSummary()
    summary.add(
        ChunkSummary(company_periods=ChunkSummary.packed(np.arange(rows, dtype=np.uint64) // 2 + 7)), first_row=1
    )
    tracemalloc.start()
    try:
        found = summary.as_json(model_version=None, training_grades=None)["duplicates"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found["companies_and_periods"], found["rows"]) == (rows // 2, rows)
    assert found["examples"][1] == {"rows": [3, 4]}
    assert peak < 40 * rows


def test_missing_and_out_of_range_figures_are_counted_over_scored_rows() -> None:
    rows = [
        VALID_RATIOS_ROW,
        VALID_RATIOS_ROW.replace(",50,", ",,"),
        VALID_RATIOS_ROW.replace(",50,", ",150,"),
        "X,,,,,,,,,",
    ]
    figures = {entry["name"]: entry for entry in summary_of(RATIOS, rows, cuts=(1, 2))["figures"]}
    assert figures["long_term_debt_to_total_capital"] == {
        "name": "long_term_debt_to_total_capital",
        "missing": 1,
        "out_of_range": 1,
    }
    assert figures["net_income_margin"]["missing"] == 0


def test_rows_that_were_only_validated_have_duplicates_but_no_risk() -> None:
    found = summary_of(STATEMENTS, [VALID_ROW, VALID_ROW, VALID_ROW.replace("ACME", "B")], scored=False)
    assert (found["rows"], found["default_probability"], found["population_stability"]) == (0, None, None)
    assert found["duplicates"] == {"companies_and_periods": 1, "rows": 2, "examples": [{"rows": [1, 2]}]}
    assert (found["model_version"], found["riskiest"], found["by_sector"]) == (None, [], [])


def test_job_without_chunks_has_an_empty_summary() -> None:
    found = RiskSummary().as_json(model_version="v", training_grades=TRAINING)
    assert (found["rows"], found["duplicates"]["rows"], found["population_stability"]) == (0, 0, None)


def test_summary_of_a_file_with_thousands_of_sectors_is_bounded() -> None:
    count = MAX_SECTORS + 500
    rows = [VALID_ROW.replace("Tech", f"Sector {number}") for number in range(count)]
    chunk = ChunkSummary.from_bytes(score_file("\n".join([STATEMENTS, *rows]) + "\n").parts.summary)
    assert (len(chunk.sectors), chunk.other_sectors.rows) == (MAX_SECTORS, 500)
    found = summary_of(STATEMENTS, rows)
    assert len(found["by_sector"]) == 50
    assert sum(entry["rows"] for entry in [*found["by_sector"], found["other_sectors"]]) == count


def test_largest_sectors_come_first_and_ties_are_sorted_by_name() -> None:
    totals = {name: SectorTotal(rows, rows * 0.1, (rows, 0, 0, 0)) for name, rows in (("b", 2), ("a", 2), ("c", 9))}
    kept, others = largest_sectors(totals, NONE, at_most=2)
    assert (list(kept), others) == (["c", "a"], totals["b"])


class TestPopulationStability:
    """The population stability index and its reading."""

    def test_stability_index_of_the_training_data_is_zero(self) -> None:
        for name in MODEL_NAMES:
            grades = list(model_card(name)["training_grades"].values())
            found = population_stability(grades, grades)
            assert (found["index"], found["reading"], found["training_rows"]) == (0, "stable", sum(grades))

    def test_stability_index_is_the_published_sum(self) -> None:
        # Shares of 0.2, 0.3, 0.5 against 0.4, 0.4, 0.2; the other grades have one row each and hardly count.
        rows, training = [2_000, 3_000, 5_000, *[1] * 7], [4_000, 4_000, 2_000, *[1] * 7]
        expected = (0.2 - 0.4) * np.log(0.5) + (0.3 - 0.4) * np.log(0.75) + (0.5 - 0.2) * np.log(2.5)
        found = population_stability(rows, training)
        assert found["index"] == pytest.approx(expected, abs=1e-3)
        assert found["reading"] == "shifted"

    def test_stability_index_between_the_bounds_is_a_moderate_shift(self) -> None:
        assert population_stability([14_500, 5_500, *[1] * 8], [10_000, 10_000, *[1] * 8])["reading"] == (
            "moderately_shifted"
        )

    def test_stability_index_of_few_rows_is_reported_as_too_few_rows(self) -> None:
        found = population_stability([499, *[0] * 9], [100] * 10)
        assert (found["reading"], found["index"] > 1) == ("too_few_rows", True)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_card_counts_every_row_of_its_training_window_by_grade(name: Any) -> None:
    card = model_card(name)
    assert list(card["training_grades"]) == list(RISK_GRADES)
    assert sum(card["training_grades"].values()) == card["split"]["training"]["rows"]


def test_riskiest_rows_have_their_quarter_as_in_result_files() -> None:
    row = VALID_ROW.replace("2015", "2015,3").replace("ACME", "acme")
    (riskiest,) = summary_of(QUARTERLY, [row], job_type="quarterly")["riskiest"]
    assert (riskiest["company_symbol"], riskiest["reporting_quarter"]) == ("ACME", "Q3")
    result = next(
        csv.reader(io.StringIO(score_file(f"{QUARTERLY}\n{row}\n", JobType.QUARTERLY).parts.successful.decode()))
    )
    assert result[4] == "Q3"
