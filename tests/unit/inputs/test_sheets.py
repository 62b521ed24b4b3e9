"""Which sheet of a workbook is scored, and the notes on the others."""

import io
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.inputs.columns import required_columns
from shared.inputs.errors import EmptyFileError, FileError, MissingColumnsError, TooLargeError
from shared.inputs.workbooks import LIMITS, Converted, check_workbook, convert
from shared.vocabulary import JobType
from shared.workbook.limits import Limits
from tests.unit.workbook.workbook_builders import (
    MAIN,
    RELATIONSHIPS,
    counted_unpacking,
    inline,
    number,
    packed,
    row,
    workbook,
    workbook_of_one_part,
    workbook_parts,
    worksheet,
)

HEADER = [column.name for column in required_columns(JobType.ANNUAL, "ratios")]
HEADER_ROW = row(*map(inline, HEADER))


def data(text: str) -> str:
    """Returns a sheet of one data row with this symbol."""
    return worksheet(HEADER_ROW, row(inline(text)))


def converted(
    sheets: Mapping[str, str],
    *,
    sheet: str | None = None,
    limits: Limits = LIMITS,
    **states: str,
) -> tuple[Converted, list[str]]:
    """Converts a workbook, and returns the first cell of each data row too."""
    file = packed(workbook_parts(sheets, states=states))
    out = io.BytesIO()
    result = convert(io.BytesIO(file), out, job_type=JobType.ANNUAL, sheet=sheet, limits=limits)
    check_workbook(io.BytesIO(file), job_type=JobType.ANNUAL, sheet=sheet, limits=limits)
    return result, [line.partition(",")[0] for line in out.getvalue().decode().splitlines()[1:]]


def refused(
    sheets: Mapping[str, str], *, sheet: str | None = None, limits: Limits = LIMITS, **states: str
) -> FileError:
    """Returns the error of a workbook that cannot be converted."""
    file = packed(workbook_parts(sheets, states=states))
    with pytest.raises(FileError) as caught:
        convert(io.BytesIO(file), io.BytesIO(), job_type=JobType.ANNUAL, sheet=sheet, limits=limits)
    with pytest.raises(type(caught.value)) as checked:
        check_workbook(io.BytesIO(file), job_type=JobType.ANNUAL, sheet=sheet, limits=limits)
    assert str(checked.value) == str(caught.value)
    return caught.value


@pytest.mark.hazard("A workbook with a hidden sheet, or with one part for many sheets")
@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_hidden_sheet_is_not_read(state: str) -> None:
    result, symbols = converted({"Old": data("OLD"), "Data": data("NEW")}, Old=state)
    assert (result.sheet, symbols) == ("Data", ["NEW"])
    (note,) = result.notes
    assert (note.code, note.message.partition(". Name")[0]) == (
        "sheets_skipped",
        'The sheet "Data" was read. Not read, though it has the same columns: "Old (hidden)"',
    )


def test_other_sheets_with_the_same_columns_are_named() -> None:
    about = worksheet(row(inline("about")))
    result, symbols = converted(
        {"About": about, "2017": data("A"), "2018": data("B"), "Broken": "<worksheet", "2019": data("C")}
    )
    assert (result.sheet, symbols) == ("2017", ["A"])
    assert [note.code for note in result.notes] == ["sheets_skipped"]
    assert 'was read. Not read, though it has the same columns: "2018", "2019".' in result.notes[0].message


def test_only_some_of_many_sheets_are_named() -> None:
    result, _ = converted({f"sheet {n}\n{'x' * 100}": data("A") for n in range(9)})
    assert '"sheet 5 xx' in result.notes[0].message
    assert result.notes[0].message.count("...") == 6
    assert " and 3 more. Name another" in result.notes[0].message


def test_sheet_with_a_header_alone_is_passed_over() -> None:
    result, symbols = converted({"Template": worksheet(HEADER_ROW, row(inline(" "))), "Data": data("A")})
    assert (result.sheet, symbols) == ("Data", ["A"])
    assert '"Template"' in result.notes[0].message


def test_workbook_with_one_sheet_has_no_note() -> None:
    assert converted({"Data": data("A"), "About": worksheet()})[0].notes == ()


