import json

import pytest

from shared.scoring.results import SCORE_COLUMNS, shown
from tests.unit.scoring.scored_files import (
    RATIOS,
    STATEMENTS,
    VALID_RATIOS_ROW,
    VALID_ROW,
    errors_of,
    score_file,
    table_of,
    with_cell,
)


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("company_symbol", "", "missing_field"),
        ("company_symbol", "n/a", "missing_field"),
        ("company_symbol", "A" * 21, "too_long"),
        ("company_symbol", "ß" * 11, "too_long"),
        ("company_name", "NA", "missing_field"),
        ("company_name", "é" * 256, "too_long"),
        ("sector", "Null", "missing_field"),
        ("sector", "s" * 101, "too_long"),
        ("reporting_year", "", "missing_field"),
        ("reporting_year", "02015", "invalid_year"),
        ("reporting_year", "2028", "invalid_year"),
        ("market_cap", "", "invalid_market_cap"),
        ("market_cap", "n/a", "invalid_market_cap"),
        ("market_cap", "12%", "invalid_market_cap"),
        ("market_cap", "1e999", "invalid_market_cap"),
        ("total_assets", "0", "invalid_number"),
        ("total_assets", "-", "missing_field"),
        ("inventory", "-0.01", "invalid_number"),
        ("net_income", "nan", "invalid_number"),
        ("ebitda", "1.234,5", "invalid_number"),
    ],
)
def test_invalid_cell_fails_its_row(column: str, text: str, code: str) -> None:
    chunk = score_file(with_cell(column, text))
    (error,) = errors_of(chunk)
    assert (error["column"], error["code"], error["value"]) == (column, code, shown(text))
    assert error["company_symbol"] == ("" if column == "company_symbol" else "ACME")
    assert column in error["error"] or code == "invalid_market_cap"
    assert (chunk.successful, chunk.failed, chunk.row_errors) == (0, 1, {((code, column),): 1})


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("company_symbol", "NA"),
        ("company_symbol", "é" * 20),
        ("company_name", "é" * 255),
        ("reporting_year", "2015.0"),
        ("reporting_year", "2027"),
        ("market_cap", "'100"),
        ("total_assets", "1,234.5"),
        ("total_assets", "\xa01\xa0234.5"),
        ("inventory", "0"),
        ("net_income", "(3.2)"),
        ("net_income", "-0.30000000000000004"),
        ("ebitda", "\u22123.2"),
    ],
)
def test_cell_in_a_usual_notation_is_valid_and_copied_as_written(column: str, text: str) -> None:
    file = with_cell(column, text)
    chunk = score_file(file)
    assert chunk.failed == 0
    (row,) = table_of(file, chunk.parts.successful, "successful")
    assert row[column] == (text.upper() if column == "company_symbol" else text)


def test_notation_of_a_figure_does_not_change_its_score() -> None:
    texts = (
        "-1234.5",
        '"-1,234.5"',
        "(1234.5)",
        '"(1,234.5)"',
        "\u22121234.5",
        " -1234.5",
        "'-1234.5",
        "-1.2345e3",
        '"-1234.5"',
    )
    rows = "\n".join(f"ACME,Acme Inc,Tech,2015,100,50,20,30,10,5,{text},8" for text in texts)
    chunk = score_file(f"{STATEMENTS}\n{rows}\n")
    scores = {
        tuple(row[name] for name in SCORE_COLUMNS)
        for row in table_of(f"{STATEMENTS}\n", chunk.parts.successful, "successful")
    }
    assert chunk.failed == 0
    assert len(scores) == 1


def test_row_errors_have_the_exact_sentences_of_the_contract() -> None:
    sentences = [
        errors_of(score_file(with_cell(*cell)))[0]["error"] for cell in (("market_cap", "abc"), ("sector", " "))
    ]
    assert sentences == ["Invalid market cap value", "Missing required field: sector"]


def test_all_errors_of_a_row_are_listed_in_schema_order() -> None:
    header = ",".join(reversed(STATEMENTS.split(",")))
    chunk = score_file(f"{header}\nx,y,z,-1,0,0,0,0,99,, ,\n")
    (error,) = errors_of(chunk)
    assert [entry["column"] for entry in error["errors"]] == STATEMENTS.split(",")
    assert {key: error[key] for key in ("column", "code", "error", "value")} == error["errors"][0]


