"""Result files as they are read to be exported: their columns, and their rows in batches of text, in bounded memory."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
from pyarrow import csv

from shared.exports.errors import ExportError
from shared.files.errors import UnbalancedQuoteError
from shared.files.grammar import first_record

# A record may be no longer; 200 columns of 32 KB each are shorter. Arrow reads 32 of these ahead, and no more.
BLOCK_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ResultFile:
    """The names of the columns as the file has them, and batches of its rows: a text column each, in this order."""

    names: tuple[str, ...]
    batches: Iterator[pa.RecordBatch]


def read_result(blocks: Iterable[bytes], *, block_bytes: int = BLOCK_BYTES) -> ResultFile:
    """Read a result file from its bytes. Raises `ExportError`, also from the batches, for a record that is too long."""
    source = iter(blocks)
    head = b""
    while True:
        block = next(source, None)
        head += block or b""
        try:
            header = first_record(head, ",")
        except UnbalancedQuoteError:
            header = None  # the name of a column goes on in the next block
        if header is not None and header.is_terminated:
            break
        if block is None:
            raise ValueError("a result file begins with its header")
    names = tuple(field.decode() for field in header.fields)
    return ResultFile(names, _batches(head[header.next_start :], source, len(names), block_bytes))


def _batches(head: bytes, rest: Iterator[bytes], columns: int, block_bytes: int) -> Iterator[pa.RecordBatch]:
    rows = _Blocks(head, rest)
    if rows.is_at_end():
        return
    # By place: what the file calls its columns is nothing that a reader should make sense of.
    places = [str(place) for place in range(columns)]
    try:
        with csv.open_csv(
            rows,
            read_options=csv.ReadOptions(column_names=places, block_size=block_bytes, use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        ) as reader:
            yield from reader
    except pa.ArrowInvalid as error:
        if "straddling" not in str(error):
            raise
        raise ExportError(
            f"The file has a row of more than {block_bytes:,} bytes, which cannot be exported. "
            "Download it as CSV: format=csv.",
            code="not_exportable",
        ) from error


class _Blocks(io.RawIOBase):
    """Blocks of bytes as a file whose reads are short at its end alone: the reader takes what it gets for a block."""

    def __init__(self, head: bytes, rest: Iterator[bytes]) -> None:
        self._block = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def is_at_end(self) -> bool:
        """Whether nothing is left to be read."""
        while not self._block:
            block = next(self._rest, None)
            if block is None:
                return True
            self._block = memoryview(block)
        return False

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        filled = 0
        while filled < len(buffer) and not self.is_at_end():
            size = min(len(buffer) - filled, len(self._block))
            buffer[filled : filled + size] = self._block[:size]
            self._block = self._block[size:]
            filled += size
        return filled