@pytest.mark.parametrize("name", ["2018", "last year", "LAST YEAR "])
def test_named_sheet_is_read(name: str) -> None:
    result, symbols = converted({"2017": data("A"), "2018": data("B"), "Last Year": data("B")}, sheet=name)
    assert (symbols, result.notes) == (["B"], ())


def test_exact_name_comes_before_its_other_spellings() -> None:
    assert converted({"DATA": data("A"), "Data": data("B")}, sheet="Data")[1] == ["B"]


@pytest.mark.parametrize("name", ["Secret", "Old", ""])
def test_unknown_or_hidden_sheet_is_refused_with_the_names_of_the_visible_ones(name: str) -> None:
    error = refused({"Old": data("A"), "2017": data("B"), "2018": data("C")}, sheet=name, Old="hidden")
    assert isinstance(error, EmptyFileError)
    assert str(error) == 'The workbook has no visible sheet of that name. Its visible sheets: "2017", "2018".'


def test_named_sheet_is_refused_for_its_own_fault() -> None:
    sheets = {
        "Data": data("A"),
        "Empty": worksheet(),
        "Template": worksheet(HEADER_ROW),
        "Other": worksheet(row(inline("a"))),
    }
    assert str(refused(sheets, sheet="Empty")) == "The file is empty"
    assert str(refused(sheets, sheet="Template")) == "The file has no data rows"
    assert isinstance(refused(sheets, sheet="Other"), MissingColumnsError)


def test_workbook_whose_sheets_are_all_hidden_is_refused() -> None:
    assert "All sheets of the workbook are hidden" in str(refused({"Data": data("A")}, Data="hidden"))


def test_at_most_fifty_sheets_are_looked_at() -> None:
    sheets = {f"s{n}": worksheet() for n in range(50)} | {"Data": data("A")}
    error = refused(sheets)
    assert isinstance(error, TooLargeError)
    assert "None of the first 50 sheets" in str(error)
    assert converted(sheets, sheet="Data")[1] == ["A"]
    assert converted({"Data": data("A")} | sheets)[1] == ["A"]


@pytest.mark.hazard("A workbook that unpacks to much, has many entries or states false sizes")
@pytest.mark.parametrize("blank", ["<row/>", '<row><c r="A1"/></row>', "<row><!-- --></row>"])
def test_megabytes_of_blank_rows_before_the_data_are_refused(blank: str) -> None:
    blanks = [blank] * (600_000 // len(blank))
    limits = Limits(columns=200, searched_bytes=300_000)
    for sheet in (worksheet(*blanks, HEADER_ROW), worksheet(HEADER_ROW, *blanks, row(inline("A")))):
        error = refused({"Data": sheet}, limits=limits)
        assert isinstance(error, TooLargeError)
        assert "many megabytes before its first row of data" in str(error)
    # What follows is not bounded, and the other sheets are no reason to refuse the file.
    sheets = {"Data": worksheet(HEADER_ROW, row(inline("A")), *blanks, row(inline("B"))), "Big": worksheet(*blanks)}
    assert converted(sheets, limits=limits)[1] == ["A", "B"]


@pytest.mark.hazard("A workbook that unpacks to much, has many entries or states false sizes")
@pytest.mark.hazard("A workbook with a hidden sheet, or with one part for many sheets")
def test_part_that_many_sheets_name_is_read_once() -> None:
    blank = worksheet(*["<row/>"] * 20_000)
    limits = Limits(columns=200, searched_bytes=2 * len(blank))
    with pytest.raises(EmptyFileError, match="The file is empty"):
        check_workbook(io.BytesIO(workbook_of_one_part(blank, names=300)), job_type=JobType.ANNUAL, limits=limits)
    with pytest.raises(TooLargeError, match="many megabytes"):
        check_workbook(io.BytesIO(workbook_of_one_part(blank * 3, names=300)), job_type=JobType.ANNUAL, limits=limits)


@pytest.mark.hazard("A workbook that unpacks to much, has many entries or states false sizes")
@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=12),
    st.sampled_from(["<row/>", "<row><!-- --></row>"]),
)
def test_search_for_the_data_unpacks_no_more_than_its_limit(sheets: list[tuple[int, bool]], blanks: str) -> None:
    parts = workbook_parts({str(n): worksheet(*[blanks] * (9_000 * n)) for n in range(4)})
    listed = "".join(
        f'<sheet name="{n}" sheetId="{n}" r:id="r{part + 1}" state="{"hidden" if is_hidden else "visible"}"/>'
        for n, (part, is_hidden) in enumerate(sheets)
    )
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONSHIPS}"><sheets>{listed}</sheets></workbook>'
    )
    file = packed(parts)
    with counted_unpacking() as sizes, pytest.raises(FileError):
        check_workbook(io.BytesIO(file), job_type=JobType.ANNUAL, limits=Limits(columns=200, searched_bytes=400_000))
    assert sum(sizes) < 400_000 + (256 << 10) + 10_000


