"""Reading workbooks: values, damaged files and limits."""

import datetime
import io
import math
import struct
import zipfile
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.workbook.errors import UnreadableWorkbookError, WorkbookError, WorkbookTooLargeError
from shared.workbook.limits import Limits
from shared.workbook.reader import open_workbook
from tests.unit.workbook.workbook_builders import (
    MAIN,
    inline,
    number,
    only_row,
    packed,
    row,
    rows_of,
    workbook,
    workbook_parts,
    worksheet,
)

STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="0.0&quot;d&quot;"/><numFmt numFmtId="166" formatCode="[h]:mm"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
    '<xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="10"/><xf numFmtId="166"/></cellXfs></styleSheet>'
)


@pytest.mark.samples
def test_sample_workbook_has_the_values_that_openpyxl_reads(samples: Path) -> None:
    file = (samples / "quarterly_ratios_500.xlsx").read_bytes()
    theirs = list(openpyxl.load_workbook(io.BytesIO(file)).worksheets[0].iter_rows(values_only=True))
    ours = rows_of(file)
    assert len(ours) == 501
    for texts, values in zip(ours, theirs, strict=True):
        assert [
            value if isinstance(value, str) else float(text)
            for text, value in zip_longest(texts, values, fillvalue=b"")
            if value is not None
        ] == [value for value in values if value is not None]


@pytest.mark.hazard("Entity bombs, external links, macros, dates, formulas, error cells, a merged header")
@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (number("5"), "5"),
        (number("5.0"), "5"),
        (number("-0.250"), "-0.25"),
        (number("1E-3"), "0.001"),
        (number("1.0000000000000001E-5"), "0.00001"),
        (number("1e22"), "10000000000000000000000"),
        (number("12.300000000000001"), "12.3"),
        (number("0.1000000000000000055"), "0.1"),
        (number("1", ' t="b"'), "TRUE"),
        (number("0", ' t="b"'), "FALSE"),
        (number("#DIV/0!", ' t="e"'), "#DIV/0!"),
        (number("2024-01-31", ' t="d"'), "2024-01-31"),
        (number("a,b", ' t="str"'), "a,b"),
        ("<c><f>1+1</f><v>2</v></c>", "2"),
        ("<c><f>cmd|' /C calc'!A0</f></c>" + number("1"), "#FORMULA! =cmd|' /C calc'!A0,1"),
        ('<c t="str"><f t="shared" ref="A1" si="0"/><v>x</v></c>', "x"),
        (inline('say "hi"\nthere'), 'say "hi"\nthere'),
        (inline("=cmd()"), "=cmd()"),
        ('<c t="inlineStr"><is><t>&#233;&#x20AC;&lt;&amp;</t></is></c>', "é€<&"),
        ('<c t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r><rPh><t>no</t></rPh></is></c>', "ab"),
        ('<c t="inlineStr"><is><t>a_x0041_b</t></is></c>', "aAb"),
        ("<c/>" + number("2") + "<c><v/></c>", ",2"),
        (number("3", ' r="C2"') + number("4"), ",,3,4"),
        (number("3", ' r="C2"') + number("1", ' r="A2"'), "1,,3"),
        (number("45322", ' s="1"'), "2024-01-31"),
        (number("45322.5", ' s="2"'), "2024-01-31T12:00:00"),
        (number("0.25", ' s="2"'), "06:00:00"),
        (number("59", ' s="1"') + number("61", ' s="1"'), "1900-02-28,1900-03-01"),
        (number("-1", ' s="1"') + number("3000000", ' s="1"'), "-1,3000000"),
        (number("45322", ' s="3"'), "45322"),
        (number("1.5", ' s="5"'), "1.5"),
        (number("0.123", ' s="4"'), "12.3%"),
        (number("1E999"), "#1E999"),
        (number("12,5") + number("1_000") + number("abc") + number("#N/A", ' t="e"'), "#12,5,1_000,abc,#N/A"),
    ],
)  # fmt: skip
def test_cell_has_the_text_that_a_spreadsheet_shows(cells: str, text: str) -> None:
    assert ",".join(only_row(cells, styles=STYLES)) == text
    # The XML parser, which takes over at any comment, returns the same.
    file = workbook(worksheet("<!-- -->", row(cells)), styles=STYLES)
    assert b",".join(*rows_of(file)).decode() == text


