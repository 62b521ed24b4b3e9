import io
import itertools
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delimited._records import split_records
from shared.delimited.dialect import HEAD_BYTES
from shared.delimited.errors import DelimitedError
from shared.inputs.chunks import KIB, MIB, Chunk, chunk_size, plan_chunks
from shared.inputs.errors import EmptyFileError, FileError, TooLargeError, UnbalancedQuoteError, UndecodableError
from shared.inputs.formats import detect_dialect
from shared.inputs.header import Layout, read_layout
from shared.vocabulary import JobType

_LAYOUT = Layout(
    delimiter=",",
    names=("a",),
    normalized=("a",),
    job_type=JobType.ANNUAL,
    profile="ratios",
    used_both=False,
    data_start=0,
)
pieces = [b'"', b'""', b",", b"\n", b"\r\n", b"\r", b" ", b"ab", "é€𝄞".encode()]
text_bytes = st.lists(st.sampled_from(pieces), max_size=60).map(b"".join)
# Records are found in words of 64 bits: some runs fill words, and blocks end before, at and after their edges.
long_runs = [piece * count for piece in (b'"', b"\n", b" ", b"a") for count in (63, 64, 65, 130)]
long_bytes = st.lists(st.sampled_from(pieces * 3 + long_runs), max_size=40).map(b"".join)


class ShortReads:
    """A stream that returns fewer bytes than requested, as a socket does."""

    def __init__(self, data: bytes, at_once: int) -> None:
        self._stream = io.BytesIO(data)
        self._at_once = at_once

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, self._at_once))


def rows_of(data: bytes) -> list[bytes]:
    records = split_records(data, ",")
    return [data[start:end] for start, end in zip(records.starts, records.ends, strict=True)]


@pytest.mark.hazard("Quoted newlines across a chunk border")
@given(
    data=text_bytes | long_bytes,
    header_bytes=st.integers(0, 6),
    chunk_bytes=st.integers(1, 40) | st.integers(1, 400),
    block_bytes=st.integers(1, 40) | st.integers(60, 200),
    at_once=st.integers(1, 40) | st.integers(1, 200),
    max_chunk_rows=st.integers(1, 8),
)
def test_rows_of_the_chunks_are_the_rows_of_the_file(
    data: bytes, header_bytes: int, chunk_bytes: int, block_bytes: int, at_once: int, max_chunk_rows: int
) -> None:
    data = b"h" * header_bytes + data
    layout = replace(_LAYOUT, data_start=header_bytes)
    plan = plan_chunks(
        ShortReads(data, at_once),
        layout,
        chunk_bytes=chunk_bytes,
        block_bytes=block_bytes,
        max_chunk_rows=max_chunk_rows,
    )
    try:
        whole = rows_of(data[header_bytes:])
    except DelimitedError as error:
        with pytest.raises(UnbalancedQuoteError) as caught:
            list(plan)
        wanted = header_bytes + (error.offset or 0)
    else:
        if not whole:
            with pytest.raises(EmptyFileError):
                list(plan)
            return
        chunks = list(plan)
        check_chunks(chunks, data, whole)
        assert max(chunk.row_count for chunk in chunks) <= max_chunk_rows
        return
    assert caught.value.offset == wanted


def check_chunks(chunks: list[Chunk], data: bytes, whole: list[bytes]) -> None:
    pieces = [rows_of(data[chunk.start : chunk.end]) for chunk in chunks]
    assert [row for piece in pieces for row in piece] == whole
    assert [chunk.row_count for chunk in chunks] == [len(piece) for piece in pieces]
    assert all(pieces)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert [chunk.first_row for chunk in chunks] == [1 + sum(map(len, pieces[:n])) for n in range(len(pieces))]
    assert all(first.end <= second.start for first, second in itertools.pairwise(chunks))


@given(
    data=text_bytes | long_bytes,
    one=st.integers(1, 40) | st.integers(60, 200),
    other=st.integers(1, 40) | st.integers(60, 200),
)
def test_plan_does_not_depend_on_the_size_of_the_blocks(data: bytes, one: int, other: int) -> None:
    def plan(block_bytes: int) -> list[Chunk] | tuple[str, int | None, int | None]:
        try:
            return list(
                plan_chunks(io.BytesIO(data), _LAYOUT, chunk_bytes=9, block_bytes=block_bytes, max_record_bytes=24)
            )
        except FileError as error:
            return str(error), error.offset, error.line

    assert plan(one) == plan(other)


@pytest.mark.parametrize(
    ("name", "job_type", "rows"),
    [
        ("annual_ratios_1000.csv", "annual", 1000),
        ("annual_statements_1000.csv", "annual", 1000),
        ("quarterly_statements_400_semicolon_bom.csv", "quarterly", 400),
    ],
)
@pytest.mark.samples
def test_sample_files_have_the_number_of_rows_in_their_names(
    samples: Path, name: str, job_type: JobType, rows: int
) -> None:
    data = (samples / name).read_bytes()
    dialect = detect_dialect(data[:HEAD_BYTES], is_whole_file=True)
    layout = read_layout(data[:HEAD_BYTES], dialect, job_type=job_type, is_whole_file=True)
    chunks = list(plan_chunks(io.BytesIO(data), layout, chunk_bytes=chunk_size(len(data))))
    assert sum(chunk.row_count for chunk in chunks) == rows
    assert (chunks[0].start, chunks[-1].end) == (layout.data_start, len(data))


