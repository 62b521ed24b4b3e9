"""Cutting a UTF-8 file into byte ranges that hold whole records, in one pass and constant memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.delimited.boundaries import Run, record_runs
from shared.delimited.inspection import Inspection
from shared.inputs.errors import EmptyFileError, TooLargeError, translated_errors
from shared.inputs.header import Layout
from shared.inputs.streams import BLOCK_BYTES, MAX_RECORD_BYTES, Readable

KIB: Final = 1024
MIB: Final = 1024 * KIB
MAX_ROWS: Final = 20_000_000
# Some 47,000 rows of usual width fill the largest chunk.
MAX_CHUNK_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The records in bytes `[start, end)` of the file: rows `first_row` (1-based) to `first_row + row_count - 1`."""

    index: int
    start: int
    end: int
    first_row: int
    row_count: int


def chunk_size(
    file_bytes: int,
    *,
    smallest: int = 64 * KIB,
    largest: int = 8 * MIB,
    wanted_chunks: int = 40,
    max_chunks: int = 9_000,
) -> int:
    """The size in bytes to cut a file of this size by: some forty chunks, within bounds, and never over the maximum."""
    return max(min(max(file_bytes // wanted_chunks, smallest), largest), -(-file_bytes // max_chunks))


def plan_chunks(
    stream: Readable,
    layout: Layout,
    *,
    chunk_bytes: int,
    block_bytes: int = BLOCK_BYTES,
    max_record_bytes: int = MAX_RECORD_BYTES,
    max_rows: int = MAX_ROWS,
    max_chunk_rows: int = MAX_CHUNK_ROWS,
    on_records: Callable[[Run], None] | None = None,
    inspection: Inspection | None = None,
) -> Iterator[Chunk]:
    """Yields the chunks of the file that `stream` gives from its first byte on, in order.

    A chunk has at least one row and is closed by the record that brings it to `chunk_bytes` or to `max_chunk_rows`, so
    that rows of nothing but delimiters do not make one that no worker could hold. The first starts at
    `layout.data_start` and each where the last one ended, but that a long stretch of empty records is left out.
    `on_records` gets all records, in runs of any size, as they are read. An `inspection` finds rows that quotes may
    have put together, and knows afterwards what was tolerated.
    Memory is a few blocks, or a few times `max_record_bytes` while a record that long is read.
    Raises UndecodableError, UnbalancedQuoteError, TooLargeError, or EmptyFileError for a file without data rows.
    """
    with translated_errors():
        yield from _chunks(
            stream,
            layout,
            chunk_bytes=chunk_bytes,
            block_bytes=block_bytes,
            max_record_bytes=max_record_bytes,
            max_rows=max_rows,
            max_chunk_rows=max_chunk_rows,
            on_records=on_records,
            inspection=inspection,
        )


def _chunks(
    stream: Readable,
    layout: Layout,
    *,
    chunk_bytes: int,
    block_bytes: int,
    max_record_bytes: int,
    max_rows: int,
    max_chunk_rows: int,
    on_records: Callable[[Run], None] | None,
    inspection: Inspection | None,
) -> Iterator[Chunk]:
    index, first_row, row_count = 0, 1, 0
    start = end = layout.data_start
    runs = record_runs(
        stream.read,
        layout.delimiter,
        block_bytes=block_bytes,
        max_record_bytes=max_record_bytes,
        skip=layout.data_start,
        inspection=inspection,
    )
    for run in runs:
        if on_records is not None:
            on_records(run)
        at = rows_taken = 0
        while at < run.ends.size:
            # The record that fills the chunk, or the last one known so far.
            at = min(
                run.ends.first_from(start + chunk_bytes - run.offset),
                run.ends.of_row(rows_taken + max_chunk_rows - row_count),
            )
            rows_before, rows_taken = rows_taken, run.ends.rows_to(at)
            row_count += rows_taken - rows_before
            end = run.offset + at
            if first_row + row_count - 1 > max_rows:
                raise TooLargeError(f"The file has more than {max_rows:,} rows. Split it and upload the parts.")
            if end - start < chunk_bytes and row_count < max_chunk_rows:
                continue
            if row_count:
                yield Chunk(index=index, start=start, end=end, first_row=first_row, row_count=row_count)
                index, first_row, row_count = index + 1, first_row + row_count, 0
            start = end
    if row_count:
        yield Chunk(index=index, start=start, end=end, first_row=first_row, row_count=row_count)
    elif index == 0:
        raise EmptyFileError("The file has no data rows")
