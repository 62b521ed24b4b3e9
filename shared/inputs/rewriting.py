"""Rewriting a CSV file into canonical form: UTF-8 with commas and LF or CRLF, without byte-order mark.

Lines stay where they are, so that errors found later name those of the upload; a `sep=` line becomes a blank one.
"""

from typing import Final

from shared.delimited.boundaries import record_runs
from shared.delimited.dialect import Dialect
from shared.delimited.writing import canonical_records
from shared.inputs.errors import translated_errors
from shared.inputs.streams import BLOCK_BYTES, MAX_RECORD_BYTES, Readable, Writable

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

    The text of every cell stays as it is, but in a file of CR line ends those in cells become LF too. Raises
    UndecodableError, UnbalancedQuoteError or TooLargeError with places in the file as uploaded.
    """
    missing = dialect.text_start
    while missing and (part := stream.read(min(missing, _COPY_BYTES))):
        missing -= len(part)
    lines_before = int(dialect.text_start > dialect.bom_length)
    runs = record_runs(
        stream.read,
        dialect.delimiter,
        block_bytes=block_bytes,
        max_record_bytes=max_record_bytes,
        encoding=dialect.encoding,
        offset=dialect.text_start,
        lines_before=lines_before,
        cr_ends_lines=dialect.newline == "cr",
    )
    out.write(b"\n" * lines_before)
    written = lines_before
    with translated_errors():
        for run in runs:
            lines = canonical_records(run.data, dialect.delimiter)
            out.write(lines)
            written += len(lines)
    return written
