import csv
import io
import math
import re
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.delimited.dialect import DELIMITERS, Delimiter
from shared.delimited.table import read_table
from shared.inputs import decimal_search, decimals
from shared.inputs.chunks import plan_chunks
from shared.inputs.columns import BY_NAME
from shared.inputs.decimal_search import DecimalSearch
from shared.inputs.decimals import Findings, decide
from shared.inputs.errors import FileError
from shared.inputs.header import Layout
from shared.inputs.numbers import evidence_of, read_figure
from shared.inputs.tolerance import inspection_for
from shared.scoring.chunk import score_chunk
from shared.scoring.validation import validate_rows
from shared.vocabulary import DECIMAL_POINT, DecimalConvention, JobType, Note
from tests.unit.scoring.scored_files import NEXT_YEAR, errors_of

NAMES = (
    "company_symbol", "company_name", "sector", "reporting_year", "market_cap", "long_term_debt_to_total_capital",
    "total_debt_to_ebitda", "net_income_margin", "return_on_assets", "ebit_to_interest_expense", "note",
)  # fmt: skip
FIGURES = range(4, 10)
COMMAS = DecimalConvention(sign=",", ambiguous=".,")
MIXED = DecimalConvention(sign=".", ambiguous=".,")
MOSTLY_POINTS = DecimalConvention(sign=".", ambiguous=",")


def layout_of(delimiter: Delimiter) -> Layout:
    return Layout(
        delimiter=delimiter,
        names=NAMES,
        normalized=NAMES,
        job_type=JobType.ANNUAL,
        profile="ratios",
        used_both=False,
        data_start=0,
    )


