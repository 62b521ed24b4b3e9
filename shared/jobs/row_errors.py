"""Reading the row errors of a job, in row order, a page at a time.

Every chunk with failed rows leaves one object of JSON lines, written before the chunk is committed. A page walks the
committed chunks in order and reads only the bytes it needs, so that its cost does not grow with the file.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Most row errors are below 400 bytes; a page that needs more reads on.
_BYTES_PER_ERROR = 400
# Errors that a search reads at once.
_LINES_A_READ = 1_000


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RowErrorFilter:
    """Which row errors are shown: rows that have a fault with this code, in this column, or both at once."""

    code: str | None = None
    column: str | None = None

    def matches(self, error: Mapping[str, Any]) -> bool:
        """Whether one of the row's faults is meant."""
        return any(
            self.code in (None, fault["code"]) and self.column in (None, fault["column"])
            for fault in error.get("errors", [error])
        )


EVERY_ERROR = RowErrorFilter()
# What a filtered page looks through at most.
SEARCHED_BYTES = 4 * 1024 * 1024


# (chunk, offset, length) -> the bytes from there, fewer at the end of the object.
ReadErrors = Callable[[int, int, int], bytes]


def read_page(
    chunks: Iterable[int],
    read: ReadErrors,
    *,
    start: Position,
    limit: int,
    error_filter: RowErrorFilter = EVERY_ERROR,
    bytes_at_most: int = SEARCHED_BYTES,
) -> RowErrorPage:
    """The next `limit` row errors of the committed `chunks` that have any, from `start`.

    A filtered page goes no further than about `bytes_at_most`: it may be short, or empty, and still be followed.
    """
    errors: list[dict[str, Any]] = []
    searched, is_search = 0, error_filter != EVERY_ERROR
    for chunk in sorted(chunk for chunk in chunks if chunk >= start.chunk):
        offset = start.offset if chunk == start.chunk else 0
        exhausted = False
        while not exhausted:
            # One more than is shown: only an error that is there makes another page.
            wanted = _LINES_A_READ if is_search else limit + 1 - len(errors)
            lines, exhausted = _read_lines(chunk, read, offset=offset, wanted=wanted)
            for line in lines:
                error = json.loads(line)
                is_wanted = not is_search or error_filter.matches(error)
                if (is_wanted and len(errors) == limit) or (is_search and searched > bytes_at_most):
                    return RowErrorPage(errors=tuple(errors), following=Position(chunk=chunk, offset=offset))
                if is_wanted:
                    errors.append(error)
                offset += len(line)
                searched += len(line)
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


# The code and the column of a fault; no column for one of the row as a whole.
RowErrorGroup = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowErrorCounts:
    """Rows by the codes of their faults, and by code and column. A row with several faults counts for each, once."""

    by_code: Mapping[str, int] = field(default_factory=dict)
    by_group: Mapping[RowErrorGroup, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Mapping[tuple[RowErrorGroup, ...], int]) -> "RowErrorCounts":
        """The counts of rows, given by all the faults that each has."""
        by_code, by_group = Counter[str](), Counter[RowErrorGroup]()
        for groups, count in rows.items():
            for group in set(groups):
                by_group[group] += count
            for code in {code for code, _ in groups}:
                by_code[code] += count
        return cls(by_code=dict(by_code), by_group=dict(by_group))

    @classmethod
    def total(cls, counts: "Iterable[RowErrorCounts]") -> "RowErrorCounts":
        """The counts of all these rows together."""
        by_code, by_group = Counter[str](), Counter[RowErrorGroup]()
        for count in counts:
            by_code.update(count.by_code)
            by_group.update(count.by_group)
        return cls(by_code=dict(by_code), by_group=dict(by_group))
