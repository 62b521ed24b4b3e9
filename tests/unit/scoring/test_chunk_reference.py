"""Chunks validated a second time, by a plain program that reads one row at a time with Python's csv."""

import csv
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.delimited.dialect import DELIMITERS, Delimiter
from shared.inputs.columns import BY_NAME, COLUMNS, Column, Kind, ProfileName, required_columns
from shared.inputs.errors import UnbalancedQuoteError
from shared.inputs.header import Layout
from shared.inputs.numbers import figure_text, read_number, trimmed
from shared.scoring.chunk import ChunkEncodingError, ScoredChunk, score_chunk, unprocessed_rows
from shared.scoring.passthrough import symbol_of
from shared.scoring.results import header_line, result_columns
from shared.scoring.validation import validated_columns
from shared.scoring.values import (
    BLANKS,
    cleaned,
    guarded,
    is_blank,
    is_date,
    is_number,
    read_quarter,
    read_year,
    unguarded,
)
from shared.vocabulary import JobType, Outcome

NEXT_YEAR = 2027


def layout_of(
    job_type: JobType, profile: ProfileName, *extra: str, delimiter: Delimiter = ",", components: bool = False
) -> Layout:
    names = [column.name for column in required_columns(job_type, profile)]
    if components and "ebitda" in names:
        names[names.index("ebitda")] = "ebit"
        names.append("depreciation_amortization")
    return Layout(
        delimiter=delimiter,
        names=(*names, *extra),
        normalized=(*names, *extra),
        job_type=job_type,
        profile=profile,
        used_both=False,
        data_start=0,
    )


INVALID = {
    "market_cap": "invalid_market_cap",
    "reporting_year": "invalid_year",
    "reporting_quarter": "invalid_quarter",
}


def code_of(name: str, text: str, layout: Layout) -> str | None:
    """Returns the code of a cell's row error, by the contract's table read literally, or None."""
    column = BY_NAME[name]
    value = unguarded(text)
    invalid = INVALID.get(name, "invalid_number")
    try:
        read = read_cell(column, value)
    except ValueError:
        return invalid
    if read is None:
        if name == "market_cap":
            return invalid
        optional = column.profile == "ratios" or layout.job_type not in column.required_for
        return None if optional else "missing_field"
    if isinstance(read, str):
        return "too_long" if column.max_length and len(read) > column.max_length else None
    below = read <= column.minimum if column.minimum_is_excluded else read < column.minimum
    return invalid if below else None


def read_cell(column: Column, value: str) -> str | float | None:
    if column.kind is Kind.TEXT:
        is_symbol = column.name == "company_symbol"
        text = trimmed(cleaned(value, symbol=is_symbol))
        if is_blank(text, symbol=is_symbol) or (is_symbol and is_date(text)):
            return None
        return text.upper() if is_symbol else text
    if column.kind is Kind.YEAR:
        return read_year(value, next_year=NEXT_YEAR)
    if column.kind is Kind.QUARTER:
        return read_quarter(value)
    return read_number(value, unit=column.unit)


def padded(cells: list[str], layout: Layout) -> list[str]:
    """Returns the cells of a record that may lack its last one, if that is not one of our columns."""
    is_ours = layout.normalized[-1] in {column.name for column in COLUMNS if column.profile in (None, layout.profile)}
    return [*cells, ""] if len(cells) == layout.field_count - 1 and not is_ours else cells


def expected_errors(cells: list[str], layout: Layout) -> list[tuple[str | None, str]]:
    if len(cells) != layout.field_count or any("\0" in cell for cell in cells):
        return [(None, "malformed_row")]
    by_name = dict(zip(layout.normalized, cells, strict=True))
    columns = validated_columns(layout.normalized, layout.job_type, layout.profile)
    found: list[tuple[str | None, str]] = []
    for column in columns:
        code = code_of(column.name, by_name[column.name], layout)
        if code:
            found.append((column.name, code))
    if layout.profile == "ratios" and all(
        is_blank_number(by_name[column.name]) for column in columns if column.profile == "ratios" and column.scored
    ):
        found.append((None, "no_ratios"))
    return found