def test_long_value_is_cut_short_in_its_row_error() -> None:
    (error,) = errors_of(score_file(with_cell("company_name", "x" * 1000)))
    assert error["value"] == "x" * 200 + "…"


def test_blank_ratio_is_listed_and_scored_as_the_mean() -> None:
    file = f"{RATIOS}\nACME,Acme Inc,Tech,2015,100,,n/a,3,1,\n"
    (row,) = table_of(file, score_file(file).parts.successful, "successful")
    assert json.loads(row["missing_ratios"]) == ["long_term_debt_to_total_capital", "total_debt_to_ebitda"]
    assert json.loads(row["out_of_range"]) == []
    assert {factor["input"] for factor in json.loads(row["top_factors"])} <= {
        "net_income_margin",
        "return_on_assets",
        "ln_market_cap",
    }


def test_row_without_ratios_has_no_ratios_error_unless_one_is_invalid() -> None:
    chunk = score_file(f"{RATIOS}\nACME,Acme,Tech,2015,100,,,-,,7\nACME,Acme,Tech,2015,100,,abc,,,7\n")
    assert [(error["code"], error["column"]) for error in errors_of(chunk)] == [
        ("no_ratios", None),
        ("invalid_number", "total_debt_to_ebitda"),
    ]


def test_ratio_that_is_not_scored_may_be_blank_but_must_be_a_number() -> None:
    blank, bad = VALID_RATIOS_ROW, VALID_RATIOS_ROW + "much"
    chunk = score_file(f"{RATIOS}\n{blank}\n{bad}\n")
    assert chunk.successful == 1
    assert b"ebit_to_interest_expense" not in chunk.parts.successful
    assert errors_of(chunk)[0]["column"] == "ebit_to_interest_expense"


def test_figures_outside_their_usual_range_are_scored_and_listed() -> None:
    file = f"{RATIOS}\nACME,Acme,Tech,2015,100,100.1,-0.1,-300%,100,-9\n"
    (row,) = table_of(file, score_file(file).parts.successful, "successful")
    assert json.loads(row["out_of_range"]) == [
        "long_term_debt_to_total_capital",
        "total_debt_to_ebitda",
        "net_income_margin",
    ]
    assert 0 < float(row["default_probability"]) < 1


@pytest.mark.parametrize(
    ("market_cap", "listed"), [("0.0001", True), ("0.01", False), ("100000", False), ("1e7", True)]
)
def test_market_cap_on_another_scale_than_the_liabilities_is_listed(market_cap: str, *, listed: bool) -> None:
    file = with_cell("market_cap", market_cap)
    (row,) = table_of(file, score_file(file).parts.successful, "successful")
    assert json.loads(row["out_of_range"]) == ["market_cap/total_liabilities"] * listed


def test_ebit_and_depreciation_replace_ebitda() -> None:
    header = STATEMENTS.replace("ebitda", "ebit,depreciation_amortization")
    summed = score_file(f"{header}\nACME,Acme Inc,Tech,2015,100,50,20,30,10,5,4,6,2\n")
    given = score_file(f"{STATEMENTS}\n{VALID_ROW}\n")
    assert summed.parts.successful.split(b",1,")[1] == given.parts.successful.split(b",1,")[1]
    blank = score_file(f"{header}\nACME,Acme Inc,Tech,2015,100,50,20,30,10,5,4,6,\n")
    assert errors_of(blank)[0]["error"] == "Missing required field: depreciation_amortization"
    huge = score_file(f"{header}\nACME,Acme Inc,Tech,2015,100,50,20,30,10,5,4,1e308,1e308\n")
    assert errors_of(huge)[0]["code"] == "invalid_number"


def test_ratio_in_a_statements_file_is_copied_without_validation() -> None:
    file = f"{STATEMENTS},net_income_margin,ebit\n{VALID_ROW},what,ever\n"
    (row,) = table_of(file, score_file(file).parts.successful, "successful")
    assert (row["net_income_margin"], row["ebit"]) == ("what", "ever")
