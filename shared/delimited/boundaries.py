"""Whole records out of a stream, in constant memory: planning counts them, rewriting copies them."""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from shared.delimited._record_ends import RecordEnds, RecordFinder
from shared.delimited._records import open_quote
from shared.delimited._words import Bytes, is_ascii
from shared.delimited.dialect import Delimiter
from shared.delimited.errors import DelimitedError


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
) -> Iterator[Run]:
    """Yields the records of a stream after its first `skip` bytes, in runs of as many as a block completes.

    `read` returns at most as many bytes as it is given, and none at the end of the stream. With `cr_ends_lines` a CR
    outside quotes ends a record like an LF (CRLF then makes a blank record more). Runs are UTF-8 in any case.
    For the errors, `offset` is where in the file the stream starts, and `lines_before` how many lines precede it.
    Raises DelimitedError for bytes that are not in the encoding, an open quote, and a record over `max_record_bytes`.
    """
    # Bytes of another encoding are at other places in the file than in the runs.
    knows_offsets = encoding == "utf-8"
    finder = RecordFinder(delimiter)
    buffer = b""
    enough = 0
    lines = lines_before
    follows_cr = False

    def lines_to(place: int) -> int:
        found = lines + ends.newline_count - text.count(b"\n", place)
        if not cr_ends_lines:
            return found
        # An LF whose CR came with the run before has been counted with it.
        return found - buffer.count(b"\r\n", 0, place) - (follows_cr and buffer.startswith(b"\n", 0, place))

    for block in _blocks(read, encoding=encoding, offset=offset, block_bytes=block_bytes):
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
            raise DelimitedError(
                "open_quote", offset=offset + place if knows_offsets else None, line=lines_to(place) + 1
            )
        if ends.size:
            yield Run(offset=offset, ends=ends, _buffer=buffer)
            lines = lines_to(ends.size)
            follows_cr = buffer[ends.size - 1 : ends.size] == b"\r"
            buffer, offset = buffer[ends.size :], offset + ends.size
        # An unfinished record is searched again only when the buffer has doubled, so that time stays linear.
        enough = 2 * len(buffer)


def _blocks(read: Callable[[int], bytes], *, encoding: str, offset: int, block_bytes: int) -> Iterator[_Block]:
    """Yields the stream in blocks, as UTF-8. `offset` is where in the file the stream starts. Raises DelimitedError."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    is_utf8 = encoding == "utf-8"
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


def _over_long(head: bytes, delimiter: Delimiter, *, offset: int | None, line: int) -> DelimitedError:
    """Returns the error for a record that begins with `head`, which is as long as a record may be."""
    place = open_quote(head, delimiter)
    if place is not None:
        return DelimitedError(
            "open_quote", offset=None if offset is None else offset + place, line=line + head.count(b"\n", 0, place)
        )
    return DelimitedError("record_too_long", offset=offset, line=line, limit_bytes=len(head))
