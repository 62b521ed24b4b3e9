import datetime
import io
import struct
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.files.errors import (
    DuplicateColumnsError,
    EmptyFileError,
    FileError,
    MissingColumnsError,
    TooLargeError,
    UnsupportedFormatError,
)
from shared.files.formats import sniff_format
from shared.files.records import split_records
from shared.files.xlsx import check_workbook, convert
from shared.files.xlsx_package import XlsxLimits
from shared.vocabulary import JobType
from tests.unit.files.workbooks import (
    HEADER,
    HEADER_ROW,
    MAIN,
    converted,
    first_row,
    inline,
    number,
    packed,
    row,
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
def test_the_sample_workbook_has_the_rows_it_says(samples: Path) -> None:
    with (samples / "quarterly_ratios_500.xlsx").open("rb") as file:
        out = io.BytesIO()
        result = convert(file, out, job_type=JobType.QUARTERLY)
        theirs = list(openpyxl.load_workbook(file, read_only=True).worksheets[0].iter_rows(values_only=True))
    assert result.row_count == 500
    records = split_records(out.getvalue(), ",")
    for index, values in enumerate(theirs):
        fields = [field.decode() for field in records.fields(index)]
        assert [
            v if isinstance(v, str) else float(f) for f, v in zip(fields, values, strict=True) if v is not None
        ] == [v for v in values if v is not None]


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
        (number("a,b", ' t="str"'), '"a,b"'),
        ("<c><f>1+1</f><v>2</v></c>", "2"),
        ("<c><f>cmd|' /C calc'!A0</f></c>" + number("1"), ",1"),
        ('<c t="str"><f t="shared" ref="A1" si="0"/><v>x</v></c>', "x"),
        (inline('say "hi"\nthere'), '"say ""hi""'),
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
        (number("1E999"), "1E999"),
    ],
)  # fmt: skip
def test_a_cell_says_what_people_read(cells: str, text: str) -> None:
    file = workbook(worksheet(HEADER_ROW, row(cells)), styles=STYLES)
    assert converted(file)[1].rstrip(",") == text
    # The same by the XML parser, which takes over at any comment.
    file = workbook(worksheet("<!-- -->", HEADER_ROW, row(cells)), styles=STYLES)
    assert converted(file)[1].rstrip(",") == text


def test_dates_may_count_from_1904() -> None:
    properties = '<workbookPr date1904="1"/>'
    assert first_row(number("43860", ' s="1"'), styles=STYLES, properties=properties) == "2024-01-31"


def test_shared_strings_leave_out_how_they_are_pronounced() -> None:
    strings = (
        f'<sst xmlns="{MAIN}"><si><t xml:space="preserve"> a "b"</t></si>'
        "<si><r><t>x</t></r><r><t>,y</t></r><rPh><t>no</t></rPh></si></sst>"
    )
    cells = number("1", ' t="s"') + number("0", ' t="s"')
    assert first_row(cells, shared_strings=strings) == '"x,y"," a ""b"""'


@pytest.mark.parametrize("index", ["2", "-1", "x", "99999999999999999999"])
def test_a_shared_string_that_is_not_there_is_damage(index: str) -> None:
    with pytest.raises(UnsupportedFormatError, match="damaged"):
        first_row(number(index, ' t="s"'), shared_strings=f'<sst xmlns="{MAIN}"><si><t>a</t></si></sst>')


def test_blank_rows_are_left_out_short_ones_padded_and_long_ones_kept() -> None:
    cells = [number(str(n)) for n in range(len(HEADER) + 1)]
    blanks = ["<row/>", row(inline("  ")), "<row></row>", row("<c/>", inline(" "))]
    sheet = worksheet(*blanks, HEADER_ROW, *blanks, row(number("1")), *blanks, row(*cells), *blanks)
    lines = converted(workbook(sheet))
    assert lines == [",".join(HEADER), "1" + "," * (len(HEADER) - 1), ",".join(map(str, range(len(HEADER) + 1)))]


def test_a_false_dimension_loses_no_rows() -> None:
    sheet = worksheet(HEADER_ROW, *[row(number("1"))] * 9, before='<dimension ref="A1:B2"/>')
    assert len(converted(workbook(sheet))) == 10


def test_values_agree_with_openpyxl_on_a_workbook_it_wrote() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.append(["Zoë, \"Inc\"\nLtd", 1.5, 7, True, None, datetime.date(2024, 2, 29), "=1+1", -3e-7])  # fmt: skip
    file = io.BytesIO()
    book.save(file)
    records = split_records("\n".join([*converted(file.getvalue()), ""]).encode(), ",")
    fields = [field.decode() for field in records.fields(1)]
    assert fields[:8] == ['Zoë, "Inc"\nLtd', "1.5", "7", "TRUE", "", "2024-02-29", "", "-0.0000003"]


