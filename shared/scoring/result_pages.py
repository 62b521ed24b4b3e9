"""Pages of the scored rows of a result file, as objects. Standard library only: the api function reads them.

The file is CSV as `shared.scoring.results` writes it. Only the bytes of a page, and of the header line, are read.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.scoring.values import unguarded

# (offset, length) -> the bytes from this offset, fewer at the end of the file.
ReadFile = Callable[[int, int], bytes]

SHOWN_CHARACTERS: Final = 1_000
"""Characters of a text cell in a page. Longer text is truncated with an ellipsis; the file has all of it."""

# Limit of a page as JSON: a Lambda response has at most 6 MB.
PAGE_BYTES: Final = 3 * 1024 * 1024
_BYTES_A_ROW: Final = 600
_READ_AT_MOST: Final = 4 * 1024 * 1024
# A record has at most 200 cells of 32 KB, and quotes may double them.
_LARGEST_RECORD: Final = 2 * 200 * 33 * 1024
# Up to the first line end outside quotes. Possessive quantifiers keep the time linear.
_RECORD: Final = re.compile(rb'(?:[^"\n]++|"[^"]*+")*+\n')
_LISTS: Final = ("top_factors", "missing_ratios", "out_of_range")
_TYPES: Final[dict[str, Callable[[str], Any]]] = {"row": int, "default_probability": float}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """Rows, and the byte offset of the next page (None at the end)."""

    rows: tuple[dict[str, Any], ...]
    following: int | None


def read_page(read: ReadFile, *, start: int | None, limit: int, page_bytes: int = PAGE_BYTES) -> ResultPage:
    """Returns up to `limit` rows from the byte offset `start`, or from the first row when it is None.

    A page of very wide rows may be short although more rows follow.
    """
    header = next(_records(read, 0, wanted=1), None)
    if header is None:
        return ResultPage(rows=(), following=None)
    columns = tuple(_cells(header))
    rows: list[dict[str, Any]] = []
    offset = len(header) if start is None else start
    size = 0
    for record in _records(read, offset, wanted=limit + 1):
        row = as_object(columns, map(_shown, _cells(record)))
        size += len(json.dumps(row))
        # One row more than shown: there is a next page only if it has a row.
        if len(rows) == limit or (rows and size > page_bytes):
            return ResultPage(rows=tuple(rows), following=offset)
        rows.append(row)
        offset += len(record)
    return ResultPage(rows=tuple(rows), following=None)


def as_object(columns: Sequence[str], cells: Iterable[str]) -> dict[str, Any]:
    """Returns a scored row as an object: input columns as text without escapes, score columns typed."""
    row: dict[str, Any] = {}
    is_ours = False
    for name, cell in zip(columns, cells, strict=True):
        is_ours = is_ours or name == "row"
        if not is_ours:
            row[name] = unguarded(cell)
        elif name in _LISTS:
            row[name] = json.loads(cell)
        else:
            row[name] = _TYPES.get(name, str)(cell)
    return row


def _shown(cell: str) -> str:
    return cell if len(cell) <= SHOWN_CHARACTERS else cell[:SHOWN_CHARACTERS] + "…"


def _records(read: ReadFile, offset: int, *, wanted: int) -> Iterator[bytes]:
    """Yields whole records with their line ends. `offset` is the start of a record."""
    length = wanted * _BYTES_A_ROW
    held = b""
    while True:
        data = read(offset + len(held), length)
        held += data
        at_end = len(data) < length
        length = min(2 * length, _READ_AT_MOST)
        begin = 0
        while record := _RECORD.match(held, begin):
            yield record[0]
            begin = record.end()
        offset += begin
        held = held[begin:]
        if at_end:
            if held:
                yield held
            return
        if len(held) > _LARGEST_RECORD:
            raise ValueError("a record of the result file has no end")


def _cells(record: bytes) -> list[str]:
    # The limit is global to the module, and its default is below the longest cell of a job.
    csv.field_size_limit(_LARGEST_RECORD)
    return next(csv.reader(io.StringIO(record.decode(), newline="")))
