"""Row errors: pages of them in row order, and counts.

Every chunk with failed rows has one object of JSON lines, written before the chunk is committed. A page reads only the
bytes it needs from the objects of committed chunks, so its cost does not grow with the file.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Most row errors are below 400 bytes; a page that needs more reads again.
_BYTES_PER_ERROR = 400
# Row errors that a search reads at once.
_LINES_A_READ = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Start of a page: a chunk and a byte offset in its object of row errors."""

    chunk: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RowErrorPage:
    """Row errors in row order, and the start of the next page (None at the end)."""

    errors: tuple[dict[str, Any], ...]
    following: Position | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowErrorFilter:
    """Which rows are shown: those with an error that has this code, this column, or both."""

    code: str | None = None
    column: str | None = None

    def matches(self, error: Mapping[str, Any]) -> bool:
        """Whether one of the errors of the row matches."""
        return any(
            self.code in (None, one["code"]) and self.column in (None, one["column"])
            for one in error.get("errors", [error])
        )


EVERY_ERROR = RowErrorFilter()
# The most that a filtered page reads.
SEARCHED_BYTES = 4 * 1024 * 1024


# (chunk, offset, length) -> bytes from there, fewer at the end of the object.
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
    """Returns the next `limit` row errors from `start`. `chunks` are the committed ones with failed rows.

    A filtered page reads about `bytes_at_most`: it may be short, or empty, although others follow.
    """
    errors: list[dict[str, Any]] = []
    searched, is_search = 0, error_filter != EVERY_ERROR
    for chunk in sorted(chunk for chunk in chunks if chunk >= start.chunk):
        offset = start.offset if chunk == start.chunk else 0
        exhausted = False
        while not exhausted:
            # One more than is shown: only an existing error makes another page.
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
    """Returns at most `wanted` whole lines from `offset`, and whether the object ends with the last of them."""
    length = wanted * _BYTES_PER_ERROR
    while True:
        data = read(chunk, offset, length)
        at_end = len(data) < length
        lines = [line for line in data.splitlines(keepends=True) if line.endswith(b"\n")]
        if lines or at_end:
            return lines[:wanted], at_end and len(lines) <= wanted
        length *= 4  # one error longer than the whole read


# Code and column of a row error; no column for an error of the row as a whole.
RowErrorGroup = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowErrorCounts:
    """Failed rows by error code, and by code and column. A row with several errors counts once for each."""

    by_code: Mapping[str, int] = field(default_factory=dict)
    by_group: Mapping[RowErrorGroup, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Mapping[tuple[RowErrorGroup, ...], int]) -> "RowErrorCounts":
        """Returns the counts of rows that are given by all errors of a row."""
        by_code, by_group = Counter[str](), Counter[RowErrorGroup]()
        for groups, count in rows.items():
            for group in set(groups):
                by_group[group] += count
            for code in {code for code, _ in groups}:
                by_code[code] += count
        return cls(by_code=dict(by_code), by_group=dict(by_group))

    @classmethod
    def total(cls, counts: "Iterable[RowErrorCounts]") -> "RowErrorCounts":
        """Returns the sum of the counts."""
        by_code, by_group = Counter[str](), Counter[RowErrorGroup]()
        for count in counts:
            by_code.update(count.by_code)
            by_group.update(count.by_group)
        return cls(by_code=dict(by_code), by_group=dict(by_group))
