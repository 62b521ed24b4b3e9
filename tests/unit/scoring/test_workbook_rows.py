"""Workbooks converted and scored: what people see in the sheet is scored, or the row says what to correct."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from shared.delimited.dialect import CANONICAL
from shared.inputs.columns import required_columns
from shared.inputs.header import read_layout
from shared.inputs.workbooks import Converted, convert
from shared.scoring.chunk import score_chunk
from shared.scoring.results import header_line
from shared.vocabulary import DecimalConvention, JobType, Outcome
from tests.unit.scoring.scored_files import NEXT_YEAR, made_up_model
from tests.unit.workbook.workbook_builders import inline, number, row, styles_of, workbook, worksheet

STATEMENTS = [column.name for column in required_columns(JobType.QUARTERLY, "statements")]
CELLS = {
    "company_symbol": inline("A"),
    "company_name": inline("Alpha"),
    "sector": inline("Energy"),
    "reporting_year": number("2018"),
    "reporting_quarter": inline("Q1"),
    **{name: number("50") for name in STATEMENTS[5:]},
}
FORMULA = "<c><f>B2/C2</f></c>"


def scored(*rows: dict[str, str], right_of_table: str = "", styles: str = "") -> tuple[Converted, list[dict[str, Any]]]:
    """Scores a quarterly workbook: its valid cells with those given for each row, and a cell right of the last row.

    Returns the rows of the `all` file, with `errors` as values.
    """
    cells = ["".join((CELLS | given)[name] for name in STATEMENTS) for given in rows]
    sheet = worksheet(row(*map(inline, STATEMENTS)), *map(row, cells[:-1]), row(cells[-1], right_of_table))
    out = io.BytesIO()
    result = convert(io.BytesIO(workbook(sheet, styles=styles)), out, job_type=JobType.QUARTERLY)
    data = out.getvalue()
    layout = read_layout(data, CANONICAL, job_type=JobType.QUARTERLY, is_whole_file=True)
    layout = replace(layout, is_workbook=True)
    done = score_chunk(
        data[layout.data_start :], layout=layout, first_row=1, model=made_up_model("statements"), next_year=NEXT_YEAR
    )
    text = header_line(layout, Outcome.ALL) + done.parts.all
    found: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    return result, [{**one, "errors": json.loads(one["errors"] or "[]")} for one in found]


def only_error(**cells: str) -> dict[str, Any]:
    """Returns the only error of a row with these cells."""
    _, (found,) = scored(cells)
    (error,) = found["errors"]
    return error  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", STATEMENTS)
def test_formula_without_a_saved_value_is_an_error_in_every_column(name: str) -> None:
    _, (found,) = scored({name: FORMULA})
    assert found["errors"] == [
        {
            "column": name,
            "code": "formula_without_value",
            "error": f"The formula in {name} has no saved value: open the file in Excel, save it, and upload it again",
            "value": "#FORMULA! =B2/C2",
        }
    ]
    assert found[name] == "#FORMULA! =B2/C2"


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("company_symbol", "missing_field", "Missing required field: company_symbol"),
        ("company_name", "missing_field", "Missing required field: company_name"),
        ("reporting_year", "invalid_year", "Invalid reporting_year"),
        ("reporting_quarter", "invalid_quarter", "Invalid reporting_quarter"),
        ("market_cap", "invalid_market_cap", "Invalid market cap value"),
        ("total_assets", "invalid_number", "Invalid total_assets"),
    ],
)
@pytest.mark.parametrize("error", ["#DIV/0!", "#REF!", "#NAME?", "#GETTING_DATA"])
def test_error_cell_is_named(name: str, code: str, sentence: str, error: str) -> None:
    found = only_error(**{name: number(error, ' t="e"')})
    assert (found["code"], found["error"]) == (code, f"{sentence}: the cell has the Excel error {error}")
    assert found["value"] == error


def test_error_for_no_value_is_blank() -> None:
    found = only_error(total_assets=number("#N/A", ' t="e"'))
    assert (found["code"], found["error"]) == ("missing_field", "Missing required field: total_assets")


@pytest.mark.parametrize("text", ["#1 Foods", "#hash", "# REF!", "#ref!", "#REF! Foods"])
def test_names_that_begin_with_a_number_sign_are_names(text: str) -> None:
    _, (found,) = scored({"company_name": inline(text)})
    assert (found["company_name"], found["errors"]) == (text, [])


@pytest.mark.parametrize("value", ["12,5", "1 234", "12%", "(3)"])
def test_value_of_a_numeric_cell_that_is_no_number_fails_its_row(value: str) -> None:
    found = only_error(total_assets=number(value))
    assert (found["code"], found["value"]) == ("invalid_number", f"#{value}")


def test_value_right_of_the_table_is_named_by_its_column() -> None:
    _, (found,) = scored({}, right_of_table="<c/>" + inline("check!"))
    assert found["errors"][0]["code"] == "malformed_row"
    assert found["errors"][0]["error"] == (
        "Malformed row: it has a value in column O, right of the table, whose header ends in column M; delete it, or "
        "give its column a name"
    )


def test_market_cap_shown_in_millions_is_scored_in_millions() -> None:
    result, (plain, shown) = scored(
        {"market_cap": number("332.8")}, {"market_cap": number("332800000", ' s="1"')}, styles=styles_of("#,##0.0,,")
    )
    assert plain["default_probability"] == shown["default_probability"] != ""
    assert [note.code for note in result.notes] == ["format_applied"]


@pytest.mark.parametrize(
    "cell",
    [
        '<c t="inlineStr"><is><r><t>332.8</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>1</t></r></is></c>',
        '<c t="inlineStr"><v>7</v><is><t>332.8</t></is></c>',
        inline("332.8"),
        number("332.80"),
        "<c><f>A1</f><v>332.8</v></c>",
    ],
)
def test_number_is_scored_as_the_sheet_shows_it(cell: str) -> None:
    _, (plain, found) = scored({"market_cap": number("332.8")}, {"market_cap": cell})
    assert plain["default_probability"] == found["default_probability"] != ""


def test_number_and_text_with_a_point_are_distinguished_where_commas_are_decimal_signs() -> None:
    cells = {"market_cap": inline("672.478")}, {"market_cap": number("672.478")}, {"market_cap": inline("672,478")}
    sheet = worksheet(
        row(*map(inline, STATEMENTS)), *(row(*((CELLS | one)[name] for name in STATEMENTS)) for one in cells)
    )
    out = io.BytesIO()
    convert(io.BytesIO(workbook(sheet)), out, job_type=JobType.QUARTERLY)
    layout = read_layout(out.getvalue(), CANONICAL, job_type=JobType.QUARTERLY, is_whole_file=True)
    layout = replace(layout, decimal=DecimalConvention(sign=",", ambiguous=".", has_typed_cells=True))
    done = score_chunk(out.getvalue()[layout.data_start :], layout=layout, first_row=1, model=None, next_year=NEXT_YEAR)
    assert (done.successful, done.failed) == (2, 1)
    assert [pair for pairs in done.row_errors for pair in pairs] == [("ambiguous_number", "market_cap")]
