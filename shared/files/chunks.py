"""Cutting a UTF-8 file into byte ranges that hold whole records, in one pass and constant memory."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from shared.files.dialect import decoding_error
from shared.files.errors import EmptyFileError, TooLargeError, UnbalancedQuoteError
from shared.files.grammar import Delimiter, unbalanced_quote
from shared.files.header import Layout
from shared.files.records import Positions, record_bounds, structure_of

KIB: Final = 1024
MIB: Final = 1024 * KIB
MAX_RECORD_BYTES: Final = 16 * MIB
MAX_ROWS: Final = 20_000_000


class Readable(Protocol):
    """What the bytes are read from: an open file, an S3 body."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, fewer when that is what there is; none at the end."""
        ...


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
    block_bytes: int = 4 * MIB,
    max_record_bytes: int = MAX_RECORD_BYTES,
    max_rows: int = MAX_ROWS,
) -> Iterator[Chunk]:
    """The chunks of the file that `stream` gives from its first byte on: in order, of all its rows.

    A chunk has at least one row and is closed by the first record that brings it to `chunk_bytes`. The first starts at
    `layout.data_start` and each where the last one ended, but that a long stretch of blank records is left out.
    Memory is a few blocks, or a few times `max_record_bytes` while a record that long is read.
    Raises UndecodableError, UnbalancedQuoteError, TooLargeError, or EmptyFileError for a file without data rows.
    """
    index, first_row, row_count = 0, 1, 0
    start = end = layout.data_start
    for ends, rows_before in _records(stream, layout, block_bytes=block_bytes, max_record_bytes=max_record_bytes):
        at = 0
        while at < len(ends):
            # The record that fills the chunk, or the last one known so far.
            stop = min(int(np.searchsorted(ends, start + chunk_bytes)), len(ends) - 1)
            row_count += int(rows_before[stop + 1] - rows_before[at])
            end = int(ends[stop])
            at = stop + 1
            if first_row + row_count - 1 > max_rows:
                raise TooLargeError(f"The file has more than {max_rows:,} rows. Split it and upload the parts.")
            if end - start < chunk_bytes:
                continue
            if row_count:
                yield Chunk(index=index, start=start, end=end, first_row=first_row, row_count=row_count)
                index, first_row, row_count = index + 1, first_row + row_count, 0
            start = end
    if row_count:
        yield Chunk(index=index, start=start, end=end, first_row=first_row, row_count=row_count)
    elif index == 0:
        raise EmptyFileError("The file has no data rows")


def _records(
    stream: Readable, layout: Layout, *, block_bytes: int, max_record_bytes: int
) -> Iterator[tuple[Positions, Positions]]:
    """Runs of n whole records: the file offset after each, `[n]`, and the rows of the run before each, `[n + 1]`."""
    buffer = b""
    offset = 0  # in the file, of the buffer
    newlines = 0  # in the file, before the buffer
    to_skip = layout.data_start
    for block, is_last in _blocks(stream, block_bytes):
        buffer += block
        if to_skip:
            skipped = min(to_skip, len(buffer))
            newlines += buffer.count(b"\n", 0, skipped)
            buffer = buffer[skipped:]
            offset += skipped
            to_skip -= skipped
        text = np.frombuffer(buffer, np.uint8)
        structure = structure_of(text, layout.delimiter, newlines_only=True)
        line_ends = structure.separators
        whole = int(line_ends[-1]) + 1 if len(line_ends) else 0
        if is_last and whole < len(buffer):
            line_ends = np.append(line_ends, len(buffer))
        starts, _, blank = record_bounds(text, line_ends, layout.delimiter)
        too_long = np.flatnonzero(line_ends - starts > max_record_bytes)
        longest_start = int(starts[too_long[0]]) if len(too_long) else whole
        if len(too_long) or len(buffer) - whole > max_record_bytes:
            head = buffer[longest_start : longest_start + max_record_bytes]
            raise _over_long(
                head,
                layout.delimiter,
                offset=offset + longest_start,
                line=newlines + buffer.count(b"\n", 0, longest_start) + 1,
            )
        if is_last and structure.open_quote is not None:
            raise unbalanced_quote(
                offset=offset + structure.open_quote,
                line=newlines + buffer.count(b"\n", 0, structure.open_quote) + 1,
            )
        if len(line_ends):
            ends = np.minimum(line_ends + 1, len(buffer)) + offset
            yield ends, np.concatenate(([0], np.cumsum(~blank)))
            newlines += buffer.count(b"\n", 0, whole)
            buffer = buffer[whole:]
            offset += whole


def _over_long(head: bytes, delimiter: Delimiter, *, offset: int, line: int) -> UnbalancedQuoteError | TooLargeError:
    """The error for a record of which `head` is as much as a record may be."""
    open_quote = structure_of(np.frombuffer(head, np.uint8), delimiter, newlines_only=True).open_quote
    if open_quote is not None:
        return unbalanced_quote(offset=offset + open_quote, line=line + head.count(b"\n", 0, open_quote))
    return TooLargeError(
        f"The row that starts on line {line:,} (byte {offset:,}) is longer than {len(head):,} bytes. "
        "Check that the file has line breaks.",
        offset=offset,
        line=line,
    )


def _blocks(stream: Readable, block_bytes: int) -> Iterator[tuple[bytes, bool]]:
    """Blocks of the stream, checked to be UTF-8, each with whether it is the last; the last may be empty."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    offset = 0
    is_last = False
    while not is_last:
        parts: list[bytes] = []
        missing = block_bytes
        while missing > 0 and (part := stream.read(missing)):
            parts.append(part)
            missing -= len(part)
        is_last = missing > 0
        block = b"".join(parts)
        pending = len(decoder.getstate()[0])
        if pending or is_last or not block.isascii():
            try:
                decoder.decode(block, is_last)
            except UnicodeDecodeError as error:
                raise decoding_error(error, "utf-8", offset=offset - pending) from error
        yield block, is_last
        offset += len(block)
