"""Result files written as workbooks and read again."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from functions.export import formats
from functions.export.conversion import read_result
from functions.export.formats import ExportError, write_workbook
from shared.scoring.values import guarded
from tests.unit.export.result_files import cells, csv_file


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("xlsx") / "all.xlsx"


def write(path: Path, names: list[str], rows: list[list[str]]) -> None:
    write_workbook(read_result([csv_file(names, rows)]), str(path), folder=str(path.parent))


def written(path: Path, names: list[str], rows: list[list[str]]) -> list[list[Any]]:
    """Returns the values of the sheet, None for an empty cell, and checks that no cell is a formula or a link."""
    write(path, names, rows)
    book = load_workbook(path)
    (sheet,) = book.worksheets
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row}
    links = [cell.hyperlink for row in sheet.iter_rows() for cell in row if cell.hyperlink]
    assert kinds <= {"s", "n", "inlineStr"}
    assert not links
    return [
        [unescape(cell.value) if isinstance(cell.value, str) else cell.value for cell in row]
        for row in sheet.iter_rows(max_row=len(rows) + 1, max_col=len(names))
    ]


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_text_is_read_back_as_in_the_csv(path: Path, rows: list[tuple[str, str]]) -> None:
    stored = [[guarded(a), guarded(b), str(number)] for number, (a, b) in enumerate(rows, start=1)]
    [header, *found] = written(path, ["company_symbol", "remarks", "row"], stored)
    assert header == ["company_symbol", "remarks", "row"]
    # XML has only one kind of line end.
    assert found == [[a or None, b or None, int(number)] for a, b, number in stored]


@pytest.mark.hazard("Text that a spreadsheet would run as a formula")
@pytest.mark.parametrize(
    "text",
    ["=1+1", "=cmd|' /C calc'!A0", "+1", "-2", "@SUM(1)", "\uff1d1+1", "Co;=1+1", "a\n=1", "http://x.example", "{=1}"],
)
def test_text_that_looks_like_a_formula_or_link_stays_text_even_unescaped(path: Path, text: str) -> None:
    assert written(path, ["remarks", "row"], [[text, "1"]])[1][0] == text
    with zipfile.ZipFile(path) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
        assert "xl/worksheets/_rels/sheet1.xml.rels" not in package.namelist()
    assert "<f>" not in sheet


@pytest.mark.hazard("Text that a spreadsheet would run as a formula")
def test_markup_in_text_makes_no_cells(path: Path) -> None:
    text = '<r></r></is></c><c r="B2" t="str"><f>1+1</f><v>2</v></c><c r="C2"><is><r></r>'
    assert written(path, ["remarks", "other", "row"], [[text, "", "1"]])[1] == [text, None, 1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234.5", 1234.5),
        ("-0.25", -0.25),
        ("0", 0),
        ("123456789012345", 123456789012345),
        ("1234567890123456", "1234567890123456"),
        ("0.1234567890123456", "0.1234567890123456"),
        ("1,234.5", "1,234.5"),
        ("12%", "12%"),
        ("(3.2)", "(3.2)"),
        ("007", "007"),
        ("+5", "+5"),
        ("1e3", "1e3"),
        ("n/a", "n/a"),
        ("٣", "٣"),
    ],
)
def test_numeric_text_is_a_number_if_no_digit_is_lost(path: Path, text: str, value: object) -> None:
    names = ["Market Cap", "company_symbol", "remarks", "row", "default_probability"]
    row = written(path, names, [[text, text, text, "1", "0.0123"]])[1]
    assert row == [value, text, text, 1, 0.0123]
    assert type(row[0]) is type(value) or not isinstance(value, str)


@settings(max_examples=40)
@given(number=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e14, max_value=1e14))
def test_numbers_are_read_back_as_the_same_doubles(path: Path, number: float) -> None:
    text = f"{number:.6f}"
    value = written(path, ["market_cap", "row"], [[text, "1"]])[1][0]
    assert float(value) == float(text)


def test_cell_longer_than_excel_allows_is_refused_and_not_truncated(path: Path) -> None:
    assert written(path, ["remarks", "row"], [["x" * 32_767, "1"]])[1][0] == "x" * 32_767
    for text in ("x" * 32_768, "😀" * 16_384):
        with pytest.raises(ExportError, match=r"Line 3 .* column 1, .* 32,767.*format=csv"):
            write(path, ["remarks", "row"], [["short", "1"], [text, "2"]])


@pytest.mark.parametrize(("limit", "value"), [("MAX_ROWS", 3), ("MAX_CELLS", 4), ("MAX_COLUMNS", 1)])
def test_export_larger_than_a_workbook_is_refused_and_csv_is_suggested(
    path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    rows = [["x", str(number)] for number in range(1, 4)]
    write(path, ["remarks", "row"], rows)
    monkeypatch.setattr(formats, limit, value)
    with pytest.raises(ExportError, match="format=csv") as refused:
        write(path, ["remarks", "row"], rows)
    assert refused.value.code == "too_large"


def test_workbook_without_rows_has_its_header(path: Path) -> None:
    assert written(path, ["sector", "row"], []) == [["sector", "row"]]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
