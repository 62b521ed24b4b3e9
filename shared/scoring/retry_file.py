"""The file of a retry, from the result files of its parent: their input columns as written, in order of the rows.

A `failed` or `unprocessed` file has the input columns, `row`, and for failed rows the row errors. Of these the input
columns are kept byte by byte: guards against formulas stay, since reading takes them off and writing puts them on
again. Behind them comes `source_row`, the number of the row in the file that was first uploaded. The file of a retry
of a retry has that column already.

A malformed record is written whole into the first cell of a result file. Here it becomes a record of two cells, itself
and its number: as malformed as it was, whatever delimiter it was written with, and `shared.scoring.passthrough` writes
it as it was. In an `unprocessed` file nothing says that a record was malformed. There it is one whose first cell
has several fields in it and whose other cells are empty.

Standard library only: a regular expression over the bytes finds the cells.
"""

import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from typing import Final

from shared.delimited.cells import field_expression, quoted, unquoted
from shared.inputs.columns import normalized_name
from shared.scoring.results import ROW, ROW_ERROR_COLUMNS, SOURCE_ROW, free_name

_FIELD: Final = field_expression(",")
_HEADER: Final = re.compile(rb"(%b(?:,%b)*+)\n" % (_FIELD, _FIELD))
_CELL: Final = re.compile(rb"(?:\A|,)(%b)" % _FIELD)
# What a malformed record may have in it, which a single cell hardly has.
_SEVERAL_FIELDS: Final = re.compile("[,;\t|\n␀]".encode())
_MALFORMED: Final = b"malformed_row"
# A record has 16 MiB at most, every quote in it doubled, and its errors quote it.
_MAX_RECORD_BYTES: Final = 128 << 20
_BLOCK_ROWS: Final = 4096


class UnreadableResultError(Exception):
    """A result file that is not as this service writes them."""


@dataclass(frozen=True, slots=True)
class _ResultFile:
    """An opened result file: the names of its input columns as written, and what follows the header."""

    names: tuple[bytes, ...]
    has_row_errors: bool
    rest: Iterator[bytes]


def retry_file(files: Iterable[Iterable[bytes]], *, has_source_row: bool) -> Iterator[bytes]:
    """The retry's file in blocks, from the blocks of the parent's result files, each in the order of its rows.

    `has_source_row` is whether the parent's last input column is `source_row` already. Memory is a block of each file
    and a few thousand rows. Raises UnreadableResultError.
    """
    opened = [_opened(iter(file)) for file in files]
    names = opened[0].names
    if any(file.names != names for file in opened):
        raise UnreadableResultError("the result files have different columns")
    yield (b",".join(names) if has_source_row else _numbered_header(names)) + b"\n"
    rows = heapq.merge(*(_rows(file, has_source_row=has_source_row) for file in opened), key=itemgetter(0))
    lines = (line for _, line in rows)
    while block := b"".join(islice(lines, _BLOCK_ROWS)):
        yield block


def _opened(blocks: Iterator[bytes]) -> _ResultFile:
    buffer = b""
    for block in blocks:
        buffer += block
        if match := _HEADER.match(buffer):
            break
    else:
        raise UnreadableResultError("a result file without a header")
    cells = _CELL.findall(match[1])
    names = [unquoted(cell).decode() for cell in cells]
    ends = {True: [ROW, *ROW_ERROR_COLUMNS], False: [ROW]}
    for has_row_errors, ours in ends.items():
        if names[-len(ours) :] == ours:
            return _ResultFile(tuple(cells[: -len(ours)]), has_row_errors, chain([buffer[match.end() :]], blocks))
    raise UnreadableResultError("a result file without the number of its rows")


def _numbered_header(names: tuple[bytes, ...]) -> bytes:
    """The header with our column. A column of the input that has its name already makes way, as in result files."""
    texts = [unquoted(name).decode() for name in names]
    taken = {normalized_name(text) for text in texts} | {SOURCE_ROW}
    cells = [
        quoted(free_name(text, taken).encode()) if normalized_name(text) == SOURCE_ROW else cell
        for cell, text in zip(names, texts, strict=True)
    ]
    return b",".join([*cells, SOURCE_ROW.encode()])


def _rows(file: _ResultFile, *, has_source_row: bool) -> Iterator[tuple[int, bytes]]:
    """The rows with their lines for the retry's file, in order."""
    own = len(file.names) - has_source_row
    record = re.compile(
        rb"((%b)((?:,%b){%d}))%b,(\d+)%b\n"
        % (
            _FIELD,
            _FIELD,
            own - 1,
            rb",(\d+)" if has_source_row else b"()",
            rb",([^,\n]*+)(?:,%b){%d}" % (_FIELD, len(ROW_ERROR_COLUMNS) - 1) if file.has_row_errors else b"()",
        )
    )
    nothing = b"," * (own - 1)
    for cells, first, others, source_row, row, code in _records(file.rest, record):
        number = source_row or row
        if code == _MALFORMED or (not code and others == nothing and _SEVERAL_FIELDS.search(first)):
            yield int(row), b"%b,%b\n" % (first, number)
        else:
            yield int(row), b"%b,%b\n" % (cells, number)


def _records(blocks: Iterable[bytes], record: re.Pattern[bytes]) -> Iterator[tuple[bytes, ...]]:
    """The groups of every record."""
    buffer = b""
    for block in blocks:
        buffer += block
        at = 0
        while match := record.match(buffer, at):
            yield match.groups()
            at = match.end()
        buffer = buffer[at:]
        if len(buffer) > _MAX_RECORD_BYTES:
            break
    if buffer:
        raise UnreadableResultError("a result file with a record that is not whole")
