import re

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from shared.delimited.dialect import Delimiter
from shared.delimited.errors import DelimitedError
from shared.delimited.table import Table, hash_text, read_table
from shared.delimited.writing import RecordWriter


def one_column(cells: list[str]) -> Table:
    return read_table("\n".join(["a", *cells]).encode(), ",", field_count=1)


def as_written(table: Table, row: int) -> bytes:
    positions = table.cells
    return table.data[positions.field_starts[0, row] : positions.field_ends[0, row]]


def test_malformed_records_have_empty_cells_and_their_reason() -> None:
    data = b"a,b\n1\n1,2,3\n\0,2\n" + b"x" * 9 + b',2\n"a"b,2\nc,d\n'
    table = read_table(data, ",", field_count=2, max_field_bytes=8)
    assert {row: (one.reason, one.fields) for row, one in table.malformed.items()} == {
        1: ("fields", 1),
        2: ("fields", 3),
        3: ("nul", 2),
        4: ("oversize", 2),
        5: ("quote", 2),
    }
    assert table.texts(0, np.arange(7)) == ["a", "", "", "", "", "", "c"]
    assert [one.record for one in table.malformed.values()] == [b"1", b"1,2,3", b"\0,2", b"x" * 9 + b",2", b'"a"b,2']


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_rows_with_empty_fields_missing_or_too_many_at_the_end_are_read_and_written_alike(end: bytes) -> None:
    lines = [b"a;b;c", b"1;2;3;;", b'4;"5"', b'\xef\xbb\xbf "6"; "7,8";9;']
    table = read_table(end.join(lines), ";", field_count=3, needed_fields=2)
    assert not table.malformed
    assert [table.texts(column, np.arange(4)) for column in range(3)] == [
        ["a", "1", "4", "6"],
        ["b", "2", "5", "7,8"],
        ["c", "3", "", "9"],
    ]
    assert RecordWriter(table).lines() == [b"a,b,c", b"1,2,3", b'4,"5",', b'6,"7,8",9']


def test_field_before_the_first_that_may_be_missing_is_needed() -> None:
    table = read_table(b"1,2\n1,2,3\n", ",", field_count=3, needed_fields=3)
    assert table.malformed[0].reason == "fields"


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        read_table(b"a,b\n\xff,2\n", ",", field_count=2)


@given(st.lists(st.text(alphabet='=a"+-1 ', max_size=6).filter(lambda cell: cell.count('"') % 2 == 0), max_size=6))
def test_cells_are_found_by_their_first_character(cells: list[str]) -> None:
    try:
        table = one_column(cells)
    except DelimitedError:
        reject()
    found = set(table.cells_opening_with(b"=+", except_numbers=np.array([False])))
    assert found == {(0, row) for row in range(len(table)) if table.text(0, row).startswith(("=", "+"))}


def test_numbers_are_excluded_from_cells_found_by_first_character() -> None:
    table = read_table(b"-1,-1\n-x,-x\n", ",", field_count=2)
    assert table.cells_opening_with(b"-", except_numbers=np.array([True, False])) == [(0, 1), (1, 0), (1, 1)]
    table.numbers(0)
    assert table.cells_opening_with(b"-", except_numbers=np.array([True, False])) == [(0, 1), (1, 0), (1, 1)]


@given(
    st.lists(st.text(st.sampled_from(';|\n\r=+"a ,'), max_size=6), min_size=2, max_size=6),
    st.sampled_from([",", ";"]),
)
def test_cells_that_may_be_split_are_found(cells: list[str], delimiter: Delimiter) -> None:
    lines = [delimiter.join(f'"{cell.replace(chr(34), 2 * chr(34))}"' for cell in (cell, "x;=")) for cell in cells]
    table = read_table("\n".join([*lines, "malformed;=", f"a;=b,{delimiter}"]).encode(), delimiter, field_count=2)
    found = table.split_cells(b";|\r\n", b'=+" ')
    for column in range(2):
        rows = [row for row in range(len(table)) if re.search('[;|\r\n][=+" ]', table.text(column, row))]
        assert set(rows) <= set(found.get(column, []))
    assert len(cells) not in found.get(0, [])


def test_rows_are_grouped_by_the_bytes_of_a_cell() -> None:
    table = one_column(['"a"', "b", "a", "b", '"a"'])
    rows, group = table.grouped(0, np.arange(6))
    assert [as_written(table, int(rows[one])) for one in group] == [as_written(table, row) for row in range(6)]
    assert len(rows) == 3


@given(st.lists(st.text(alphabet="abAB é", min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=6))
def test_hash_of_a_text_equals_the_hash_of_its_cell(cells: list[str]) -> None:
    table = one_column(cells)
    rows = np.arange(len(table))
    hashes = table.hashes(0, rows, (rows + 7).astype(np.uint64)).tolist()
    assert hashes == [hash_text(table.text(0, row).encode(), row + 7) for row in rows.tolist()]