def is_blank_number(text: str) -> bool:
    try:
        return read_number(unguarded(text)) is None
    except ValueError:
        return False


def read_csv(text: str, delimiter: str = ",") -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]


def written(records: list[list[str]], delimiter: str, *, quoting: Any, newline: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=newline).writerows(records)
    return text.getvalue().encode()


odd_text = st.sampled_from(
    ["", " ", "\xa0", "-", "n/a", "NA", "na", "N", "'", "'=x", "=1+1", "+1", "-2", "@x", "\tx", "x\t", '"', 'a"b', '""',
     "a,b", "a;b", "a|b", "a\nb", "a\r\nb", "a\rb", "\r", '=a"b', '"' * 15, "ÄÖ ü", "aßz", "ß" * 11, "\u0390" * 9,

     "a;=x", "a| '-x", 'a;"+x', "a\n=x", "a;'=x", "\n@x", "\uff1dx", "a\t\uff0dx", "a;-5",
     "x" * 20, "x" * 21, "x" * 101, "é" * 255, "é" * 256, "名", "\u200b", "null", "none"]
)  # fmt: skip
odd_number = st.sampled_from(
    ["1,234.5", "12%", "(3.2)", "n/a", "-", "'5", " 7", "abc", "nan", "inf", "1e999", "1e308", "-1e308", "0", "-0.0",
     "-5", "=1", "+5", "0.30000000000000004", "-9007199254740993", "1.234,5", "12,5", "\u22123", "2015.0", "02015",
     "1e-320"]
)  # fmt: skip
valid_number = st.floats(0.01, 1e6).map(lambda number: f"{number:.4f}")
usual = {
    Kind.TEXT: st.text(st.sampled_from("abcXYZ 09.-"), min_size=1, max_size=12),
    Kind.YEAR: st.sampled_from(["2015", "2027", "1900"]),
    Kind.QUARTER: st.sampled_from(["Q1", "q4", "2"]),
    Kind.NUMBER: valid_number,
}
odd_cell = st.one_of(odd_text, odd_number, st.sampled_from(["Q5", "1899", "2028", "20x5"]), st.text(max_size=4))


@st.composite
def files(draw: st.DrawFn) -> tuple[Layout, list[list[str]], bytes]:
    """Draws a layout, the cells of its records as they are read, and a file of them as csv writes it."""
    profile: ProfileName = draw(st.sampled_from(["statements", "ratios"]))
    job_type: JobType = draw(st.sampled_from(JobType))
    extra = draw(st.lists(st.sampled_from(["note", "row", "error", "sga_margin"]), max_size=2, unique=True))
    if "sga_margin" in extra and job_type == "quarterly":
        extra.remove("sga_margin")
    delimiter = draw(st.sampled_from(DELIMITERS))
    layout = layout_of(job_type, profile, *extra, delimiter=delimiter, components=draw(st.booleans()))
    records = []
    for _ in range(draw(st.integers(1, 8))):
        cells = [draw(usual[BY_NAME[name].kind] if name in BY_NAME else odd_cell) for name in layout.normalized]
        for _ in range(draw(st.integers(0, 3))):
            cells[draw(st.integers(0, len(cells) - 1))] = draw(odd_cell)
        width = draw(st.sampled_from([len(cells)] * 8 + [len(cells) - 1, len(cells) + 1]))
        records.append([*cells, "surplus"][:width])
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    return (
        layout,
        [padded(cells, layout) for cells in records],
        written(records, delimiter, quoting=quoting, newline=draw(st.sampled_from(["\n", "\r\n"]))),
    )


def score(data: bytes, layout: Layout, **options: Any) -> ScoredChunk:
    return score_chunk(data, layout=layout, first_row=1, model=None, next_year=NEXT_YEAR, **options)


