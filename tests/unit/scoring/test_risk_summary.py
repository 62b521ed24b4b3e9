"""The risk summary of a job against what its result file says, however the rows were cut into chunks."""

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
from shared.scoring.catalogue import MODEL_NAMES, RISK_GRADES, RISK_LEVELS, model_card
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
from tests.unit.scoring.scored_files import GOOD, GOOD_RATIOS, RATIOS, STATEMENTS, score_file, table_of

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


def panel_rows(count: int, *, faulty: int = 0) -> tuple[str, list[str]]:
    text = panel.as_csv(panel.statement_rows(count, seed=7, faulty=faulty), panel.STATEMENT_COLUMNS).decode()
    header, *rows = text.splitlines()
    return header, rows


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=4))
def test_the_summary_is_what_the_scored_rows_say_however_they_were_cut(cuts: list[int]) -> None:
    header, rows = panel_rows(300, faulty=20)
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
    told = summary["default_probability"]
    assert (told["lowest"], told["highest"]) == (min(probabilities), max(probabilities))
    assert told["mean"] == pytest.approx(np.mean(probabilities), rel=1e-5)
    for name, share in QUANTILES.items():
        exact = np.quantile(probabilities, share, method="inverted_cdf")
        assert told["quantiles"][name] == pytest.approx(exact, rel=0.0026)
    sectors = Counter(row["sector"] for row in scored)
    assert {entry["sector"]: entry["rows"] for entry in summary["by_sector"]} == sectors
    for entry in summary["by_sector"]:
        own = [float(row["default_probability"]) for row in scored if row["sector"] == entry["sector"]]
        assert entry["mean_default_probability"] == pytest.approx(np.mean(own), rel=1e-5)
        assert sum(entry["by_risk_level"].values()) == len(own)
    worst = sorted(scored, key=lambda row: (-float(row["default_probability"]), int(row["row"])))[:10]
    assert [row["row"] for row in summary["riskiest"]] == [int(row["row"]) for row in worst]
    for told_row, row in zip(summary["riskiest"], worst, strict=True):
        assert told_row["company_symbol"] == row["company_symbol"]
        assert told_row["default_probability"] == float(row["default_probability"])
        assert told_row["top_factors"] == json.loads(row["top_factors"])
    assert summary["other_sectors"] is None


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_same_company_and_period_is_found_however_it_is_written(data: st.DataObject) -> None:
    ways = {
        ("ACME", "2015", "1"): ["ACME,{},2015,Q1", "acme,{},2015.0,1", ' Acme ,{},"2015",q1'],
        ("ÄCME", "2015", "1"): ["ÄCME,{},2015,1", "äcme,{},2015,Q1"],
        ("ACME", "2015", "2"): ["ACME,{},2015,Q2", "aCME,{},2015,2.0"],
        ("A-VERY-LONG-SYMBOL20", "2016", "4"): ["A-VERY-LONG-SYMBOL20,{},2016,4", "a-very-long-symbol20,{},2016,q4"],
        ("A-VERY-LONG-SYMBOL21", "2016", "4"): ["A-VERY-LONG-SYMBOL21,{},2016,4"],
        None: [",{},2015,Q1", "ACME,{},2015,Q5", "ACME,{},1815,Q1"],
    }
    chosen = data.draw(st.lists(st.sampled_from(list(ways)), max_size=30))
    rest = GOOD.split(",", 4)[-1]
    rows, expected = [], Counter[object]()
    for company_period in chosen:
        written = data.draw(st.sampled_from(ways[company_period]))
        # A row that fails for another reason is of its company and period all the same.
        figures = data.draw(st.sampled_from([rest, "abc," + rest.split(",", 1)[1]]))
        rows.append(f"{written.format('Name,Tech')},{figures}")
        if company_period is not None:
            expected[company_period] += 1
    repeated = {key: count for key, count in expected.items() if count > 1}
    cuts = tuple(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    told = summary_of(QUARTERLY, rows, cuts=cuts, job_type="quarterly")["duplicates"]
    assert (told["companies_and_periods"], told["rows"]) == (len(repeated), sum(repeated.values()))
    wanted: dict[object, list[int]] = {}
    for number, company_period in enumerate(chosen, start=1):
        if company_period in repeated:
            wanted.setdefault(company_period, []).append(number)
    assert [example["rows"] for example in told["examples"]] == [
        numbers[:ROWS_OF_A_DUPLICATE] for numbers in wanted.values()
    ]


def test_no_more_than_a_few_duplicates_are_named_and_all_are_counted() -> None:
    rows = [GOOD.replace("ACME", f"A{number // 2}") for number in range(100)]
    told = summary_of(STATEMENTS, rows, cuts=(33,))["duplicates"]
    assert (told["companies_and_periods"], told["rows"], len(told["examples"])) == (50, 100, DUPLICATES_SHOWN)


def test_a_file_in_which_every_row_repeats_another_takes_no_more_memory_than_its_keys_do() -> None:
    rows = 500_000
    summary = RiskSummary()
    summary.add(
        ChunkSummary(company_periods=ChunkSummary.packed(np.arange(rows, dtype=np.uint64) // 2 + 7)), first_row=1
    )
    tracemalloc.start()
    try:
        told = summary.as_json(model_version=None, training_grades=None)["duplicates"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (told["companies_and_periods"], told["rows"]) == (rows // 2, rows)
    assert told["examples"][1] == {"rows": [3, 4]}
    assert peak < 40 * rows


def test_figures_that_are_missing_or_out_of_range_are_counted_over_scored_rows() -> None:
    rows = [GOOD_RATIOS, GOOD_RATIOS.replace(",50,", ",,"), GOOD_RATIOS.replace(",50,", ",150,"), "X,,,,,,,,,"]
    figures = {entry["name"]: entry for entry in summary_of(RATIOS, rows, cuts=(1, 2))["figures"]}
    assert figures["long_term_debt_to_total_capital"] == {
        "name": "long_term_debt_to_total_capital",
        "missing": 1,
        "out_of_range": 1,
    }
    assert figures["net_income_margin"]["missing"] == 0


def test_rows_that_were_only_validated_have_no_risk_but_their_duplicates_are_told() -> None:
    told = summary_of(STATEMENTS, [GOOD, GOOD, GOOD.replace("ACME", "B")], scored=False)
    assert (told["rows"], told["default_probability"], told["population_stability"]) == (0, None, None)
    assert told["duplicates"] == {"companies_and_periods": 1, "rows": 2, "examples": [{"rows": [1, 2]}]}
    assert (told["model_version"], told["riskiest"], told["by_sector"]) == (None, [], [])


def test_a_job_without_chunks_has_an_empty_summary() -> None:
    told = RiskSummary().as_json(model_version="v", training_grades=TRAINING)
    assert (told["rows"], told["duplicates"]["rows"], told["population_stability"]) == (0, 0, None)


def test_a_file_of_as_many_sectors_as_rows_keeps_a_summary_of_bounded_size() -> None:
    count = MAX_SECTORS + 500
    rows = [GOOD.replace("Tech", f"Sector {number}") for number in range(count)]
    chunk = ChunkSummary.from_bytes(score_file("\n".join([STATEMENTS, *rows]) + "\n").parts.summary)
    assert (len(chunk.sectors), chunk.other_sectors.rows) == (MAX_SECTORS, 500)
    told = summary_of(STATEMENTS, rows)
    assert len(told["by_sector"]) == 50
    assert sum(entry["rows"] for entry in [*told["by_sector"], told["other_sectors"]]) == count


def test_the_largest_sectors_come_first_and_ties_by_name() -> None:
    totals = {name: SectorTotal(rows, rows * 0.1, (rows, 0, 0, 0)) for name, rows in (("b", 2), ("a", 2), ("c", 9))}
    kept, others = largest_sectors(totals, NONE, at_most=2)
    assert (list(kept), others) == (["c", "a"], totals["b"])


class TestPopulationStability:
    """The index, and how it is read."""

    def test_of_the_training_data_themselves_is_nothing(self) -> None:
        for name in MODEL_NAMES:
            grades = list(model_card(name)["training_grades"].values())
            told = population_stability(grades, grades)
            assert (told["index"], told["reading"], told["training_rows"]) == (0, "stable", sum(grades))

    def test_is_the_published_sum(self) -> None:
        # Shares of 0.2, 0.3, 0.5 against 0.4, 0.4, 0.2, spread over the ten grades by halves nobody sees.
        rows, training = [2_000, 3_000, 5_000, *[1] * 7], [4_000, 4_000, 2_000, *[1] * 7]
        expected = (0.2 - 0.4) * np.log(0.5) + (0.3 - 0.4) * np.log(0.75) + (0.5 - 0.2) * np.log(2.5)
        told = population_stability(rows, training)
        assert told["index"] == pytest.approx(expected, abs=1e-3)
        assert told["reading"] == "shifted"

    def test_between_the_bounds_is_a_moderate_shift(self) -> None:
        assert population_stability([14_500, 5_500, *[1] * 8], [10_000, 10_000, *[1] * 8])["reading"] == (
            "moderately_shifted"
        )

    def test_of_few_rows_is_told_and_not_read(self) -> None:
        told = population_stability([499, *[0] * 9], [100] * 10)
        assert (told["reading"], told["index"] > 1) == ("too_few_rows", True)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_card_counts_every_row_of_its_training_window_by_grade(name: Any) -> None:
    card = model_card(name)
    assert list(card["training_grades"]) == list(RISK_GRADES)
    assert sum(card["training_grades"].values()) == card["split"]["training"]["rows"]


def test_the_riskiest_rows_say_their_quarter_as_results_do() -> None:
    row = GOOD.replace("2015", "2015,3").replace("ACME", "acme")
    (riskiest,) = summary_of(QUARTERLY, [row], job_type="quarterly")["riskiest"]
    assert (riskiest["company_symbol"], riskiest["reporting_quarter"]) == ("ACME", "Q3")
    result = next(
        csv.reader(io.StringIO(score_file(f"{QUARTERLY}\n{row}\n", JobType.QUARTERLY).parts.successful.decode()))
    )
    assert result[4] == "Q3"
