"""XLSX uploads: which sheet is scored, and how its rows become CSV."""

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.inputs.columns import required_columns
from shared.inputs.errors import (
    DuplicateColumnsError,
    EmptyFileError,
    FileError,
    MissingColumnsError,
    TooLargeError,
    UnsupportedFormatError,
)
from shared.inputs.formats import sniff_format
from shared.inputs.workbooks import LIMITS, check_workbook, convert
from shared.vocabulary import JobType
from tests.unit.workbook.workbook_builders import MAIN, inline, number, packed, row, workbook, workbook_parts, worksheet

HEADER = [column.name for column in required_columns(JobType.ANNUAL, "statements")]
HEADER_ROW = row(*map(inline, HEADER))


def converted(file: bytes) -> list[str]:
    """Returns the lines of the canonical form."""
    out = io.BytesIO()
    result = convert(io.BytesIO(file), out, job_type=JobType.ANNUAL)
    text = out.getvalue()
    assert result.written_bytes == len(text)
    return text.decode().removesuffix("\n").split("\n")


def test_blank_rows_are_skipped_short_rows_padded_and_long_rows_kept() -> None:
    cells = [number(str(n)) for n in range(len(HEADER) + 1)]
    blanks = ["<row/>", row(inline("  ")), "<row></row>", row("<c/>", inline(" "))]
    sheet = worksheet(*blanks, HEADER_ROW, *blanks, row(number("1")), *blanks, row(*cells), *blanks)
    lines = converted(workbook(sheet))
    assert lines == [",".join(HEADER), "1" + "," * (len(HEADER) - 1), ",".join(map(str, range(len(HEADER) + 1)))]


texts = st.text(alphabet='ab,"\n\r\t &<é😀', max_size=6)


@given(st.lists(st.lists(texts, max_size=len(HEADER) + 2), max_size=5))
def test_converted_csv_has_the_texts_of_the_sheet(found: list[list[str]]) -> None:
    strings = "".join(f'<si><t xml:space="preserve">{escaped(text)}</t></si>' for cells in found for text in cells)
    index = iter(range(len(strings)))
    rows = [row(*(number(str(next(index)), ' t="s"') for _ in cells)) for cells in found]
    # One more row, so that the sheet has data rows.
    file = workbook(
        worksheet(HEADER_ROW, *rows, row(number("1"))), shared_strings=f'<sst xmlns="{MAIN}">{strings}</sst>'
    )
    out = io.BytesIO()
    result = convert(io.BytesIO(file), out, job_type=JobType.ANNUAL)
    read = list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))
    wanted = [cells for cells in found if any(text.strip(" \t\r\n") for text in cells)]
    assert read[0] == HEADER
    assert [trimmed(cells) for cells in read[1:]] == [*map(trimmed, wanted), ["1"]]
    assert result.row_count == len(wanted) + 1
    assert all(len(cells) >= len(HEADER) for cells in read)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", "&#13;")


def trimmed(cells: list[str]) -> list[str]:
    return cells[: max((place for place, text in enumerate(cells, start=1) if text), default=0)]


def test_rows_with_huge_texts_are_written_in_small_blocks() -> None:
    sizes: list[int] = []

    class Out:
        def write(self, data: bytes) -> None:
            sizes.append(len(data))

    cells = number("0", ' t="s"') * len(HEADER)
    strings = f'<sst xmlns="{MAIN}"><si><t>{"x" * 100_000}</t></si></sst>'
    file = workbook(worksheet(HEADER_ROW, *[row(cells)] * 50), shared_strings=strings)
    assert convert(io.BytesIO(file), Out(), job_type=JobType.ANNUAL).row_count == 50
    assert sum(sizes) > 50 * len(HEADER) * 100_000
    assert max(sizes) < 16 << 20


@pytest.mark.hazard("A workbook that unpacks to much, has many entries or states false sizes")
def test_text_that_is_in_too_many_cells_is_refused_before_it_is_written() -> None:
    cells = number("0", ' t="s"') * len(HEADER)
    strings = f'<sst xmlns="{MAIN}"><si><t>{"x" * 10_000}</t></si></sst>'
    file = workbook(worksheet(HEADER_ROW, *[row(cells)] * 10_000), shared_strings=strings)
    out = io.BytesIO()
    limits = replace(LIMITS, ratio_from_bytes=6_000_000)
    with pytest.raises(TooLargeError, match="over 5 MiB of text"):
        convert(io.BytesIO(file), out, job_type=JobType.ANNUAL, limits=limits)
    assert len(out.getvalue()) <= 6_000_000


def test_first_sheet_with_the_right_header_is_read() -> None:
    good = worksheet(HEADER_ROW, row(number("1")))
    parts = workbook_parts(
        {"Notes": worksheet(row(inline("about"))), "Blank": worksheet(), "Data": good, "Later": good}
    )
    out = io.BytesIO()
    assert convert(io.BytesIO(packed(parts)), out, job_type=JobType.ANNUAL).sheet == "Data"


def test_missing_columns_of_the_nearest_sheet_are_named() -> None:
    near = worksheet(row(*map(inline, HEADER[1:])))
    parts = workbook_parts({"Notes": worksheet(row(inline("about"))), "Near": near})
    with pytest.raises(MissingColumnsError) as caught:
        converted(packed(parts))
    assert caught.value.columns == (HEADER[0],)


@pytest.mark.hazard("Entity bombs, external links, macros, dates, formulas, error cells, a merged header")
def test_merged_header_keeps_its_empty_cells() -> None:
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
def test_sheet_that_cannot_be_scored_is_refused_with_the_reason(
    sheet: str, error: type[FileError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        converted(workbook(sheet))
    with pytest.raises(error, match=sentence):
        check_workbook(io.BytesIO(workbook(sheet)), job_type=JobType.ANNUAL)


def test_xlsx_is_detected_by_its_first_bytes() -> None:
    assert sniff_format(workbook(worksheet(HEADER_ROW))[:4096], "a.csv") == "xlsx"


def test_workbook_is_checked_without_reading_its_rows() -> None:
    cut = worksheet(HEADER_ROW, *[row(number("1"))] * 100_000, row("<c>"))
    check_workbook(io.BytesIO(workbook(cut)), job_type=JobType.ANNUAL)
    with pytest.raises(UnsupportedFormatError):
        converted(workbook(cut))