@settings(max_examples=300)
@given(files())
def test_each_row_has_the_errors_that_the_contract_read_row_by_row_finds(
    file: tuple[Layout, list[list[str]], bytes],
) -> None:
    layout, records, data = file
    chunk = score(data, layout, row_count=len(records))
    errors = {error["row"]: error for error in map(json.loads, chunk.parts.errors.splitlines())}
    expected = {
        row: found
        for row, cells in enumerate(records, start=1)
        if (found := expected_errors(padded(cells, layout), layout))
    }
    overflowing = {row for row, error in errors.items() if any("its sum with" in f["error"] for f in error["errors"])}
    assert {row: [(f["column"], f["code"]) for f in error["errors"] if "its sum with" not in f["error"]]
            for row, error in errors.items() if row not in overflowing} == expected  # fmt: skip
    assert (chunk.rows, chunk.failed) == (len(records), len(errors))
    assert chunk.successful + chunk.failed == chunk.rows
    for row, error in errors.items():
        cells = records[row - 1]
        shown = "" if len(cells) != layout.field_count or "\0" in "".join(cells) else symbol_of(unguarded(cells[0]))
        assert error["company_symbol"] == shown
        assert {key: error["errors"][0][key] for key in ("column", "code", "error", "value")} == {
            key: error[key] for key in ("column", "code", "error", "value")
        }


def expected_cells(cells: list[str], layout: Layout) -> list[str]:
    copied = []
    for name, text in zip(layout.normalized, cells, strict=True):
        column = BY_NAME.get(name)
        shown = text
        if name == "company_symbol":
            shown = symbol_of(unguarded(text)) or text
        elif column is not None and column.kind is Kind.TEXT:
            clean = cleaned(unguarded(text))
            is_valid = not is_blank(trimmed(clean)) and len(trimmed(clean)) <= (column.max_length or 0)
            shown = clean if is_valid and clean != unguarded(text) else text
        year = figure_text(unguarded(text))
        if name == "reporting_year" and year != trimmed(unguarded(text)) and re.fullmatch(r"[0-9]{4}(\.0+)?", year):
            shown = year
        if name == "reporting_quarter":
            try:
                shown = read_quarter(unguarded(text)) or text
            except ValueError:
                shown = text
        is_text = column is not None and column.kind is Kind.TEXT
        if is_text or not (shown.casefold() in BLANKS or is_number(shown)):
            shown = guarded(shown)
        copied.append(shown)
    return copied


@settings(max_examples=300)
@given(files())
def test_cells_are_copied_as_written_except_symbol_quarter_and_guards(
    file: tuple[Layout, list[list[str]], bytes],
) -> None:
    layout, records, data = file
    unprocessed = unprocessed_rows(data, layout=layout, first_row=1, row_count=len(records))
    rows = read_csv(unprocessed.unprocessed.decode())
    assert len(rows) == unprocessed.rows == len(records)
    for number, (row, cells) in enumerate(zip(rows, records, strict=True), start=1):
        assert row[-1] == str(number)
        assert len(row) == layout.field_count + 1
        if len(cells) == layout.field_count and "\0" not in "".join(cells):
            assert row[:-1] == expected_cells(cells, layout)
        else:
            assert not any(row[1:-1])
            for cell in cells:
                # Guards are added, but nothing is lost.
                shown = cell.replace("\0", "␀").replace("'", "")
                assert any(text in row[0].replace("'", "") for text in (shown, shown.replace('"', '""')))


@pytest.mark.hazard("Quoted newlines across a chunk border")
@settings(max_examples=200)
@given(files(), st.data())
def test_joined_parts_of_chunks_equal_the_parts_of_the_whole_file(
    file: tuple[Layout, list[list[str]], bytes], data: st.DataObject
) -> None:
    layout, records, whole = file
    newline = "\r\n" if whole.endswith(b"\r\n") else "\n"
    quoting = csv.QUOTE_ALL if whole.startswith(b'"') else csv.QUOTE_MINIMAL
    pieces = [written([record], layout.delimiter, quoting=quoting, newline=newline) for record in records]
    whole = b"".join(pieces)
    cut = data.draw(st.integers(0, len(pieces)))
    halves = [
        score_chunk(b"".join(part), layout=layout, first_row=first, model=None, next_year=NEXT_YEAR)
        for first, part in ((1, pieces[:cut]), (1 + cut, pieces[cut:]))
    ]
    chunk = score(whole, layout)
    for part in ("successful", "failed", "all", "errors"):
        assert b"".join(getattr(half.parts, part) for half in halves) == getattr(chunk.parts, part)
    assert chunk == score(whole, layout)


