"""Result files written as Parquet and read again."""

import math
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from functions.export.conversion import read_result
from functions.export.formats import write_parquet
from shared.delimited.cells import decimal_text
from shared.scoring.values import guarded, unguarded
from tests.unit.export.result_files import cells, csv_file, in_blocks


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parquet") / "all.parquet"


def written(path: Path, names: list[str], rows: list[list[str]], *, block: int = 1 << 20) -> pa.Table:
    write_parquet(read_result(in_blocks(csv_file(names, rows), block), block_bytes=block), str(path))
    return parquet.read_table(path)


@settings(max_examples=50)
@given(rows=st.lists(st.tuples(cells, cells), max_size=6))
def test_text_columns_are_read_back_without_formula_escapes(path: Path, rows: list[tuple[str, str]]) -> None:
    names = ["company_name", "remarks", "row"]
    stored = [[guarded(a), guarded(b), str(number)] for number, (a, b) in enumerate(rows, start=1)]
    table = written(path, names, stored)
    assert table.column_names == names
    assert list(zip(table["company_name"].to_pylist(), table["remarks"].to_pylist(), strict=True)) == [
        (unguarded(guarded(a)), unguarded(guarded(b))) for a, b in rows
    ]
    # Text is unchanged unless it had an apostrophe itself.
    assert all(unguarded(guarded(text)) == text for row in rows for text in row if "'" not in text)
    assert table["row"].to_pylist() == list(range(1, len(rows) + 1))


@given(probabilities=st.lists(st.floats(0, 1), max_size=5))
def test_probabilities_are_the_doubles_of_the_csv(path: Path, probabilities: list[float]) -> None:
    texts = [decimal_text(probability) for probability in probabilities]
    table = written(path, ["a", "row", "default_probability"], [["x", "1", text] for text in texts])
    assert table["default_probability"].to_pylist() == [float(text) for text in texts]
    assert all(math.isfinite(value) for value in table["default_probability"].to_pylist())


def test_result_columns_are_typed_and_null_where_a_row_has_no_value(path: Path) -> None:
    names = ["sector", "row", "default_probability", "risk_level", "top_factors", "code", "outcome"]
    factors = '[{"input":"x","effect":0.5}]'
    rows = [
        ["", "1", "0.25", "HIGH", factors, "", "successful"],
        ["y", "2", "", "", "", "missing_field", "failed"],
        ["", "3", "", "", "", "", "unprocessed"],
    ]
    table = written(path, names, rows)
    types = {field.name: (str(field.type), field.nullable) for field in table.schema}
    assert types == {
        "sector": ("string", False),
        "row": ("int64", False),
        "default_probability": ("double", True),
        "risk_level": ("string", True),
        "top_factors": ("string", True),
        "code": ("string", True),
        "outcome": ("string", True),
    }
    assert table.to_pydict() == {
        "sector": ["", "y", ""],
        "row": [1, 2, 3],
        "default_probability": [0.25, None, None],
        "risk_level": ["HIGH", None, None],
        "top_factors": [factors, None, None],
        "code": [None, "missing_field", None],
        "outcome": ["successful", "failed", "unprocessed"],
    }


def test_parquet_file_without_rows_has_its_columns(path: Path) -> None:
    table = written(path, ["sector", "row"], [])
    assert (table.column_names, table.num_rows) == (["sector", "row"], 0)


def test_columns_with_the_same_unescaped_name_get_distinct_names(path: Path) -> None:
    table = written(path, ["'=a", "'=a", "row"], [["1", "2", "1"]])
    assert table.column_names == ["=a", "=a_", "row"]
    assert table.to_pylist() == [{"=a": "1", "=a_": "2", "row": 1}]


def test_rows_are_written_in_several_row_groups(path: Path) -> None:
    rows = [["x" * 50, str(number)] for number in range(2_000)]
    table = written(path, ["a", "row"], rows, block=10_000)
    assert table["row"].to_pylist() == list(range(2_000))
    assert parquet.ParquetFile(path).num_row_groups > 5
