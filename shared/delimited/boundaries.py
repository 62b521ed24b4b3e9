"""Runs of whole records out of a stream of blocks, in constant memory: what planning and rewriting both walk over."""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.delimited._arrays import is_ascii
from shared.delimited._record_ends import RecordEnds, RecordFinder
from shared.delimited._records import open_quote
from shared.delimited.dialect import Delimiter
from shared.delimited.errors import DecodingError, DelimitedError, OpenQuoteError, RecordTooLongError
from shared.delimited.streams import Readable

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
    """Whole records, whose bytes start at `offset` of the stream; `ends` counts from there."""

    offset: int
    ends: RecordEnds
    _buffer: bytes

    @property
    def data(self) -> bytes:
        """The bytes, copied: not everybody looks at them."""
        return self._buffer[: self.ends.size]


def blocks_of(
    stream: Readable, *, encoding: str = "utf-8", offset: int = 0, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """The stream in blocks, as UTF-8. `offset` is where in the file the stream starts, for the error.

    Raises DecodingError.
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
        if is_utf8 and not pending and is_ascii(data):
            text = ""
        else:
            try:
                text = decoder.decode(data, is_last)
            except UnicodeDecodeError as error:
                raise DecodingError.of(error, encoding, offset=offset - pending) from error
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
    file's own. Raises OpenQuoteError, and RecordTooLongError for a record of more than `max_record_bytes`.
    """
    finder = RecordFinder(delimiter)
    buffer = b""
    offset = enough = 0
    lines = lines_before
    follows_cr = False

    def lines_to(place: int) -> int:
        found = lines + ends.newline_count - text.count(b"\n", place)
        if not cr_ends_lines:
            return found
        # An LF whose CR came with the run before has been counted with it.
        return found - buffer.count(b"\r\n", 0, place) - (follows_cr and buffer.startswith(b"\n", 0, place))

    for block in blocks:
        buffer += block.data
        if skip:
            skipped = min(skip, len(buffer))
            lines += buffer.count(b"\n", 0, skipped)
            buffer, offset, skip = buffer[skipped:], offset + skipped, skip - skipped
        if len(buffer) < enough and not block.is_last:
            continue
        text = buffer.replace(b"\r", b"\n") if cr_ends_lines else buffer
        ends = finder.find(text, is_last=block.is_last)
        start = ends.start_of_longer(max_record_bytes)
        if start is not None:
            raise _over_long(
                text[start : start + max_record_bytes],
                delimiter,
                offset=offset + start if knows_offsets else None,
                line=lines_to(start) + 1,
            )
        place = open_quote(text, delimiter) if block.is_last and ends.is_quote_open else None
        if place is not None:
            raise OpenQuoteError(offset=offset + place if knows_offsets else None, line=lines_to(place) + 1)
        if ends.size:
            yield Run(offset=offset, ends=ends, _buffer=buffer)
            lines = lines_to(ends.size)
            follows_cr = buffer[ends.size - 1 : ends.size] == b"\r"
            buffer, offset = buffer[ends.size :], offset + ends.size
        # A record that goes on is looked at again when there is twice as much of it: no length costs its square.
        enough = 2 * len(buffer)


def _over_long(head: bytes, delimiter: Delimiter, *, offset: int | None, line: int) -> DelimitedError:
    """The error for a record of which `head` is as much as a record may have."""
    place = open_quote(head, delimiter)
    if place is not None:
        return OpenQuoteError(
            offset=None if offset is None else offset + place, line=line + head.count(b"\n", 0, place)
        )
    return RecordTooLongError(offset=offset, line=line, limit_bytes=len(head))