@pytest.mark.parametrize("start", ["", "<!-- -->"])
def test_blank_rows_that_the_part_leaves_out_are_returned(start: str) -> None:
    rows = ['<row r="3"><c><v>1</v></c></row>', '<row r="2"/>', '<row r="6" ht="15"/>', '<row r="1048576"/>']
    found = rows_of(workbook(worksheet(start, *rows)))
    assert found == [[], [], [b"1"], [], [], [], *[[]] * 31]


@pytest.mark.parametrize("start", ["", "<!-- -->"])
@pytest.mark.parametrize(
    ("cells", "reference"),
    [
        (number("332.8", ' r="C2"') + number("1.5", ' r="C2"'), "C2"),
        (number("332.8", ' r="C2"') + '<c r="C2"/>', "C2"),
        (number("1", ' r="C2"') + number("2", ' r="A2"') + number("3") + number("4"), "C"),
    ],
)
def test_cell_that_a_row_has_twice_is_an_error_that_names_it(start: str, cells: str, reference: str) -> None:
    with pytest.raises(UnreadableWorkbookError, match=f"has the cell {reference} more than once"):
        only_row(start + cells)


@pytest.mark.parametrize("content", ["<v>1</v><v>2</v>", "<is><t>1</t></is><is><t>2</t></is>", "<v>1</v><f>A1</f><v/>"])
def test_cell_with_two_values_is_an_error_that_names_it(content: str) -> None:
    with pytest.raises(UnreadableWorkbookError, match="The cell B7 of the sheet has more than one value"):
        only_row(f'<c r="B7">{content}</c>')


@pytest.mark.parametrize("start", ["", "<!-- -->"])
def test_cell_without_a_style_has_the_first_one(start: str) -> None:
    styles = f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="9"/><xf numFmtId="0"/></cellXfs></styleSheet>'
    cells = number("0.5", ' r="A1"') + number("0.5", ' r="B1" s="0"') + number("0.50", ' r="C1" s="1"')
    rows = rows_of(workbook(worksheet(start, *[row(cells)] * 3), styles=styles))
    assert rows == [[b"50%", b"50%", b"0.5"]] * 3


def test_dates_may_count_from_1904() -> None:
    properties = '<workbookPr date1904="1"/>'
    assert only_row(number("43860", ' s="1"'), styles=STYLES, properties=properties) == ["2024-01-31"]


def test_shared_strings_have_no_phonetic_hints() -> None:
    strings = (
        f'<sst xmlns="{MAIN}"><si><t xml:space="preserve"> a "b"</t></si>'
        "<si><r><t>x</t></r><r><t>,y</t></r><rPh><t>no</t></rPh></si></sst>"
    )
    cells = number("1", ' t="s"') + number("0", ' t="s"')
    assert only_row(cells, shared_strings=strings) == ["x,y", ' a "b"']


@pytest.mark.parametrize("index", ["2", "-1", "x", "99999999999999999999"])
def test_missing_shared_string_is_reported_as_damage(index: str) -> None:
    with pytest.raises(UnreadableWorkbookError, match="damaged"):
        only_row(number(index, ' t="s"'), shared_strings=f'<sst xmlns="{MAIN}"><si><t>a</t></si></sst>')


@pytest.mark.hazard("A workbook with a false dimension")
def test_wrong_dimension_loses_no_rows() -> None:
    sheet = worksheet(*[row(number("1"))] * 9, before='<dimension ref="A1:B2"/>')
    assert len(rows_of(workbook(sheet))) == 9


