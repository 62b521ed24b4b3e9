"""Whole records out of a stream, in constant memory: planning counts them, rewriting copies them."""

import codecs
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from shared.delimited._record_ends import RecordEnds, RecordFinder
from shared.delimited._records import structure_of
from shared.delimited._words import Bytes, is_ascii
from shared.delimited.dialect import Delimiter
from shared.delimited.errors import DelimitedError
from shared.delimited.inspection import Finding, Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Text of a file as UTF-8. A character may be split between two blocks."""

    data: bytes
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """Whole records as UTF-8. `offset` is where they start in a file that is UTF-8; `ends` counts from there."""

    offset: int
    ends: RecordEnds
    _buffer: bytes

    @property
    def text(self) -> Bytes:
        """The bytes, not copied."""
        return np.frombuffer(self._buffer, np.uint8, self.ends.size)

    def has(self, byte: bytes) -> bool:
        """Returns whether the byte is anywhere in the records."""
        return self._buffer.find(byte, 0, self.ends.size) >= 0

    @property
    def data(self) -> bytes:
        """The bytes, copied on demand: planning needs only where they end."""
        return self._buffer[: self.ends.size]


def record_runs(
    read: Callable[[int], bytes],
    delimiter: Delimiter,
    *,
    block_bytes: int,
    max_record_bytes: int,
    encoding: str = "utf-8",
    offset: int = 0,
    skip: int = 0,
    lines_before: int = 0,
    cr_ends_lines: bool = False,
    inspection: Inspection | None = None,
) -> Iterator[Run]:
    """Yields the records of a stream after its first `skip` bytes, in runs of as many as a block completes.

    `read` returns at most as many bytes as it is given, and none at the end of the stream. With `cr_ends_lines` every
    CR or CRLF becomes an LF. Runs are UTF-8 in any case.
    For the errors, `offset` is where in the file the stream starts, and `lines_before` how many lines precede it.
    Raises DelimitedError for bytes that are not in the encoding, quotes that do not pair up, a record over
    `max_record_bytes`, and records that `inspection` finds ambiguous; always the first of these in the file.
    """
    # Bytes of another encoding are at other places in the file than in the runs, and so are those behind a CRLF.
    knows_offsets = encoding == "utf-8" and not cr_ends_lines
    finder = RecordFinder(delimiter)
    buffer = b""
    enough = rows = 0
    lines = lines_before
    blocks = _blocks(read, encoding=encoding, offset=offset, block_bytes=block_bytes, cr_ends_lines=cr_ends_lines)
    for block in blocks:
        buffer += block.data
        if skip:
            skipped = min(skip, len(buffer))
            lines += buffer.count(b"\n", 0, skipped)
            buffer, offset, skip = buffer[skipped:], offset + skipped, skip - skipped
        if len(buffer) < enough and not block.is_last:
            continue
        ends = finder.find(buffer, is_last=block.is_last)
        found = _unreadable(buffer, ends, delimiter, max_record_bytes=max_record_bytes, is_last=block.is_last)
        if inspection is not None:
            readable = ends.size if found is None else ends.last_to(found.first)
            found = inspection.ambiguity(buffer, ends, readable, first_row=rows + 1) or found
        if found is not None:
            raise DelimitedError(
                found.reason,
                offset=offset + found.first if knows_offsets else None,
                line=lines + buffer.count(b"\n", 0, found.first) + 1,
                last_line=lines + buffer.count(b"\n", 0, found.last) + 1,
                limit_bytes=max_record_bytes,
            )
        if ends.size:
            yield Run(offset=offset, ends=ends, _buffer=buffer)
            rows += ends.row_count
            lines += ends.newline_count - buffer.count(b"\n", ends.size)
            buffer, offset = buffer[ends.size :], offset + ends.size
        # An unfinished record is searched again only when the buffer has doubled, so that time stays linear.
        enough = 2 * len(buffer)


def _blocks(
    read: Callable[[int], bytes], *, encoding: str, offset: int, block_bytes: int, cr_ends_lines: bool
) -> Iterator[_Block]:
    """Yields the stream in blocks, as UTF-8. `offset` is where in the file the stream starts. Raises DelimitedError."""
    plain = codecs.getincrementaldecoder(encoding)("strict")
    decoder = io.IncrementalNewlineDecoder(plain, translate=True) if cr_ends_lines else plain
    is_utf8 = encoding == "utf-8" and not cr_ends_lines
    is_last = False
    while not is_last:
        parts: list[bytes] = []
        missing = block_bytes
        while missing > 0 and (part := read(missing)):
            parts.append(part)
            missing -= len(part)
        is_last = missing > 0
        data = b"".join(parts)
        pending = len(decoder.getstate()[0])
        if is_utf8 and not pending and is_ascii(data):
            text = ""
        else:
            try:
                text = decoder.decode(data, is_last)
            except UnicodeDecodeError as error:
                raise DelimitedError.from_decoder(error, encoding, offset=offset - pending) from error
        yield _Block(data=data if is_utf8 else text.encode(), is_last=is_last)
        offset += len(data)


def _unreadable(
    text: bytes, ends: RecordEnds, delimiter: Delimiter, *, max_record_bytes: int, is_last: bool
) -> Finding | None:
    """Returns the first record that is too long, or whose quotes do not pair up."""
    start = ends.start_of_longer(max_record_bytes)
    if start is not None and (ends.joined is None or start <= ends.joined[0]):
        found = _unpaired(text[start : start + max_record_bytes], delimiter, is_whole=False)
        if found is None:
            return Finding("record_too_long", start, start)
        return Finding(found.reason, start + found.first, start + found.last)
    if ends.joined is not None:
        return Finding("stray_quote", *ends.joined)
    return _unpaired(text, delimiter, is_whole=True) if is_last and ends.is_quote_open else None


def _unpaired(text: bytes, delimiter: Delimiter, *, is_whole: bool) -> Finding | None:
    structure = structure_of(text, delimiter, is_whole=is_whole)
    if structure.irregular is not None and structure.irregular.joined is not None:
        return Finding("stray_quote", *structure.irregular.joined)
    return None if structure.open_quote is None else Finding("open_quote", structure.open_quote, structure.open_quote)
