"""Stray quotes put anywhere into small files: each row is right, fails, or the file is refused.

A row never has figures of another one, and none is lost without a row that fails.
"""

import io
import itertools
from collections.abc import Iterable
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delimited.boundaries import record_runs
from shared.delimited.errors import DelimitedError
from shared.delimited.inspection import Inspection, RowShape
from shared.delimited.table import read_table

SHAPE: Final = RowShape(field_count=6, needed=6, figure_count=2)
FILES: Final = {
    "plain": "A,ab,x,1,2,3\nB,cd,y,4,5,6\nC,ef,z,7,8,9\n",
    "quoted cells": 'A,"a,b",x,1,2,3\n"B","cd",y,4,"5",6\nC,ef,"z",7,8,9\n',
    "all quoted": '"A","ab","x","1","2","3"\n"B","cd","y","4","5","6"\n"C","ef","z","7","8","9"\n',
    "line breaks in cells": 'A,"a\nb",x,1,2,3\nB,cd,"y\n,z",4,5,6\nC,ef,z,7,8,"9"\n',
    "text last": 'A,1,2,ab,3,"x\ny"\nB,4,5,cd,6,"a, b"\nC,7,8,ef,9,z\n',
    "CRLF and no line end at the end": 'A,ab,x,1,2,3\r\nB,"c\r\nd",y,4,5,6\r\nC,ef,z,7,8,9',
}
SHAPES: Final = {"text last": RowShape(field_count=6, needed=5, figure_count=2)}

Row = tuple[str, ...]


def rows_of(text: str, shape: RowShape, *, block_bytes: int = 1 << 16) -> list[Row | None]:
    """Returns the rows that are planned and read, with None for each that is malformed. Raises DelimitedError."""
    inspection = Inspection(shape, ",", limit=10)
    runs = record_runs(
        io.BytesIO(text.encode()).read, ",", block_bytes=block_bytes, max_record_bytes=1000, inspection=inspection
    )
    rows: list[Row | None] = []
    for run in runs:
        table = read_table(run.data, ",", field_count=shape.field_count, needed_fields=shape.needed)
        assert len(table) == run.ends.row_count
        cells = [table.texts(column, np.arange(len(table))) for column in range(shape.field_count)]
        rows += [None if row in table.malformed else tuple(texts) for row, texts in enumerate(zip(*cells, strict=True))]
    return rows


def figures_of(row: Row) -> Row | None:
    """Returns the figures of a row, None where one is no number."""
    figures = tuple(cell for cell in row[1:] if cell.strip('"').isdigit())
    return figures if len(figures) == 3 and not any('"' in figure for figure in figures) else None


def with_quotes(text: str, places: Iterable[int]) -> str:
    for place in sorted(places, reverse=True):
        text = f'{text[:place]}"{text[place:]}'
    return text


def check(name: str, places: tuple[int, ...]) -> str:
    """Returns what became of a file with quotes put in at these places."""
    shape = SHAPES.get(name, SHAPE)
    clean = {row[0]: figures_of(row) for row in rows_of(FILES[name], shape) if row}
    text = with_quotes(FILES[name], places)
    try:
        rows = rows_of(text, shape)
    except DelimitedError as error:
        return error.reason if 0 < error.line <= error.last_line else "refused without its lines"
    assert len(rows) >= len(clean), (text, rows)
    for row in rows:
        figures = figures_of(row) if row else None
        if row and figures:
            # The first cell may have become longer, but it begins with its own symbol.
            assert figures == clean.get(row[0].strip('"')[:1]), (text, row)
    return "rows"


REASONS: Final = {"rows", "stray_quote", "open_quote", "joined_rows", "split_row"}
names = st.sampled_from(list(FILES))


@pytest.mark.hazard("An unbalanced quote")
@pytest.mark.parametrize("name", ["plain", "quoted cells", "line breaks in cells"])
def test_one_or_two_stray_quotes_never_give_a_row_the_figures_of_another(name: str) -> None:
    places = range(len(FILES[name]) + 1)
    pairs = itertools.combinations_with_replacement(places, 2)
    found = {check(name, chosen) for chosen in [*((place,) for place in places), *pairs]}
    assert {"rows", "stray_quote", "open_quote", "joined_rows"} <= found <= REASONS


@pytest.mark.hazard("An unbalanced quote")
@given(names, st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_up_to_three_stray_quotes_never_give_a_row_the_figures_of_another(name: str, shares: list[float]) -> None:
    assert check(name, tuple(round(share * len(FILES[name])) for share in shares)) in REASONS


@given(names, st.lists(st.floats(0, 1), max_size=3), st.integers(1, 30))
def test_size_of_the_blocks_does_not_change_what_becomes_of_stray_quotes(
    name: str, shares: list[float], block_bytes: int
) -> None:
    text = with_quotes(FILES[name], [round(share * len(FILES[name])) for share in shares])
    shape = SHAPES.get(name, SHAPE)

    def outcome(size: int) -> list[Row | None] | tuple[str, int | None, int, int]:
        try:
            return rows_of(text, shape, block_bytes=size)
        except DelimitedError as error:
            return error.reason, error.offset, error.line, error.last_line

    assert outcome(block_bytes) == outcome(1 << 16)


NOTE: Final = "Sales of 1,234,567 in May, 2019, of 2,345,678 in June, costs, debts, plants, staff,\nand, as said, more"


@pytest.mark.parametrize(
    "text",
    [
        f'A,ab,x,1,2,3,"{NOTE}"\nB,cd,y,4,5,6,\n',
        'A,"1 Main St\nSpringfield, IL, US",x,1,2,3,\nB,cd,y,4,5,6,\n',
        'A,ab,"a, b\n\nc, d\n",1,2,3,"x\ny, z"\nB,cd,y,4,5,6,\n',
        'A,ab,x,1,2,3,5" pipe\nB,cd,y,4,5,6,\n',
        'A,="0005",x,1,2,3,\nB,cd\nC,="0007",y,4,5,6,\n',
    ],
)
def test_cells_of_several_lines_and_quotes_within_texts_are_kept(text: str) -> None:
    rows = rows_of(text, RowShape(field_count=7, needed=6, figure_count=3))
    assert [row[3:6] for row in rows if row] == [("1", "2", "3"), ("4", "5", "6")]
