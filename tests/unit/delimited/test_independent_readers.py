"""The engine compared with two independent readers: Python's csv module and pyarrow's.

They agree on files as RFC 4180 describes them. Elsewhere programs differ, and the engine's grammar is that of
`shared.delimited.cells`: a lone CR is data (pyarrow and csv end a line there), a record with text after a closing quote
is malformed (csv keeps it, pyarrow refuses it), spaces before an opening quote are dropped (csv and pyarrow take the
quote for data), a record of blanks and delimiters is no record (csv yields it, pyarrow drops only empty lines), and NUL
makes a record malformed.
"""

import csv
import io
import re

import numpy as np
import pyarrow as pa
import pyarrow.csv
from hypothesis import given
from hypothesis import strategies as st

from shared.delimited.dialect import DELIMITERS, Delimiter
from shared.delimited.errors import DelimitedError
from shared.delimited.table import Table, read_table
from shared.delimited.writing import RecordWriter

# Lines end with LF or CRLF, and a CR is only part of these.
texts = st.text(st.sampled_from([*'"",;\t|\n ab=-1', "é", "😀"]), max_size=8)
plain_numbers = st.from_regex(re.compile(r"-?[0-9]{1,17}(\.[0-9]{1,20})?", re.ASCII), fullmatch=True)


@st.composite
def rectangles(draw: st.DrawFn, cells: st.SearchStrategy[str] = texts) -> list[list[str]]:
    """Draws rows of two to four cells, each with one that is not blank."""
    width = draw(st.integers(2, 4))
    row = st.lists(cells, min_size=width, max_size=width).filter(lambda row: bool("".join(row).strip()))
    return draw(st.lists(row, min_size=1, max_size=6))


def written(rows: list[list[str]], delimiter: Delimiter, line_end: str, quoting: int) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()


def read_by_pyarrow(data: bytes, delimiter: str, width: int, kind: pa.DataType) -> list[list[object]]:
    names = [f"c{place}" for place in range(width)]
    table = pyarrow.csv.read_csv(
        io.BytesIO(data),
        read_options=pyarrow.csv.ReadOptions(column_names=names, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, kind), strings_can_be_null=False, null_values=[]
        ),
    )
    return [list(row.values()) for row in table.to_pylist()]


def read_by_csv(data: bytes, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))


def read_by_engine(table: Table) -> list[list[str]]:
    return [[table.text(column, row) for column in range(len(table.cells.starts))] for row in range(len(table))]


quotings = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])


@given(rectangles(), st.sampled_from(DELIMITERS), st.sampled_from(["\n", "\r\n"]), quotings)
def test_every_reader_returns_the_cells_that_the_csv_module_wrote(
    rows: list[list[str]], delimiter: Delimiter, line_end: str, quoting: int
) -> None:
    data = written(rows, delimiter, line_end, quoting)
    width = len(rows[0])
    table = read_table(data, delimiter, field_count=width)
    assert read_by_engine(table) == rows == read_by_csv(data, delimiter)
    assert read_by_pyarrow(data, delimiter, width, pa.string()) == rows


@given(rectangles(plain_numbers), st.sampled_from(DELIMITERS), quotings)
def test_numbers_are_the_doubles_that_pyarrow_reads(rows: list[list[str]], delimiter: Delimiter, quoting: int) -> None:
    data = written(rows, delimiter, "\n", quoting)
    width = len(rows[0])
    table = read_table(data, delimiter, field_count=width)
    theirs = np.array(read_by_pyarrow(data, delimiter, width, pa.float64()))
    for column in range(width):
        ours, is_read = table.numbers(column)
        assert np.array_equal(ours[is_read], theirs[is_read, column])
        assert not np.isnan(ours[is_read]).any()


pieces = st.sampled_from([*'"",;\n a1=', "\r", "\r\n", "é"])


@given(st.lists(pieces, max_size=60).map("".join), st.sampled_from([",", ";"]))
def test_rewritten_lines_read_the_same_in_every_reader(text: str, delimiter: Delimiter) -> None:
    # Any text at all: stray quotes, lone CRs, rows of another width.
    try:
        table = read_table(text.encode(), delimiter, field_count=2)
    except DelimitedError:
        return
    lines = [line for row, line in enumerate(RecordWriter(table).lines()) if row not in table.malformed]
    rows = [row for index, row in enumerate(read_by_engine(table)) if index not in table.malformed]
    if not rows:
        return
    data = b"".join(line + b"\n" for line in lines)
    assert read_by_csv(data, ",") == rows
    assert read_by_pyarrow(data, ",", 2, pa.string()) == rows
