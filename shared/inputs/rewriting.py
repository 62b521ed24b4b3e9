"""Rewriting a CSV file into canonical form: UTF-8, commas, LF, no byte-order mark, no blank records."""

from typing import Final

import numpy as np

from shared.delimited._records import Records, split_records
from shared.delimited.boundaries import BLOCK_BYTES, MAX_RECORD_BYTES, Run, blocks_of, runs_of
from shared.delimited.cells import record_line, unquoted
from shared.delimited.dialect import Dialect
from shared.delimited.streams import Readable, Writable
from shared.inputs.errors import translated_errors

_COPY_BYTES: Final = 64 << 10


def to_canonical(
    stream: Readable,
    dialect: Dialect,
    out: Writable,
    *,
    block_bytes: int = BLOCK_BYTES,
    max_record_bytes: int = MAX_RECORD_BYTES,
) -> int:
    """Writes the file that `stream` gives from its first byte on to `out` in canonical form; returns the bytes written.

    The text of every cell stays as it is. Raises UndecodableError, UnbalancedQuoteError or TooLargeError with places in
    the file as uploaded.
    """
    missing = dialect.text_start
    while missing and (part := stream.read(min(missing, _COPY_BYTES))):
        missing -= len(part)
    cr_ends_lines = dialect.newline == "cr"
    blocks = blocks_of(stream, encoding=dialect.encoding, offset=dialect.text_start, block_bytes=block_bytes)
    runs = runs_of(
        blocks,
        dialect.delimiter,
        lines_before=int(dialect.text_start > dialect.bom_length),
        cr_ends_lines=cr_ends_lines,
        knows_offsets=dialect.encoding == "utf-8",
        max_record_bytes=max_record_bytes,
    )
    written = 0
    with translated_errors():
        for run in runs:
            lines = _canonical_lines(run, dialect, cr_ends_lines=cr_ends_lines)
            out.write(lines)
            written += len(lines)
    return written


def _canonical_lines(run: Run, dialect: Dialect, *, cr_ends_lines: bool) -> bytes:
    # Same length, so the bounds found in the one cut the other, and CRs inside quotes stay what they are.
    data = run.data
    records = split_records(data.replace(b"\r", b"\n") if cr_ends_lines else data, dialect.delimiter)
    bounds = zip(records.starts.tolist(), records.ends.tolist(), strict=True)
    if dialect.delimiter == ",":
        # A CR that is data must not become half of a CRLF.
        lines = [data[start:end] for start, end in bounds]
        return b"".join([line + (b"\r\n" if line.endswith(b"\r") else b"\n") for line in lines])
    return b"".join([_canonical_line(data, records, index) for index in range(len(records))])


def _canonical_line(data: bytes, records: Records, index: int) -> bytes:
    starts, ends = records.field_bounds(np.array([index]), int(records.field_counts[index]))
    bounds = zip(starts[:, 0].tolist(), ends[:, 0].tolist(), strict=True)
    return record_line([unquoted(data[start:end]) for start, end in bounds])