@pytest.mark.parametrize(
    ("file_bytes", "wanted"),
    [(0, 64 * KIB), (1 * MIB, 64 * KIB), (40 * MIB, MIB), (2048 * MIB, 8 * MIB), (1 << 40, -(-(1 << 40) // 9_000))],
)
def test_chunk_size_follows_the_size_of_the_file(file_bytes: int, wanted: int) -> None:
    assert chunk_size(file_bytes) == wanted


@given(st.integers(0, 1 << 44))
def test_number_of_chunks_is_within_the_limit(file_bytes: int) -> None:
    assert chunk_size(file_bytes) * 9_000 >= file_bytes


def test_many_blank_lines_make_no_large_chunk(layout: Layout) -> None:
    data = b"a,b\n" + b"\n" * 1000 + b"c,d\n"
    chunks = list(plan_chunks(io.BytesIO(data), layout, chunk_bytes=10, block_bytes=64))
    assert [(chunk.first_row, chunk.row_count) for chunk in chunks] == [(1, 1), (2, 1)]
    assert max(chunk.end - chunk.start for chunk in chunks) <= 10


@pytest.mark.hazard("Duplicate headers, ragged rows, NUL, huge fields, no last newline, CR alone, blank lines, no rows")
@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\n"])
def test_file_without_data_rows_is_refused(layout: Layout, data: bytes) -> None:
    with pytest.raises(EmptyFileError, match=r"^The file has no data rows$"):
        list(plan_chunks(io.BytesIO(data), layout, chunk_bytes=10))


@pytest.mark.hazard("An unbalanced quote")
def test_open_quote_is_reported_with_its_place_in_the_whole_file(layout: Layout) -> None:
    data = b"h\nline 2\nline 3\n" + b'"two\nlines",x\n' + b'ok,"open\nagain\n' * 3
    with pytest.raises(UnbalancedQuoteError) as caught:
        list(plan_chunks(io.BytesIO(data), replace(layout, data_start=2), chunk_bytes=10, block_bytes=7))
    assert caught.value.offset is not None
    assert data[caught.value.offset : caught.value.offset + 5] == b'"open'
    assert caught.value.line == data.count(b"\n", 0, caught.value.offset) + 1


def test_open_quote_is_found_once_its_record_is_over_the_limit(layout: Layout) -> None:
    class Endless:
        def __init__(self) -> None:
            self.given = 0

        def read(self, size: int, /) -> bytes:
            self.given += size
            assert self.given < 10_000
            return b'a,"b\n'.ljust(size, b"x") if self.given == size else b"x" * size

    with pytest.raises(UnbalancedQuoteError, match=r"line 1 \(byte 2\)"):
        list(plan_chunks(Endless(), layout, chunk_bytes=10, block_bytes=100, max_record_bytes=1000))


def test_row_longer_than_the_record_limit_is_refused(layout: Layout) -> None:
    with pytest.raises(TooLargeError, match=r"line 2 \(byte 4\) is longer than 50 bytes"):
        list(plan_chunks(io.BytesIO(b"a,b\n" + b"x" * 51), layout, chunk_bytes=10, block_bytes=16, max_record_bytes=50))


def test_memory_for_a_long_blank_record_is_bounded(layout: Layout) -> None:
    size = 2 * MIB
    stream = io.BytesIO(b"a,b\n" + b" " * size + b"\n")
    tracemalloc.start()
    try:
        chunks = list(plan_chunks(stream, layout, chunk_bytes=8 * MIB))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [chunk.row_count for chunk in chunks] == [1]
    assert peak < 8 * size


def test_too_many_rows_are_refused(layout: Layout) -> None:
    with pytest.raises(TooLargeError, match="more than 2 rows"):
        list(plan_chunks(io.BytesIO(b"a\nb\nc\n"), layout, chunk_bytes=1, max_rows=2))


@given(st.integers(0, 200), st.integers(1, 50))
def test_byte_that_is_not_utf8_is_found_at_any_offset(offset: int, block_bytes: int) -> None:
    data = bytearray("é,ü\n".encode() * 40)
    data[offset] = 0xFF
    try:
        data.decode()
    except UnicodeDecodeError as error:
        wanted = error.start
    with pytest.raises(UndecodableError) as caught:
        list(plan_chunks(io.BytesIO(data), _LAYOUT, chunk_bytes=10, block_bytes=block_bytes))
    assert caught.value.offset == wanted
    assert f"byte {wanted:,}" in str(caught.value)
    assert "?encoding=" in str(caught.value)
