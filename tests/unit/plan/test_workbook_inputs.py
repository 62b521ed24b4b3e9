"""Workbooks that are planned: the sheet and the cells that are scored, and the notes of the job on them."""

import pytest

from shared.inputs.columns import required_columns
from shared.inputs.header import Layout
from shared.vocabulary import JobType
from tests.unit.plan.planned_files import planned
from tests.unit.workbook.workbook_builders import inline, number, packed, row, styles_of, workbook_parts, worksheet

HEADER = [column.name for column in required_columns(JobType.ANNUAL, "ratios")]


def sheet(symbol: str, *, market_cap: str = number("332.8")) -> str:
    """Returns a sheet with one company."""
    cells = {name: number("5") for name in HEADER} | {"company_symbol": inline(symbol), "market_cap": market_cap}
    return worksheet(row(*map(inline, HEADER)), row(*cells.values()))


def test_visible_sheet_is_scored_and_the_hidden_one_named() -> None:
    file = packed(workbook_parts({"Old": sheet("OLD"), "Data": sheet("NEW")}, states={"Old": "hidden"}))
    found = planned(file, "a.xlsx")
    assert b"NEW" in found.scored_input
    assert b"OLD" not in found.scored_input
    assert [note.code for note in found.job.notes] == ["sheets_skipped"]


def test_named_sheet_is_scored() -> None:
    file = packed(workbook_parts({"2017": sheet("A"), "2018": sheet("B")}))
    assert b"A," not in planned(file, "a.xlsx", sheet="2018").scored_input
    assert planned(file, "a.xlsx", sheet="2019").refusal == (
        "empty_file",
        'The workbook has no visible sheet of that name. Its visible sheets: "2017", "2018".',
    )


def test_notes_of_the_job_name_formats_and_footnotes() -> None:
    scaled = sheet("A", market_cap=number("332812000", ' s="1"'))
    scaled = scaled.replace("</sheetData>", "<row/>" + row(inline("Source: a vendor")) + "</sheetData>")
    found = planned(packed(workbook_parts({"Data": scaled}, styles=styles_of("#,##0.0,,"))), "a.xlsx")
    assert b",332.812," in found.scored_input
    assert [note.code for note in found.job.notes] == ["format_applied", "footnotes_skipped"]


@pytest.mark.parametrize("is_workbook", [True, False])
def test_plan_says_whether_rows_come_from_a_workbook(*, is_workbook: bool) -> None:
    file = (
        packed(workbook_parts({"Data": sheet("A")})) if is_workbook else (",".join(HEADER) + "\nA,,,,,,,,,\n").encode()
    )
    found = planned(file, "a.xlsx" if is_workbook else "a.csv")
    assert found.plan is not None
    assert Layout.from_json(found.plan["layout"]).is_workbook is is_workbook
