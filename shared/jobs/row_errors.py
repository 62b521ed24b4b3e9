"""Reading the row errors of a job, in row order, a page at a time.

Every chunk with failed rows leaves one object of JSON lines, written before the chunk is committed. A page walks the
committed chunks in order and reads only the bytes it needs, so that its cost does not grow with the file.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

# Most row errors are below 400 bytes; a page that needs more reads on.
_BYTES_PER_ERROR = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a page starts: a chunk and a byte in its error object."""

    chunk: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RowErrorPage:
    """Some row errors in row order, and where the next page starts (None at the end)."""

    errors: tuple[dict[str, Any], ...]
    following: Position | None


# (chunk, offset, length) -> the bytes from there, fewer at the end of the object.
ReadErrors = Callable[[int, int, int], bytes]


def read_page(chunks: Iterable[int], read: ReadErrors, *, start: Position, limit: int) -> RowErrorPage:
    """The next `limit` row errors of the committed `chunks` that have any, from `start`."""
    errors: list[dict[str, Any]] = []
    for chunk in sorted(chunk for chunk in chunks if chunk >= start.chunk):
        offset = start.offset if chunk == start.chunk else 0
        exhausted = False
        while not exhausted:
            # One more than is shown: only an error that is there makes another page.
            lines, exhausted = _read_lines(chunk, read, offset=offset, wanted=limit + 1 - len(errors))
            for line in lines:
                if len(errors) == limit:
                    return RowErrorPage(errors=tuple(errors), following=Position(chunk=chunk, offset=offset))
                errors.append(json.loads(line))
                offset += len(line)
    return RowErrorPage(errors=tuple(errors), following=None)


def _read_lines(chunk: int, read: ReadErrors, *, offset: int, wanted: int) -> tuple[list[bytes], bool]:
    """At most `wanted` whole lines from `offset`, and whether the object ends with the last of them."""
    length = wanted * _BYTES_PER_ERROR
    while True:
        data = read(chunk, offset, length)
        at_end = len(data) < length
        lines = [line for line in data.splitlines(keepends=True) if line.endswith(b"\n")]
        if lines or at_end:
            return lines[:wanted], at_end and len(lines) <= wanted
        length *= 4  # one error longer than the whole read
