"""Runs of whole records out of a stream of blocks, in constant memory: what planning and rewriting both walk over."""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.files.dialect import decoding_error
from shared.files.errors import FileError, TooLargeError
from shared.files.grammar import Delimiter, unbalanced_quote
from shared.files.records import LF, Mask, Positions, record_bounds, structure_of
from shared.files.streams import Readable

# Small enough for what is worked out of a block to stay in the processor's cache.
BLOCK_BYTES: Final = 512 << 10
MAX_RECORD_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Text of a file as UTF-8. A character cut by the end of a block may be cut here too."""

    data: bytes
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """Whole records, `size` bytes that start at `offset` of the stream, and per record (n) the index of its newline.

    The last record of a file may have no newline; its index is then `size`. `is_blank` is `[n]`.
    """

    size: int
    offset: int
    line_ends: Positions
    is_blank: Mask
    _buffer: bytes

    @property
    def data(self) -> bytes:
        """The bytes, copied: not everybody looks at them."""
        return self._buffer[: self.size]


def blocks_of(
    stream: Readable, *, encoding: str = "utf-8", offset: int = 0, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """The stream in blocks, as UTF-8. `offset` is where in the file the stream starts, for the error.

    Raises UndecodableError, with the offset of the first byte that is no text in the encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    is_utf8 = encoding == "utf-8"
    is_last = False
    while not is_last:
        parts: list[bytes] = []
        missing = block_bytes
        while missing > 0 and (part := stream.read(missing)):
            parts.append(part)
            missing -= len(part)
        is_last = missing > 0
        data = b"".join(parts)
        pending = len(decoder.getstate()[0])
        if is_utf8 and not pending and data.isascii():
            text = ""
        else:
            try:
                text = decoder.decode(data, is_last)
            except UnicodeDecodeError as error:
                raise decoding_error(error, encoding, offset=offset - pending) from error
        yield Block(data=data if is_utf8 else text.encode(), is_last=is_last)
        offset += len(data)


def runs_of(
    blocks: Iterable[Block],
    delimiter: Delimiter,
    *,
    skip: int = 0,
    lines_before: int = 0,
    cr_ends_lines: bool = False,
    knows_offsets: bool = True,
    max_record_bytes: int = MAX_RECORD_BYTES,
) -> Iterator[Run]:
    """The records of the blocks after the first `skip` bytes, in runs of as many as a block completes.

    With `cr_ends_lines` a CR outside quotes ends a record like an LF (CRLF then makes a blank record more).
    For the errors, `lines_before` is how many lines precede the blocks, and `knows_offsets` whether their bytes are the
    file's own. Raises UnbalancedQuoteError, and TooLargeError for a record of more than `max_record_bytes`.
    """
    buffer = b""
    offset = enough = 0
    lines = lines_before
    follows_cr = False

    def lines_in(data: bytes) -> int:
        newlines = int(np.count_nonzero(np.frombuffer(data, np.uint8) == LF))
        if not cr_ends_lines:
            return newlines
        # An LF whose CR came with the run before has been counted with it.
        return newlines + data.count(b"\r") - data.count(b"\r\n") - (follows_cr and data.startswith(b"\n"))

    for block in blocks:
        buffer += block.data
        if skip:
            skipped = min(skip, len(buffer))
            lines += buffer.count(b"\n", 0, skipped)
            buffer, offset, skip = buffer[skipped:], offset + skipped, skip - skipped
        if len(buffer) < enough and not block.is_last:
            continue
        text = np.frombuffer(buffer.replace(b"\r", b"\n") if cr_ends_lines else buffer, np.uint8)
        structure = structure_of(text, delimiter, newlines_only=True)
        line_ends = structure.separators
        end = int(line_ends[-1]) + 1 if len(line_ends) else 0
        if block.is_last and end < len(buffer):
            line_ends, end = np.append(line_ends, len(buffer)), len(buffer)
        starts, _, is_blank = record_bounds(text, line_ends, delimiter)
        long_ones = starts[line_ends - starts > max_record_bytes]
        if len(long_ones) or len(buffer) - end > max_record_bytes:
            start = int(long_ones[0]) if len(long_ones) else end
            raise _over_long(
                bytes(text[start : start + max_record_bytes]),
                delimiter,
                offset=offset + start if knows_offsets else None,
                line=lines + lines_in(buffer[:start]) + 1,
            )
        if block.is_last and structure.open_quote is not None:
            place = structure.open_quote
            raise unbalanced_quote(
                offset=offset + place if knows_offsets else None, line=lines + lines_in(buffer[:place]) + 1
            )
        if end:
            yield Run(size=end, offset=offset, line_ends=line_ends, is_blank=is_blank, _buffer=buffer)
            lines += lines_in(buffer[:end])
            follows_cr = buffer[end - 1 : end] == b"\r"
            buffer, offset = buffer[end:], offset + end
        # A record that goes on is looked at again when there is twice as much of it: no length costs its square.
        enough = 2 * len(buffer)


def _over_long(head: bytes, delimiter: Delimiter, *, offset: int | None, line: int) -> FileError:
    """The error for a record of which `head` is as much as a record may have."""
    open_quote = structure_of(np.frombuffer(head, np.uint8), delimiter, newlines_only=True).open_quote
    if open_quote is not None:
        place = None if offset is None else offset + open_quote
        return unbalanced_quote(offset=place, line=line + head.count(b"\n", 0, open_quote))
    at = "" if offset is None else f" (byte {offset:,})"
    return TooLargeError(
        f"The row that starts on line {line:,}{at} is longer than {len(head):,} bytes. "
        "Check that the file has line breaks.",
        offset=offset,
        line=line,
    )