@settings(max_examples=200)
@given(files())
def test_every_result_file_is_rectangular_and_holds_each_row_once(
    file: tuple[Layout, list[list[str]], bytes],
) -> None:
    layout, records, data = file
    parts = score(data, layout).parts
    numbers: dict[Outcome, list[int]] = {}
    for outcome in (Outcome.SUCCESSFUL, Outcome.FAILED, Outcome.ALL):
        columns = result_columns(layout, outcome, scored=False)
        table = read_csv((header_line(layout, outcome, scored=False) + getattr(parts, outcome)).decode())
        assert {len(row) for row in table} == {len(columns)}
        numbers[outcome] = [int(row[columns.index("row")]) for row in table[1:]]
    assert numbers[Outcome.ALL] == list(range(1, len(records) + 1))
    assert sorted(numbers[Outcome.SUCCESSFUL] + numbers[Outcome.FAILED]) == numbers[Outcome.ALL]


@settings(max_examples=200)
@given(files())
def test_failed_file_uploaded_again_fails_for_the_same_reasons(
    file: tuple[Layout, list[list[str]], bytes],
) -> None:
    layout, _, data = file
    first = score(data, layout)
    columns = result_columns(layout, Outcome.FAILED, scored=False)
    again = Layout(
        delimiter=",", names=columns, normalized=columns, job_type=layout.job_type, profile=layout.profile,
        used_both=False, data_start=0,
    )  # fmt: skip
    second = score(first.parts.failed, again)
    assert (second.successful, second.failed) == (0, first.failed)
    for before, after in zip(first.parts.errors.splitlines(), second.parts.errors.splitlines(), strict=True):
        one, other = json.loads(before), json.loads(after)
        if one["code"] != "malformed_row":
            assert (one["company_symbol"], one["errors"]) == (other["company_symbol"], other["errors"])
    third = unprocessed_rows(second.parts.failed, layout=Layout(
        delimiter=",", names=(names := result_columns(again, Outcome.FAILED, scored=False)), normalized=names,
        job_type=layout.job_type, profile=layout.profile, used_both=False, data_start=0,
    ), first_row=1)  # fmt: skip
    copied = [row[: layout.field_count] for row in read_csv(second.parts.failed.decode())]
    assert [row[: layout.field_count] for row in read_csv(third.unprocessed.decode())] == copied


@pytest.mark.hazard("A file of arbitrary bytes")
@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from([*b'ab,;"\n\r=-+@0123.\t\x00\xc3\xa4'] + [0x2C] * 40 + [0x0A] * 5), max_size=300).map(
            bytes
        ),
    ),
    st.sampled_from(DELIMITERS),
)
def test_any_bytes_are_scored_or_refused_with_a_declared_error(data: bytes, delimiter: Delimiter) -> None:
    layout = layout_of(JobType.QUARTERLY, "ratios", delimiter=delimiter)
    try:
        chunk = score(data, layout)
    except (ChunkEncodingError, UnbalancedQuoteError):
        with pytest.raises((ChunkEncodingError, UnbalancedQuoteError)):
            unprocessed_rows(data, layout=layout, first_row=1)
        return
    assert chunk.successful + chunk.failed == chunk.rows == unprocessed_rows(data, layout=layout, first_row=1).rows
    assert chunk.parts.errors.count(b"\n") == chunk.failed
    assert len(read_csv(chunk.parts.all.decode().replace("\0", "␀"))) == chunk.rows
