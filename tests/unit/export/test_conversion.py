"""Reading result files for export."""

import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.export.conversion import read_result
from functions.export.formats import ExportError, ResultFile
from tests.unit.export.result_files import cells, csv_file, in_blocks

tables = st.integers(1, 5).flatmap(
    lambda width: st.tuples(
        st.lists(cells, min_size=width, max_size=width).map(lambda names: [*names, "row"]),
        st.lists(st.lists(cells, min_size=width + 1, max_size=width + 1), max_size=8),
    )
)


def rows_of(result: ResultFile) -> list[list[str]]:
    return [
        list(row)
        for batch in result.batches
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    ]


@given(table=tables, size=st.integers(1, 50))
def test_any_cells_are_read_as_by_the_csv_module_of_python(table: tuple[list[str], list[list[str]]], size: int) -> None:
    names, rows = table
    body = csv_file(names, rows)
    result = read_result(in_blocks(body, size))
    assert [list(result.names), *rows_of(result)] == [names, *rows]
    assert list(csv.reader(io.StringIO(body.decode(), newline=""))) == [names, *rows]


def test_result_file_of_many_blocks_is_read_completely() -> None:
    rows = [[f"text {number}", str(number)] for number in range(5_000)]
    result = read_result(in_blocks(csv_file(["a", "row"], rows), 1_000), block_bytes=4_096)
    batches = list(result.batches)
    assert len(batches) > 10
    assert rows_of(ResultFile(result.names, iter(batches))) == rows


def test_reading_is_never_far_ahead_of_the_consumer() -> None:
    block = (b"x" * 95 + b",123\n") * 40
    taken = 0

    def blocks() -> Iterator[bytes]:
        nonlocal taken
        yield b"a,row\n"
        for _ in range(1_000):
            taken += len(block)
            yield block

    rows = 0
    for batch in read_result(blocks(), block_bytes=4_096).batches:
        rows += batch.num_rows
        assert taken - rows * 100 <= 64 * 4_096
    assert rows == 40_000


def test_row_longer_than_a_block_is_refused_and_csv_is_suggested() -> None:
    body = csv_file(["a", "row"], [["short", "1"], ["x" * 30_000, "2"], ["short", "3"]])
    with pytest.raises(ExportError, match="format=csv") as refused:
        list(read_result([body], block_bytes=10_000).batches)
    assert refused.value.code == "not_exportable"


@pytest.mark.parametrize("body", [b"", b"a,row", b'"a,row\n1,2\n'])
def test_result_file_without_a_header_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="header"):
        read_result([body])