def test_prose_below_the_table_is_left_out_with_a_note() -> None:
    notes = [row(inline("NM = not meaningful.")), row("<c/>", inline("Source: a vendor\nof data"))]
    sheet = worksheet(HEADER_ROW, row(inline("A")), row(inline("B C")), row(), *notes, row())
    result, symbols = converted({"Data": sheet})
    assert (result.row_count, symbols) == (2, ["A", "B C"])
    assert [(note.code, note.message) for note in result.notes] == [
        (
            "footnotes_skipped",
            'Left out below the table, as footnotes: "NM = not meaningful.", "Source: a vendor of data"',
        )
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [row(inline("two words"))],
        [row(), row(inline("two words"))],
        [row(inline("A")), row(), row(inline("ZZZ"))],
        [row(inline("A")), row(), row(number("5"))],
        [row(inline("A")), row(), row(inline("two words"), inline("more"))],
        [row(inline("A")), row(), row(inline("two words")), row(inline("B"), number("1"))],
        [row(inline("A")), row(), *[row(inline("two words"))] * 21],
    ],
)
def test_other_rows_below_a_blank_one_are_data(rows: list[str]) -> None:
    result, symbols = converted({"Data": worksheet(HEADER_ROW, *rows)})
    assert result.row_count == len(symbols) == sum(one != row() for one in rows)
    assert not result.notes


@pytest.mark.parametrize(
    "rows",
    [
        [row(inline("Screening Results")), row(), row(), HEADER_ROW, row(inline("A"))],
        # As Excel writes it, without the blank rows.
        [
            f'<row r="1">{inline("Screening Results")}</row>',
            HEADER_ROW.replace("<row>", '<row r="4">'),
            row(inline("A")),
        ],
    ],
)
def test_title_above_the_header_is_named(rows: list[str]) -> None:
    error = refused({"Data": worksheet(*rows)})
    assert isinstance(error, MissingColumnsError)
    assert "Row 4 looks like the header: remove the rows above it." in str(error)


def test_title_above_the_header_is_named_though_another_sheet_lacks_fewer_columns() -> None:
    cover = worksheet(row(*map(inline, HEADER[:-1])), row(inline("A")))
    titled = worksheet(row(inline("Screening Results")), HEADER_ROW, row(inline("A")))
    for sheets in ({"Cover": cover, "Data": titled}, {"Data": titled, "Cover": cover}):
        assert "Row 2 looks like the header" in str(refused(sheets))


def test_sheet_of_figures_does_not_hide_which_column_another_sheet_lacks() -> None:
    figures = worksheet(row(*map(number, "12345")), row(*map(number, "12345")))
    nearly = worksheet(row(*map(inline, HEADER[:-1])), row(inline("A")))
    assert str(refused({"Pivot": figures, "Data": nearly})).startswith(f"Missing required columns: {HEADER[-1]}. ")


def test_sheet_that_is_damaged_behind_its_first_row_does_not_hide_the_data() -> None:
    notes = worksheet(row(inline("Notes")), row(inline("more"))).replace("</sheetData>", "<")
    assert converted({"Notes": notes, "Data": data("A")})[1] == ["A"]


def test_blank_row_that_the_part_leaves_out_separates_footnotes_too() -> None:
    rows = [f'<row r="2">{inline("A")}</row>', f'<row r="4">{inline("Source: a vendor")}</row>']
    result, symbols = converted({"Data": worksheet(HEADER_ROW.replace("<row>", '<row r="1">'), *rows)})
    assert symbols == ["A"]
    assert [note.code for note in result.notes] == ["footnotes_skipped"]


def test_one_sheet_workbook_is_checked_like_any_other() -> None:
    check_workbook(io.BytesIO(workbook(data("A"))), job_type=JobType.ANNUAL)