FIRST_DAY = datetime.datetime(1900, 3, 1)  # noqa: DTZ001 - openpyxl's dates have no zone
plain_texts = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=9).filter(
    lambda text: not text.startswith("=") and "_x" not in text
)
cells = st.one_of(
    st.none(),
    plain_texts,
    st.sampled_from(['Zoë, "Inc"\nLtd', " a ", "&amp;", "<v>"]),
    st.booleans(),
    st.integers(-(10**15), 10**15),
    # openpyxl writes no more digits; the largest floats round to infinity.
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: float(f"{number:.15g}")).filter(math.isfinite),
    st.dates(FIRST_DAY.date()),
    st.datetimes(FIRST_DAY).map(lambda moment: moment.replace(microsecond=0)),
)


def as_text(value: object) -> str:
    """Returns the text that a cell with this value must have."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime.datetime):
        return value.isoformat() if value.time() != datetime.time() else value.date().isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    return f"{Decimal(repr(value)):f}".removesuffix(".0") if isinstance(value, float) else str(value)


@given(st.lists(st.lists(cells, min_size=1, max_size=5), min_size=1, max_size=5))
@example([['Zoë, "Inc"\nLtd', 1.5, 7, True, None, datetime.date(2024, 2, 29), -3e-7]])
def test_values_written_by_openpyxl_are_read_back(values: list[list[object]]) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row_values in values:
        sheet.append(row_values)
    file = io.BytesIO()
    book.save(file)
    found = [[text.decode() for text in found] for found in rows_of(file.getvalue())]
    wanted = [[as_text(value) for value in row_values] for row_values in values]
    assert [trimmed(texts) for texts in found] == [trimmed(texts) for texts in wanted]


def trimmed(texts: list[str]) -> list[str]:
    return texts[: max((place for place, text in enumerate(texts, start=1) if text), default=0)]


@pytest.mark.hazard("A workbook with a cell at XFD1048576")
def test_empty_cell_far_to_the_right_is_ignored() -> None:
    assert only_row(number("1") + '<c r="XFD2" s="1"/>') == ["1"]


@pytest.mark.hazard("Entity bombs, external links, macros, dates, formulas, error cells, a merged header")
def test_entity_bomb_in_any_part_is_refused() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
    parts = workbook_parts({"Data": worksheet(row(number("1")))}, styles=STYLES, shared_strings="<sst/>")
    for name in list(parts):
        if name != "[Content_Types].xml":
            with pytest.raises(UnreadableWorkbookError):
                rows_of(packed({**parts, name: bomb + str(parts[name])}))


@pytest.mark.hazard("Entity bombs, external links, macros, dates, formulas, error cells, a merged header")
def test_external_relationships_are_not_followed() -> None:
    parts = workbook_parts({"Data": worksheet(row(number("1")))})
    links = str(parts["xl/_rels/workbook.xml.rels"])
    external = links.replace('Target="worksheets/sheet1.xml"', 'TargetMode="External" Target="http://a/b"')
    with pytest.raises(UnreadableWorkbookError, match="no worksheet"):
        rows_of(packed({**parts, "xl/_rels/workbook.xml.rels": external}))


@pytest.mark.hazard("Entity bombs, external links, macros, dates, formulas, error cells, a merged header")
@pytest.mark.parametrize(
    ("part", "sentence"),
    [("xl/vbaProject.bin", "has macros"), ("xl/workbook.bin", "binary Excel workbook")],
)
def test_other_kinds_of_workbook_are_refused_by_name(part: str, sentence: str) -> None:
    parts = workbook_parts({"Data": worksheet(row(number("1")))})
    with pytest.raises(UnreadableWorkbookError, match=sentence):
        rows_of(packed({**parts, part: b"\0"}))


def test_zip_without_a_workbook_is_refused() -> None:
    with pytest.raises(UnreadableWorkbookError, match="holds no Excel workbook"):
        rows_of(packed({"word/document.xml": "<a/>"}))


def test_workbook_with_a_password_is_refused() -> None:
    file = bytearray(workbook(worksheet(row(number("1")))))
    at = 0
    while (at := file.find(b"PK\x01\x02", at)) >= 0:
        file[at + 8] |= 1
        at += 4
    with pytest.raises(UnreadableWorkbookError, match="password"):
        rows_of(bytes(file))


def test_workbook_cut_short_anywhere_is_unreadable() -> None:
    file = workbook(worksheet(*[row(number(str(n))) for n in range(200)]))
    for length in range(0, len(file), 7):
        with pytest.raises(UnreadableWorkbookError):
            rows_of(file[:length])


@pytest.mark.hazard("A file of arbitrary bytes")
@settings(max_examples=200)
@given(st.data())
def test_workbook_with_changed_bytes_is_read_or_raises_a_workbook_error(data: st.DataObject) -> None:
    file = bytearray(workbook(worksheet(*[row(number(str(n))) for n in range(9)]), styles=STYLES))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    try:
        rows_of(bytes(file))
    except WorkbookError as error:
        assert str(error)  # noqa: PT017


@pytest.mark.hazard("A workbook that unpacks to much, has many entries or states false sizes")
def test_sizes_are_counted_and_declared_sizes_are_not_trusted() -> None:
    sheet = worksheet(*[row(number("1"))] * 20_000)
    file = workbook(sheet)
    for limits in (
        Limits(unpacked_bytes=100_000),
        Limits(ratio=10, ratio_from_bytes=100_000),
    ):
        with pytest.raises(WorkbookTooLargeError, match="unpacks to more than"):
            rows_of(file, limits=limits)
    # The sizes of all parts add up; a part that is read again does not count again.
    several = open_workbook(
        io.BytesIO(packed(workbook_parts({"a": sheet, "b": sheet}))), Limits(unpacked_bytes=900_000)
    )
    for _ in range(3):
        assert len(list(several.rows(several.sheets[0]))) == 20_000
    with pytest.raises(WorkbookTooLargeError, match="unpacks to more than"):
        list(several.rows(several.sheets[1]))
    # The directory declares a small sheet: reading ends early, and the checksum does not match.
    misstated = bytearray(file)
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        entry = archive.getinfo("xl/worksheets/sheet1.xml")
    at = misstated.find(struct.pack("<L", entry.file_size), archive.start_dir)
    misstated[at : at + 4] = struct.pack("<L", 2_000)
    with pytest.raises(UnreadableWorkbookError, match="damaged"):
        rows_of(bytes(misstated))


@pytest.mark.hazard("A workbook that unpacks to much, has many entries or states false sizes")
def test_too_many_entries_are_refused_before_they_are_listed() -> None:
    parts = {f"xl/{n}": "" for n in range(30)}
    with pytest.raises(WorkbookTooLargeError, match="too many parts"):
        rows_of(packed(parts), limits=Limits(entries=20))
    with pytest.raises(WorkbookTooLargeError, match="too many parts"):
        rows_of(packed(parts), limits=Limits(directory_bytes=1_000))


@pytest.mark.parametrize("start", ["", "<!-- -->"])
def test_too_many_rows_or_too_long_ones_are_refused(start: str) -> None:
    with pytest.raises(WorkbookTooLargeError, match="more than 3 rows"):
        rows_of(workbook(worksheet(start, *[row(number("1"))] * 4)), limits=Limits(rows=3))
    with pytest.raises(WorkbookTooLargeError, match="more than 3 rows"):
        rows_of(workbook(worksheet(start, '<row r="4"/>')), limits=Limits(rows=3))
    with pytest.raises(WorkbookTooLargeError, match="row of many megabytes"):
        rows_of(workbook(worksheet(start, row(inline("x" * 600_000)))), limits=Limits(row_bytes=20_000))


@pytest.mark.hazard("A workbook that unpacks to much, has many entries or states false sizes")
def test_too_much_shared_text_is_refused() -> None:
    strings = f'<sst xmlns="{MAIN}">' + "<si><t>abc</t></si>" * 100 + "</sst>"
    file = workbook(worksheet(row(number("1"))), shared_strings=strings)
    with pytest.raises(WorkbookTooLargeError, match="too much text"):
        rows_of(file, limits=Limits(shared_strings_bytes=1_000))


def test_long_text_is_not_refused_as_a_long_tag() -> None:
    text = "x" * 3_000_000
    assert rows_of(workbook(worksheet("<!-- -->", row(inline(text))))) == [[text.encode()]]