def written(rows: list[list[str]], delimiter: str, quoting: Literal[0, 1] = csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def row_of(*figures: str, name: str = "Acme Inc", note: str = "") -> list[str]:
    cells = [*figures, *("1" for _ in FIGURES)][: len(FIGURES)]
    return ["ACME", name, "Tech", "2015", *cells, note]


def decided(
    data: bytes, layout: Layout, *, block_bytes: int = 1 << 19, **options: bool
) -> tuple[DecimalConvention, tuple[Note, ...]]:
    search = DecimalSearch(layout, **options)
    list(plan_chunks(io.BytesIO(data), layout, chunk_bytes=1 << 20, block_bytes=block_bytes, on_records=search.add))
    return search.decided()


def by_hand(rows: list[list[str]]) -> tuple[DecimalConvention, tuple[Note, ...]]:
    """Returns the convention of a small file by reading each of its figures."""
    findings = Findings()
    for number, row in enumerate(rows, start=1):
        cells = [(row[place], BY_NAME[NAMES[place]].unit) for place in FIGURES]
        found = [
            evidence_of(cell, unit=unit)
            for cell, unit in cells
            if not re.search(r"^\s*=|[.,]([^0-9]|$)", cell, re.ASCII)
        ]
        findings.points += found.count("point")
        findings.commas += found.count("comma")
        for kind, listed in (("comma", findings.comma_rows), ("either", findings.either_rows)):
            if kind in found and len(listed) < 10:
                listed.append(number)
    return decide(findings)


figures = st.one_of(
    st.sampled_from(
        ["12", "672,478", "672.478", "151,2", "151.2", "1.234.567", "1,234,567", "1.234,5", "1,234.5", "0,123", "0.123",
         "1234,567", "1234.567", "1 234,567", "1 234.567", "(1,234)", "1.234-", "12,5%", "3,0x", "'672.478", "'12,5",
         "", "n/a", "-", "5.", "5,", "1.2.3", "12,34,567", "31.12.2024", "1.234e3", "\u200e12,\u200e5", "1.\u200b5",
         "-1.234"]
    ),
    st.from_regex(re.compile(r"[-(' ]?[0-9]{1,4}([.,][0-9]{1,4}){0,3}[-)%x ]?", re.ASCII), fullmatch=True),
)  # fmt: skip
texts = st.sampled_from(
    [
        "Acme Inc",
        "Acme, Inc.",
        "Studio 54,5",
        'The "5,5" Co',
        "3,5",
        "1.5",
        "O'Neil",
        "a\nb,5",
        "5.5,5",
        "02.03.2024",
        '"',
        "",
    ]
)
rows_of_a_kind = st.sampled_from(["any", "points", "commas", "open"])


@st.composite
def files(draw: st.DrawFn) -> list[list[str]]:
    kind = draw(rows_of_a_kind)
    few = {
        "points": st.sampled_from(["12", "672.478", "672,478", "1,234"]),
        "commas": st.sampled_from(["12", "672.478", "672,478", "1.234.567", "151,2"]),
        "open": st.sampled_from(["12", "672.478", "672,478", "n/a"]),
        "any": figures,
    }[kind]
    cells = st.tuples(*(few for _ in FIGURES))
    rows = [row_of(*draw(cells), name=draw(texts), note=draw(texts)) for _ in range(draw(st.integers(1, 12)))]
    if draw(st.booleans()):
        rows[draw(st.integers(0, len(rows) - 1))][draw(st.sampled_from(FIGURES))] = draw(figures)
    return rows


@settings(max_examples=400)
@given(files(), st.sampled_from(DELIMITERS), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.integers(1, 400))
def test_convention_is_that_of_all_figures_in_blocks_of_any_size(
    rows: list[list[str]], delimiter: Delimiter, quoting: Literal[0, 1], block_bytes: int
) -> None:
    data = written(rows, delimiter, quoting)
    assert decided(data, layout_of(delimiter), block_bytes=block_bytes) == by_hand(rows)


@settings(max_examples=300)
@given(files(), st.sampled_from(DELIMITERS), st.integers(1, 400), st.integers(1, 400), st.data())
def test_what_is_found_beyond_the_windows_does_not_depend_on_blocks(
    rows: list[list[str]], delimiter: Delimiter, block_bytes: int, other_block_bytes: int, data: st.DataObject
) -> None:
    text = written(rows, delimiter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decimal_search, "WINDOW_EVERY_BYTES", 150)
        patch.setattr(decimal_search, "WINDOW_BYTES", data.draw(st.integers(1, 150)))
        patch.setattr(decimal_search, "POINTS_FOR_A_COMMA", 2)
        patch.setattr(decimal_search, "_RECORDS_AT_ONCE", data.draw(st.integers(1, 5)))
        patch.setattr(decimal_search, "HEAD_BYTES", data.draw(st.integers(1, 300)))
        most = data.draw(st.integers(0, 5))
        patch.setattr(decimal_search, "MOST_RARE_COMMAS", most)
        patch.setattr(decimals, "MOST_RARE_COMMAS", most)
        patch.setattr(decimals, "POINTS_FOR_A_COMMA", 2)
        layout = layout_of(delimiter)
        one = decided(text, layout, block_bytes=block_bytes)
        assert one == decided(text, layout, block_bytes=other_block_bytes)
        assert one[0].sign == by_hand(rows)[0].sign or one[0] == DECIMAL_POINT


@pytest.mark.hazard("Decimal commas, points as thousands, or both in one file")
@settings(max_examples=200)
@given(files(), st.sampled_from(DELIMITERS))
def test_no_file_has_figures_read_with_two_decimal_signs(rows: list[list[str]], delimiter: Delimiter) -> None:
    layout = layout_of(delimiter)
    data = written(rows, delimiter)
    layout = replace(layout, decimal=decided(data, layout)[0])
    # The signs with which figures were read that have another value with the other one.
    read_with = set()
    for row in rows:
        for place in FIGURES:
            evidence = evidence_of(row[place])
            try:
                number = read_figure(row[place], layout.decimal)
            except ValueError:
                continue
            if evidence in ("point", "comma"):
                read_with.add(evidence)
            elif evidence == "either":
                read_with.add("point" if number == read_figure(row[place], DECIMAL_POINT) else "comma")
    assert len(read_with) <= 1


@example(rows=[row_of("672,478"), row_of("151,2")], cut=1)
@settings(max_examples=150)
@given(rows=files(), cut=st.integers(0, 12))
def test_chunks_of_a_file_are_read_by_the_convention_of_the_file(rows: list[list[str]], cut: int) -> None:
    layout = layout_of(";")
    layout = replace(layout, decimal=decided(written(rows, ";"), layout)[0])

    def errors(*parts: list[list[str]]) -> list[object]:
        found: list[object] = []
        first = 1
        for part in parts:
            chunk = score_chunk(written(part, ";"), layout=layout, first_row=first, model=None, next_year=NEXT_YEAR)
            found += errors_of(chunk)
            first += len(part)
        return found

    assert errors(rows) == errors(rows[:cut], rows[cut:]) == errors(*([row] for row in rows))


@pytest.mark.parametrize(
    ("figures", "convention", "code"),
    [
        (["672.478", "12.5"], DECIMAL_POINT, None),
        (["672,478", "12.5"], DECIMAL_POINT, None),
        (["12", "13"], DECIMAL_POINT, None),
        (["672,478", "13"], DECIMAL_POINT, "decimal_assumed"),
        (["672.478", "13"], DECIMAL_POINT, "decimal_assumed"),
        (["672,478", "12,5"], COMMAS, "decimal_comma"),
        (["672.478", "1.234.567"], COMMAS, "decimal_comma"),
        (["672.478", "1.234,5"], COMMAS, "decimal_comma"),
        (["672.478", "12,5", "12.5"], MIXED, "mixed_decimals"),
        (["672.478", "1.234.567", "12.5"], MIXED, "mixed_decimals"),
        (["1,234,567", "12,5"], MIXED, "mixed_decimals"),
        (["672.478", "12,5", *["12.5"] * 9], MIXED, "mixed_decimals"),
        (["672.478", "12,5", *["12.5"] * 10], MOSTLY_POINTS, "mixed_decimals"),
        (["672.478", *["12,5"] * 2, *["12.5"] * 19], MIXED, "mixed_decimals"),
    ],
)
def test_convention_of_a_file(figures: list[str], convention: DecimalConvention, code: str | None) -> None:
    for delimiter in DELIMITERS:
        found, notes = decided(written([row_of(figure) for figure in figures], delimiter), layout_of(delimiter))
        assert found == convention
        assert [note.code for note in notes] == ([code] if code else [])


def test_note_names_the_first_rows_that_it_concerns() -> None:
    rows = [row_of("12"), *(row_of("672,478", "1,234") for _ in range(12))]
    _, (assumed,) = decided(written(rows, ";"), layout_of(";"), block_bytes=100)
    assert assumed.rows == tuple(range(2, 12))
    _, (mixed,) = decided(written([*rows, row_of("12,5"), row_of("12.5"), row_of("1,5")], ";"), layout_of(";"))
    assert mixed.rows == (14, 16)


def test_text_and_figures_of_the_other_profile_are_no_evidence() -> None:
    rows = [row_of("672.478", name="3,5", note="12,5")]
    assert decided(written(rows, ";"), layout_of(";"))[0] == DECIMAL_POINT
    names = tuple("ebitda" if name == "note" else name for name in NAMES)
    assert decided(written(rows, ";"), replace(layout_of(";"), names=names, normalized=names))[0] == DECIMAL_POINT


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_row_that_is_scored_in_spite_of_its_number_of_fields_is_evidence(delimiter: Delimiter) -> None:
    figures = [row_of("672,478"), row_of("12,5")]
    for rows in ([[*row, ""] for row in figures], [row[:-1] for row in figures]):
        assert decided(written(rows, delimiter), layout_of(delimiter))[0] == COMMAS


@settings(max_examples=300)
@given(
    files(),
    st.sampled_from(DELIMITERS),
    st.lists(
        st.tuples(st.integers(0, 600), st.sampled_from([b'"', b'""', b"\n", b";", b",", b'";', b"\0", b"'"])),
        max_size=4,
    ),
    st.integers(1, 300),
)
def test_search_adds_no_refusal_of_its_own(
    rows: list[list[str]], delimiter: Delimiter, damage: list[tuple[int, bytes]], block_bytes: int
) -> None:
    data = written(rows, delimiter)
    for place, added in damage:
        data = data[: place % (len(data) + 1)] + added + data[place % (len(data) + 1) :]
    layout = layout_of(delimiter)

    def planned(**options: Any) -> object:
        inspection = inspection_for(layout)
        try:
            return list(plan_chunks(io.BytesIO(data), layout, chunk_bytes=200, inspection=inspection, **options))
        except FileError as error:
            return str(error)

    search, other = DecimalSearch(layout), DecimalSearch(layout)
    expected = planned()
    assert planned(on_records=search.add) == expected
    if not isinstance(expected, str):
        planned(on_records=other.add, block_bytes=block_bytes)
        assert other.decided() == search.decided()


def test_malformed_row_is_no_evidence() -> None:
    data = written([row_of("672,478"), [*row_of("12,5"), "surplus"]], ";")
    assert decided(data, layout_of(";"))[0] == DECIMAL_POINT


def test_typed_cell_is_evidence_only_if_it_is_text() -> None:
    rows = [row_of("672.478", "12.5"), row_of("17,25")]
    convention, _ = decided(written(rows, ","), layout_of(","), has_typed_cells=True)
    assert convention == replace(COMMAS, has_typed_cells=True)
    assert decided(written(rows[:1], ","), layout_of(","), has_typed_cells=True) == (
        replace(DECIMAL_POINT, has_typed_cells=True),
        (),
    )
    marked = [row_of("'672.478", "12.5")]
    _, (note,) = decided(written(marked, ","), layout_of(","), has_typed_cells=True)
    assert (note.code, note.rows) == ("decimal_assumed", (1,))
    convention, _ = decided(written(rows, ","), layout_of(","), has_typed_cells=True, proves_point=True)
    assert convention == replace(MIXED, has_typed_cells=True)


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_one_typo_does_not_make_the_figures_of_a_large_file_ambiguous(delimiter: Delimiter) -> None:
    rows = [row_of("672.478", "12.5", "0.5") for _ in range(3_000)]
    rows[2_500] = row_of("151,2", "672,478")
    data = written(rows, delimiter)
    layout = layout_of(delimiter)
    layout = replace(layout, decimal=decided(data, layout)[0])
    chunk = score_chunk(data, layout=layout, first_row=1, model=None, next_year=NEXT_YEAR)
    (error,) = errors_of(chunk)
    assert error["row"] == 2_501
    assert [entry["code"] for entry in error["errors"]] == ["invalid_market_cap", "ambiguous_number"]


def test_ambiguous_figure_fails_its_row_and_the_sentence_says_what_to_do() -> None:
    header = ";".join(NAMES)
    file = f"{header}\n".encode() + written([row_of("672,478"), row_of("12,5", "45,6%"), row_of("9", "672.478")], ";")
    layout = replace(layout_of(";"), data_start=len(header) + 1)
    convention, _ = decided(file, layout)
    chunk = score_chunk(
        file[layout.data_start :],
        layout=replace(layout, decimal=convention),
        first_row=1,
        model=None,
        next_year=NEXT_YEAR,
    )
    first, second = errors_of(chunk)
    assert (first["row"], first["column"], first["code"], first["value"]) == (
        1,
        "market_cap",
        "ambiguous_number",
        "672,478",
    )
    assert "declare decimal=, when you upload, or write one decimal more (672,4780)" in first["error"]
    assert (second["row"], second["code"]) == (3, "ambiguous_number")


@settings(max_examples=200)
@given(
    cells=st.lists(st.lists(figures, min_size=6, max_size=6), min_size=1, max_size=8),
    convention=st.sampled_from([DECIMAL_POINT, DecimalConvention(sign=","), COMMAS, MIXED, MOSTLY_POINTS]),
    has_typed_cells=st.booleans(),
)
def test_columns_are_read_as_their_cells_are_one_by_one(
    *, cells: list[list[str]], convention: DecimalConvention, has_typed_cells: bool
) -> None:
    layout = replace(layout_of(","), decimal=replace(convention, has_typed_cells=has_typed_cells))
    table = read_table(written([row_of(*row) for row in cells], ","), ",", field_count=len(NAMES))
    rows = validate_rows(table, layout, next_year=NEXT_YEAR, max_cell_bytes=1 << 15)
    for place in FIGURES[:5]:
        column = BY_NAME[NAMES[place]]
        for row, texts in enumerate(cells):
            try:
                expected = read_figure(texts[place - FIGURES[0]], layout.decimal, unit=column.unit)
            except ValueError:
                expected = None
            if expected is not None and column.name == "market_cap" and expected <= 0:
                expected = None
            found = rows.figures[column.name][row]
            assert found == expected or (expected is None and math.isnan(found))
