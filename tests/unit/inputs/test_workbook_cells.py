"""Cells of a workbook whose reading depends on their type, format or column."""

import csv
import io

import pytest

from shared.inputs.columns import required_columns
from shared.inputs.workbooks import Converted, convert
from shared.vocabulary import JobType
from tests.unit.workbook.workbook_builders import inline, number, row, styles_of, workbook, worksheet

HEADER = [*(column.name for column in required_columns(JobType.ANNUAL, "ratios")), "remark"]
SUPERSCRIPT = '<r><rPr><vertAlign val="superscript"/></rPr><t>1</t></r>'


def converted(cells: dict[str, str], *, styles: str = "", properties: str = "") -> tuple[Converted, dict[str, str]]:
    """Converts a workbook with one data row, given by column; returns its texts by column too."""
    sheet = worksheet(row(*map(inline, HEADER)), row(*(cells.get(name, "<c/>") for name in HEADER)))
    out = io.BytesIO()
    file = io.BytesIO(workbook(sheet, styles=styles, properties=properties))
    result = convert(file, out, job_type=JobType.ANNUAL)
    (found,) = csv.DictReader(io.StringIO(out.getvalue().decode(), newline=""))
    return result, found


def in_every_column(cell: str) -> dict[str, str]:
    """Returns the texts that a cell has in the columns of different kinds."""
    names = ("market_cap", "reporting_year", "company_symbol", "company_name", "remark")
    _, found = converted(dict.fromkeys(names, cell))
    return {name: found[name] for name in names}


def rich(*runs: str) -> str:
    return f'<c t="inlineStr"><is>{"".join(runs)}</is></c>'


def test_superscript_is_left_out_of_numbers_and_kept_in_names() -> None:
    assert in_every_column(rich("<r><t>332</t></r>", SUPERSCRIPT)) == {
        "market_cap": "332",
        "reporting_year": "332",
        "company_symbol": "332",
        "company_name": "3321",
        "remark": "3321",
    }


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        (("<r><t>NM</t></r>", SUPERSCRIPT), "NM1"),
        (("<r><rPr><strike/></rPr><t>99</t></r>", "<r><t>17.5</t></r>"), "17.5"),
        (('<r><rPr><strike val="0"/></rPr><t>99</t></r>', "<r><t>17</t></r>"), "9917"),
        (("<r><rPr><strike/></rPr><t>99</t></r>",), "#99"),
        (("<r><rPr><strike/></rPr><t>see note</t></r>",), "see note"),
        (('<r><t>332</t></r><r><rPr><vertAlign val="subscript"/></rPr><t>a</t></r>',), "332"),
        (("<r><t>(672.478)</t></r>", SUPERSCRIPT), "'(672.478)"),
        (("<r><t>33</t></r>", "<r><t>2</t></r>"), "332"),
    ],
)
def test_number_is_read_without_its_footnote_marks(runs: tuple[str, ...], text: str) -> None:
    assert converted({"market_cap": rich(*runs)})[1]["market_cap"] == text


@pytest.mark.parametrize("text", ["672.478", "-1.234.567", "(672.478)", "\u2212672.478 %"])
def test_text_whose_points_may_group_has_the_sign_of_a_text_where_figures_are(text: str) -> None:
    assert in_every_column(inline(text)) == {
        "market_cap": f"'{text}",
        "reporting_year": text,
        "company_symbol": text,
        "company_name": text,
        "remark": text,
    }
    assert not converted({"market_cap": inline(text)})[0].proves_point


@pytest.mark.parametrize("text", ["12.4", "0.672", "672.4781", ".5", "16.1%", "3.0x", " 12.4 "])
def test_text_whose_point_can_only_be_a_decimal_sign_proves_it(text: str) -> None:
    result, found = converted({"market_cap": inline(text)})
    assert (found["market_cap"], result.proves_point) == (text, True)


@pytest.mark.parametrize("text", ["332,812", "17,25", "1.234,5", "n/a", "1 234", "1.2.x", "...", "v1.2", "672.478.1"])
def test_other_texts_are_written_as_they_are_and_prove_nothing(text: str) -> None:
    result, found = converted({"market_cap": inline(text)})
    assert (found["market_cap"], result.proves_point) == (text, False)


def test_number_is_no_text() -> None:
    result, found = converted({"market_cap": number("672.478"), "company_name": inline("12.4")})
    assert (found["market_cap"], result.proves_point) == ("672.478", False)


def test_format_that_scales_is_applied_with_a_note() -> None:
    styles = styles_of("#,##0.0,,", "#,##0,")
    cells = {
        "market_cap": number("332812000", ' s="1"'),
        "total_debt_to_ebitda": number("0", ' s="1"'),
        "remark": number("-17250.5", ' s="2"'),
    }
    result, found = converted(cells, styles=styles)
    assert (found["market_cap"], found["total_debt_to_ebitda"], found["remark"]) == ("332.812", "0", "-17.2505")
    assert {note.code for note in result.notes} == {"format_applied"}
    assert {note.message for note in result.notes} == {
        "market_cap: the format #,##0.0,, shows millions; 332,812,000 was read as 332.812",
        "remark: the format #,##0, shows thousands; -17,250.5 was read as -17.2505",
    }