def test_the_first_sheet_with_the_right_header_is_read() -> None:
    good = worksheet(HEADER_ROW, row(number("1")))
    parts = workbook_parts(
        {"Notes": worksheet(row(inline("about"))), "Blank": worksheet(), "Data": good, "Later": good}
    )
    out = io.BytesIO()
    assert convert(io.BytesIO(packed(parts)), out, job_type=JobType.ANNUAL).sheet == "Data"


def test_a_workbook_without_the_right_header_names_what_the_nearest_sheet_lacks() -> None:
    near = worksheet(row(*map(inline, HEADER[1:])))
    parts = workbook_parts({"Notes": worksheet(row(inline("about"))), "Near": near})
    with pytest.raises(MissingColumnsError) as caught:
        converted(packed(parts))
    assert caught.value.columns == (HEADER[0],)


def test_a_merged_header_is_named_by_place() -> None:
    lines = converted(workbook(worksheet(row(*map(inline, HEADER), "<c/>", inline("Extra")), row(number("1")))))
    assert lines[0].endswith(",,Extra")


@pytest.mark.parametrize(
    ("sheet", "error", "sentence"),
    [
        (worksheet(), EmptyFileError, "The file is empty"),
        (worksheet(HEADER_ROW), EmptyFileError, "The file has no data rows"),
        (worksheet(HEADER_ROW, row("<c/>")), EmptyFileError, "The file has no data rows"),
        (worksheet(row(*map(inline, [*HEADER, HEADER[0]]))), DuplicateColumnsError, "company_symbol"),
        (worksheet(HEADER_ROW, row(number("1", ' r="XFD1048576"'))), TooLargeError, "column XFD; at most 200"),
        (worksheet(HEADER_ROW, row(number("1", ' r="GS2"'))), TooLargeError, "column GS;"),
        (worksheet(HEADER_ROW, row("<!-- -->", number("1", ' r="XFD1"'))), TooLargeError, "column XFD;"),
        (worksheet(HEADER_ROW, "<a>" * 300 + "</a>" * 300), UnsupportedFormatError, "damaged"),
        (worksheet(HEADER_ROW, f"<a b='{'x' * 3_000_000}'/>"), TooLargeError, "XML tag of a megabyte"),
        (worksheet(HEADER_ROW, "<row><c></row>"), UnsupportedFormatError, "damaged"),
        (worksheet(HEADER_ROW)[:-40], UnsupportedFormatError, "damaged"),
        (worksheet(HEADER_ROW, row(inline("x").replace("x", "&bomb;"))), UnsupportedFormatError, "damaged"),
        (worksheet(HEADER_ROW, prolog='<!DOCTYPE a [<!ENTITY b "c">]>'), UnsupportedFormatError, "damaged"),
        (worksheet(HEADER_ROW, prolog='<!DOCTYPE a SYSTEM "http://a/b">'), UnsupportedFormatError, "damaged"),
    ],
)
def test_a_sheet_that_cannot_be_scored_says_why(sheet: str, error: type[FileError], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        converted(workbook(sheet))
    with pytest.raises(error, match=sentence):
        check_workbook(io.BytesIO(workbook(sheet)), job_type=JobType.ANNUAL)


def test_an_empty_cell_far_to_the_right_is_no_value() -> None:
    assert first_row(number("1") + '<c r="XFD2" s="1"/>') == "1"


def test_an_entity_bomb_in_any_part_is_refused() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
    parts = workbook_parts({"Data": worksheet(HEADER_ROW, row(number("1")))}, styles=STYLES, shared_strings="<sst/>")
    for name in list(parts):
        if name != "[Content_Types].xml":
            with pytest.raises(UnsupportedFormatError):
                converted(packed({**parts, name: bomb + str(parts[name])}))


def test_external_relationships_are_not_followed() -> None:
    parts = workbook_parts({"Data": worksheet(HEADER_ROW, row(number("1")))})
    links = str(parts["xl/_rels/workbook.xml.rels"])
    external = links.replace('Target="worksheets/sheet1.xml"', 'TargetMode="External" Target="http://a/b"')
    with pytest.raises(UnsupportedFormatError, match="no worksheet"):
        converted(packed({**parts, "xl/_rels/workbook.xml.rels": external}))


@pytest.mark.parametrize(
    ("part", "sentence"),
    [("xl/vbaProject.bin", "has macros"), ("xl/workbook.bin", "binary Excel workbook")],
)
def test_other_kinds_of_workbook_are_named(part: str, sentence: str) -> None:
    parts = workbook_parts({"Data": worksheet(HEADER_ROW, row(number("1")))})
    with pytest.raises(UnsupportedFormatError, match=sentence):
        converted(packed({**parts, part: b"\0"}))


def test_a_zip_without_a_workbook_is_no_workbook() -> None:
    with pytest.raises(UnsupportedFormatError, match="holds no Excel workbook"):
        converted(packed({"word/document.xml": "<a/>"}))


def test_an_encrypted_entry_asks_for_a_file_without_password() -> None:
    file = bytearray(workbook(worksheet(HEADER_ROW, row(number("1")))))
    at = 0
    while (at := file.find(b"PK\x01\x02", at)) >= 0:
        file[at + 8] |= 1
        at += 4
    with pytest.raises(UnsupportedFormatError, match="password"):
        converted(bytes(file))


def test_a_workbook_cut_short_anywhere_is_a_file_error() -> None:
    file = workbook(worksheet(HEADER_ROW, *[row(number(str(n))) for n in range(200)]))
    for length in range(0, len(file), 7):
        with pytest.raises(UnsupportedFormatError):
            converted(file[:length])


@settings(max_examples=200)
@given(st.data())
def test_a_workbook_with_any_bytes_changed_converts_or_is_a_file_error(data: st.DataObject) -> None:
    file = bytearray(workbook(worksheet(HEADER_ROW, *[row(number(str(n))) for n in range(9)]), styles=STYLES))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    try:
        lines = converted(bytes(file))
    except FileError as error:
        assert str(error)  # noqa: PT017
    else:
        assert len(lines) > 1


def test_sizes_are_counted_and_not_believed() -> None:
    sheet = worksheet(HEADER_ROW, *[row(number("1"))] * 20_000)
    file = workbook(sheet)
    for limits in (
        XlsxLimits(unpacked_bytes=100_000),
        XlsxLimits(ratio=10, ratio_from_bytes=100_000),
    ):
        with pytest.raises(TooLargeError, match="unpacks to more than"):
            converted(file, limits=limits)
    # The directory says the sheet is small: what is read then ends early, and its checksum tells.
    lying = bytearray(file)
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        entry = archive.getinfo("xl/worksheets/sheet1.xml")
    at = lying.find(struct.pack("<L", entry.file_size), archive.start_dir)
    lying[at : at + 4] = struct.pack("<L", 2_000)
    with pytest.raises(UnsupportedFormatError, match="damaged"):
        converted(bytes(lying))


def test_too_many_entries_are_refused_before_they_are_listed() -> None:
    parts = {f"xl/{n}": "" for n in range(30)}
    with pytest.raises(TooLargeError, match="too many parts"):
        converted(packed(parts), limits=XlsxLimits(entries=20))
    with pytest.raises(TooLargeError, match="too many parts"):
        converted(packed(parts), limits=XlsxLimits(directory_bytes=1_000))


@pytest.mark.parametrize("start", ["", "<!-- -->"])
def test_too_many_rows_or_too_long_ones_are_refused(start: str) -> None:
    with pytest.raises(TooLargeError, match="more than 3 data rows"):
        converted(workbook(worksheet(start, HEADER_ROW, *[row(number("1"))] * 4)), limits=XlsxLimits(rows=3))
    with pytest.raises(TooLargeError, match="row of many megabytes"):
        converted(
            workbook(worksheet(start, HEADER_ROW, row(inline("x" * 600_000)))), limits=XlsxLimits(row_bytes=20_000)
        )


def test_too_much_shared_text_is_refused() -> None:
    strings = f'<sst xmlns="{MAIN}">' + "<si><t>abc</t></si>" * 100 + "</sst>"
    file = workbook(worksheet(HEADER_ROW, row(number("1"))), shared_strings=strings)
    with pytest.raises(TooLargeError, match="too much text"):
        converted(file, limits=XlsxLimits(shared_strings_bytes=1_000))


def test_an_xlsx_is_known_by_its_first_bytes() -> None:
    assert sniff_format(workbook(worksheet(HEADER_ROW))[:4096], "a.csv") == "xlsx"


def test_a_long_text_is_no_long_tag() -> None:
    text = "x" * 3_000_000
    assert converted(workbook(worksheet("<!-- -->", HEADER_ROW, row(inline(text)))))[1].rstrip(",") == text


def test_a_workbook_is_checked_without_reading_its_rows() -> None:
    cut = worksheet(HEADER_ROW, *[row(number("1"))] * 100_000, row("<c>"))
    check_workbook(io.BytesIO(workbook(cut)), job_type=JobType.ANNUAL)
    with pytest.raises(UnsupportedFormatError):
        converted(workbook(cut))
