import csv
import io

import pytest

from shared.scoring.chunk import MAX_CELL_BYTES, unprocessed_rows
from shared.vocabulary import JobType
from tests.unit.scoring.scored_files import (
    STATEMENTS,
    VALID_ROW,
    errors_of,
    layout_of,
    score_file,
    table_of,
    with_cell,
)


def test_quarter_is_written_as_qn_and_may_be_blank_only_in_annual_files() -> None:
    header = f"{STATEMENTS},reporting_quarter"
    rows = "\n".join(f"{VALID_ROW},{quarter}" for quarter in ("q1", "2", " Q3 ", '"4"', "'3", "", "5"))
    file = f"{header}\n{rows}\n"
    annual, quarterly = score_file(file), score_file(file, JobType.QUARTERLY)
    assert [row["reporting_quarter"] for row in table_of(file, annual.parts.all, "all")] == [
        "Q1",
        "Q2",
        "Q3",
        "Q4",
        "Q3",
        "",
        "5",
    ]
    assert [error["code"] for error in errors_of(annual)] == ["invalid_quarter"]
    assert [error["code"] for error in errors_of(quarterly)] == ["missing_field", "invalid_quarter"]


@pytest.mark.parametrize(
    ("written", "returned"), [(" acme ", "ACME"), ("aßz", "ASSZ"), ('"a""b"', 'A"B'), ("brk.b", "BRK.B")]
)
def test_symbol_is_written_trimmed_and_in_upper_case(written: str, returned: str) -> None:
    file = f"{STATEMENTS}\n{VALID_ROW.replace('ACME', written)}\n"
    (row,) = table_of(file, score_file(file).parts.successful, "successful")
    assert row["company_symbol"] == returned


@pytest.mark.hazard("Text that a spreadsheet would run as a formula")
@pytest.mark.parametrize(
    ("text", "safe"),
    [
        *(
            (text, f"'{text}")
            for text in ("=cmd()", "+1", "-2", "@x", "\tx", "\rx", "\nx", '=HYPERLINK("a")', "\uff1dx")
        ),
        ("a\rb", "a\rb"),
        ("Co;=HYPERLINK(1)", "Co;'=HYPERLINK(1)"),
        ('Co|"=1"', 'Co|"\'=1"'),
        ("Co\n=1", "Co\n'=1"),
        ("Co\t \uff0b1", "Co\t '\uff0b1"),
    ],
)
@pytest.mark.parametrize("column", ["company_name", "sector"])
def test_formula_text_is_guarded_once_and_read_without_its_guard(column: str, text: str, safe: str) -> None:
    file = with_cell(column, text)
    chunk = score_file(file)
    (row,) = table_of(file, chunk.parts.all, "all")
    assert row[column] == safe
    again = with_cell(column, row[column])
    assert score_file(again).parts == chunk.parts


@pytest.mark.parametrize(
    ("raw", "text"),
    [(' "Acme, Inc"', "Acme, Inc"), ('5" pipe', '5" pipe'), ("a\rb", "a\rb"), ("\r=x", "'\r'=x")],
)
def test_cells_with_unusual_quotes_or_returns_are_written_as_standard_csv(raw: str, text: str) -> None:
    file = f"{STATEMENTS}\n{VALID_ROW.replace('Acme Inc', raw)}\n"
    (row,) = table_of(file, score_file(file).parts.successful, "successful")
    assert row["company_name"] == text


@pytest.mark.parametrize("raw", ['""=x', '"Acme" Inc', '"Acme "Inc"', '"Acme" '])
def test_row_with_text_behind_a_closing_quote_fails_and_is_kept_as_it_was(raw: str) -> None:
    row = VALID_ROW.replace("Acme Inc", raw)
    file = f"{STATEMENTS}\n{row}\n{VALID_ROW}\n"
    chunk = score_file(file)
    (error,) = errors_of(chunk)
    assert (error["row"], error["code"]) == (1, "malformed_row")
    assert "text is behind a closing quote" in error["error"]
    assert table_of(file, chunk.parts.failed, "failed")[0]["company_symbol"] == row