def test_number_in_an_uncertain_unit_is_not_read_and_a_note_says_why() -> None:
    code = '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0'
    result, found = converted({"market_cap": number("332800000", ' s="1"')}, styles=styles_of(code))
    assert found["market_cap"] == "#332800000"
    assert [note.message for note in result.notes] == [
        f"market_cap: the format {code} does not show the unit of a number; 332,800,000 was not read"
    ]


@pytest.mark.parametrize("value", ["12,5", "nan", "1e999", "1_000"])
def test_value_that_is_no_number_gets_no_note(value: str) -> None:
    result, found = converted({"market_cap": number(value, ' s="1"')}, styles=styles_of("0,"))
    assert found["market_cap"].strip("#") == value
    assert not result.notes


def test_many_formats_give_a_few_notes() -> None:
    codes = [f'0.0,,"{n}"' for n in range(40)]
    header = row(*map(inline, HEADER))
    rows = [row("<c/>" * HEADER.index("market_cap"), number("1e6", f' s="{n}"')) for n in range(1, 41)]
    file = io.BytesIO(workbook(worksheet(header, *rows), styles=styles_of(*codes)))
    assert len(convert(file, io.BytesIO(), job_type=JobType.ANNUAL).notes) == 10


def test_zeros_and_years_are_written_as_displayed_without_a_note() -> None:
    cells = {
        "company_symbol": number("5", ' s="1"'),
        "reporting_year": number("43465", ' s="2"'),
        "long_term_debt_to_total_capital": number("0.161", ' s="3"'),
        "net_income_margin": number("16.1", ' s="4"'),
    }
    result, found = converted(cells, styles=styles_of("0000", "yyyy", "0.0%", "[<-1000]0.0%;0.0"))
    assert [found[name] for name in cells] == ["0005", "2018", "16.1%", "16.1"]
    assert not result.notes


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<c><f>B2/C2</f></c>", "#FORMULA! =B2/C2"),
        ("<c><f>B2/C2</f><v></v></c>", "#FORMULA! =B2/C2"),
        ("<c><f>B2/C2</f><v/></c>", "#FORMULA! =B2/C2"),
        ('<c t="str"><f>B2&amp;"a"</f></c>', '#FORMULA! =B2&"a"'),
        ('<c><f t="shared" si="0"/></c>', "#FORMULA! ="),
        (f"<c><f>{'A1+' * 300}A1</f></c>", f"#FORMULA! ={'A1+' * 66}A1..."),
        ('<c t="str"><f>IF(A1="","",A1)</f><v></v></c>', ""),
        ("<c><f>B2/C2</f><v>0</v></c>", "0"),
        ("<c><f>B2/C2</f><v>1.5</v></c>", "1.5"),
        ('<c t="e"><f>B2/C2</f><v>#DIV/0!</v></c>', "#DIV/0!"),
    ],
)
@pytest.mark.parametrize("name", ["market_cap", "company_name"])
def test_formula_saved_without_a_value_is_shown_as_such(name: str, cell: str, text: str) -> None:
    assert converted({"company_symbol": inline("A"), name: cell})[1][name] == text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<c><f>B2/C2</f><v>0</v></c>", "#FORMULA! =B2/C2"),
        ('<c t="str"><f>B2&amp;C2</f><v></v></c>', "#FORMULA! =B2&C2"),
        ("<c><f>B2/C2</f><v>1.5</v></c>", "1.5"),
        ("<c><v>0</v></c>", "0"),
    ],
)
def test_zero_of_a_workbook_that_is_to_be_recalculated_is_no_result(cell: str, text: str) -> None:
    # XlsxWriter saves 0 with each formula, and the order to calculate all when the workbook is opened.
    properties = '<calcPr calcId="124519" fullCalcOnLoad="1"/>'
    assert converted({"market_cap": cell}, properties=properties)[1]["market_cap"] == text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c t="inlineStr"><v>332</v><is><t>332</t></is></c>', "332"),
        ('<c t="inlineStr"><is><t>332</t></is><v>17</v></c>', "332"),
        ('<c t="inlineStr"><v>332</v></c>', "332"),
        ("<c><is><t>17</t></is><v>332</v></c>", "332"),
        ("<c><v>332</v><is><t>17</t></is></c>", "332"),
        ("<c><is><t>17</t></is></c>", "17"),
    ],
)
def test_value_and_inline_text_of_a_cell_are_never_joined(cell: str, text: str) -> None:
    assert converted({"market_cap": cell})[1]["market_cap"] == text
