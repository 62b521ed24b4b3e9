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
        ("net_income", "137.86-"),
        ("net_income", "\u200e137.86\u202c"),
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


@pytest.mark.parametrize("text", ["", "much", "NM", "-4,2", "inf"])
def test_ratio_that_is_not_scored_never_fails_a_row(text: str) -> None:
    file = with_cell("ebit_to_interest_expense", text, RATIOS, VALID_RATIOS_ROW)
    chunk = score_file(file)
    (row,) = table_of(file, chunk.parts.successful, "successful")
    assert (row["ebit_to_interest_expense"], json.loads(row["missing_ratios"])) == (text, [])


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


@pytest.mark.parametrize(
    ("written", "symbol"),
    [('="0005"', "0005"), ("'0700", "0700"), ("\x1accc", "CCC"), ("\ufeff\u200eCCC", "CCC"), ('"=""1E10"""', "1E10")],
)
def test_symbol_is_returned_without_marks_and_invisible_characters(written: str, symbol: str) -> None:
    file = f"{STATEMENTS}\n{VALID_ROW.replace('ACME', written, 1)}\n"
    (row,) = table_of(file, score_file(file).parts.successful, "successful")
    assert row["company_symbol"] == symbol


def test_names_and_years_are_returned_without_invisible_characters() -> None:
    file = f'{STATEMENTS}\nACME,Ac\u200bme\x1a Inc,"=""Tech""",2015\u200f,100,50,20,30,10,5,4,8\n'
    (row,) = table_of(file, score_file(file).parts.successful, "successful")
    assert [row[name] for name in ("company_name", "sector", "reporting_year")] == ["Acme Inc", "Tech", "2015"]


@pytest.mark.parametrize("symbol", ["2-Mar", "Mar-02", "2024-03-02", "3/2/2024", "02.03.2024", "'2-Mar", "02. M\xe4r"])
def test_symbol_that_is_a_date_is_missing(symbol: str) -> None:
    (error,) = errors_of(score_file(with_cell("company_symbol", symbol)))
    assert (error["company_symbol"], error["code"]) == ("", "missing_field")
    assert "Excel turned this symbol into a date" in error["error"]


@pytest.mark.parametrize("dash", ["-", " -   ", "\u2014", "--"])
def test_error_for_a_dash_says_to_write_zero(dash: str) -> None:
    (error,) = errors_of(score_file(with_cell("inventory", dash)))
    assert error["code"] == "missing_field"
    assert error["error"] == "Missing required field: inventory: a dash is read as blank; write 0"


@pytest.mark.parametrize(
    "word", ["NM", "NMF", "n.m.", "NR", "@NA", "#N/A N/A", "#N/A Field Not Applicable", "\\N", "<NA>"]
)
def test_words_of_data_vendors_are_blank_in_figures_and_text_elsewhere(word: str) -> None:
    file = with_cell("total_debt_to_ebitda", word, RATIOS, VALID_RATIOS_ROW)
    (row,) = table_of(file, score_file(file).parts.successful, "successful")
    assert json.loads(row["missing_ratios"]) == ["total_debt_to_ebitda"]
    assert score_file(with_cell("sector", word)).failed == 0


WITH_COMPONENTS = f"{STATEMENTS},ebit,depreciation_amortization"


def test_blank_ebitda_is_the_sum_of_its_components() -> None:
    rows = ["8,,", ",3,5", "-,3,5", "n/a,3,5", "8,what,ever"]
    cells = VALID_ROW.removesuffix("8")
    chunk = score_file("\n".join([WITH_COMPONENTS, *(cells + row for row in rows), ""]))
    scored = table_of(f"{WITH_COMPONENTS}\n", chunk.parts.successful, "successful")
    assert chunk.failed == 0
    assert len({tuple(row[name] for name in SCORE_COLUMNS) for row in scored}) == 1


@pytest.mark.parametrize(
    ("cells", "errors"),
    [
        (",,", [("ebitda", "missing_field")]),
        (",3,", [("depreciation_amortization", "missing_field")]),
        (",-,5", [("ebit", "missing_field")]),
        (",,x", [("ebit", "missing_field"), ("depreciation_amortization", "invalid_number")]),
        (",x,y", [("ebit", "invalid_number"), ("depreciation_amortization", "invalid_number")]),
        (",1e308,1e308", [("ebit", "invalid_number")]),
        ("x,3,5", [("ebitda", "invalid_number")]),
    ],
)
def test_row_without_ebitda_and_both_components_fails(cells: str, errors: list[tuple[str, str]]) -> None:
    chunk = score_file(f"{WITH_COMPONENTS}\n{VALID_ROW.removesuffix('8')}{cells}\n{VALID_ROW},,\n")
    (error,) = errors_of(chunk)
    assert [(entry["column"], entry["code"]) for entry in error["errors"]] == errors