def test_rows_with_cells_missing_or_too_many_are_written_with_the_width_of_the_header() -> None:
    file = f"{STATEMENTS},note\n{VALID_ROW}\n{VALID_ROW},n,,\n"
    chunk = score_file(file)
    for part, outcome in ((chunk.parts.successful, "successful"), (chunk.parts.all, "all")):
        assert [row["note"] for row in table_of(file, part, outcome)] == ["", "n"]
    layout = layout_of(file.encode(), JobType.ANNUAL)
    data = file.encode()[layout.data_start :]
    unprocessed = unprocessed_rows(data, layout=layout, first_row=1).unprocessed
    assert unprocessed.decode() == f"{VALID_ROW},,1\n{VALID_ROW},n,2\n"


@pytest.mark.hazard("Text that a spreadsheet would run as a formula")
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_formula_in_the_middle_of_a_symbol_or_note_is_guarded_with_any_delimiter(delimiter: str) -> None:
    cells = [*VALID_ROW.replace("ACME", '"a;|=b"').split(","), '"x;-y;=z\n@w"', "-7"]
    file = f"{STATEMENTS},note,other\n".replace(",", delimiter) + f"{delimiter.join(cells)}\n"
    chunk = score_file(file)
    (row,) = table_of(file, chunk.parts.successful, "successful")
    assert (row["company_symbol"], row["note"], row["other"]) == ("A;|'=B", "x;'-y;'=z\n'@w", "-7")
    again = score_file(",".join(row) + "\n" + chunk.parts.successful.decode())
    assert again.successful == 1
    (second,) = csv.reader(io.StringIO(again.parts.successful.decode(), newline=""))
    assert second[: len(cells)] == list(row.values())[: len(cells)]


@pytest.mark.hazard("Text that a spreadsheet would run as a formula")
def test_negative_numbers_are_not_guarded_but_formulas_are() -> None:
    file = f"{STATEMENTS},note,=1+1\nACME,Acme Inc,Tech,2015,100,50,20,30,10,5,-4,=2*4,-7.5,-7-5\n"
    chunk = score_file(file)
    (row,) = table_of(file, chunk.parts.failed, "failed")
    assert (row["net_income"], row["ebitda"], row["note"], row["'=1+1"]) == ("-4", "'=2*4", "-7.5", "'-7-5")
    assert errors_of(chunk)[0]["value"] == "=2*4"


@pytest.mark.hazard("Duplicate headers, ragged rows, NUL, huge fields, no last newline, CR alone, blank lines, no rows")
def test_malformed_record_is_written_whole_into_the_first_cell() -> None:
    file = f'{STATEMENTS}\nACME,"Acme, Inc",Tech,2015\nACME,\0,{VALID_ROW[10:]}\n{VALID_ROW},surplus\n'
    chunk = score_file(file)
    rows = table_of(file, chunk.parts.failed, "failed")
    assert [row["company_symbol"] for row in rows] == [
        'ACME,"Acme, Inc",Tech,2015',
        f"ACME,␀,{VALID_ROW[10:]}",
        f"{VALID_ROW},surplus",
    ]
    assert not any(row[name] for row in rows for name in STATEMENTS.split(",")[1:])
    for error in errors_of(chunk):
        assert (error["code"], error["column"], error["company_symbol"], error["value"]) == (
            "malformed_row",
            None,
            "",
            None,
        )
    assert ["4 fields" in error["error"] for error in errors_of(chunk)] == [True, False, False]


def test_cell_over_the_limit_makes_its_row_malformed() -> None:
    rows = "\n".join(VALID_ROW.replace("Acme Inc", "x" * length) for length in (MAX_CELL_BYTES, MAX_CELL_BYTES + 1))
    chunk = score_file(f"{STATEMENTS}\n{rows}\n")
    assert [error["code"] for error in errors_of(chunk)] == ["too_long", "malformed_row"]
    assert "32,768 bytes" in errors_of(chunk)[1]["error"]
