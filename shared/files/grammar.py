"""The grammar of delimited text, one record at a time and without NumPy: for headers and for single fields.

- `"` is special only as the first byte of a field. Inside a quoted field `""` is one quote, and newlines and
  delimiters are data. After the closing quote everything up to the next delimiter or newline is literal.
- LF or CRLF outside quotes ends a record. A lone CR is data.
- A record that is empty or only spaces, tabs and CRs is blank and not counted (a tab that delimits is no blank).

Where Python's `csv` reads a file without lone CRs, it reads the same fields. `shared.files.records` is the same grammar
over whole buffers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from shared.files.errors import UnbalancedQuoteError

Delimiter = Literal[",", ";", "\t", "|"]
# Ties between delimiters go to the earlier one.
DELIMITERS: Final[tuple[Delimiter, ...]] = get_args(Delimiter)


def _field_pattern(delimiter: str) -> re.Pattern[bytes]:
    ends = re.escape(delimiter.encode()) + rb"\n"
    # Possessive, so that a quote which never closes costs one pass and no backtracking.
    return re.compile(rb'"(?:[^"]++|"")*+"[^' + ends + rb']*+|(?!")[^' + ends + rb"]*+")


_FIELD: Final = {delimiter: _field_pattern(delimiter) for delimiter in DELIMITERS}


_FIELD_OF_ANY: Final = _field_pattern("".join(DELIMITERS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of a buffer: its fields unquoted, where it starts, where the next starts, and if a newline ends it."""

    fields: tuple[bytes, ...]
    start: int
    next_start: int
    is_terminated: bool


def blanks_of(delimiter: Delimiter) -> bytes:
    """The bytes a blank record may consist of."""
    return b" \r" if delimiter == "\t" else b" \t\r"


def first_record(data: bytes, delimiter: Delimiter, *, start: int = 0) -> Record | None:
    """The first record from `start` on that is not blank, or None when there is none.

    Raises UnbalancedQuoteError when a quoted field of it is open at the end of `data`.
    """
    blanks = blanks_of(delimiter)
    while start < len(data):
        record = _record_at(data, delimiter, start)
        if len(record.fields) > 1 or data[start : record.next_start].strip(blanks + b"\n"):
            return record
        start = record.next_start
    return None


def delimiter_of(data: bytes) -> Delimiter:
    """The candidate most frequent outside quotes in the first line that is not blank; among equals the first."""
    counts = dict.fromkeys(DELIMITERS, 0)
    at = 0
    is_blank = True
    # Which one delimits is not known yet, so a quote may open a field after each of them. One left open ends the look.
    while at < len(data) and (field := _FIELD_OF_ANY.match(data, at)):
        separator = data[field.end() : field.end() + 1]
        is_blank = is_blank and separator in b"\n" and not field[0].strip()
        if separator in b"\n" and not is_blank:
            break
        for delimiter in DELIMITERS:
            counts[delimiter] += separator == delimiter.encode()
        at = field.end() + 1
    return max(DELIMITERS, key=counts.__getitem__)


def _record_at(data: bytes, delimiter: Delimiter, start: int) -> Record:
    pattern = _FIELD[delimiter]
    fields = []
    at = start
    while True:
        match = pattern.match(data, at)
        if match is None:
            raise unbalanced_quote(offset=at, line=data.count(b"\n", 0, at) + 1)
        end = match.end()
        is_terminated = data[end : end + 1] == b"\n"
        field = match[0]
        if is_terminated and field.endswith(b"\r"):
            field = field[:-1]
        fields.append(unquoted(field))
        if end == len(data) or is_terminated:
            return Record(
                fields=tuple(fields), start=start, next_start=end + is_terminated, is_terminated=is_terminated
            )
        at = end + 1


def unquoted(field: bytes) -> bytes:
    """What a field as written says: its quotes taken off, and `""` inside them turned into `"`."""
    if not field.startswith(b'"'):
        return field
    at = 1
    while (at := field.find(b'"', at)) >= 0 and field[at + 1 : at + 2] == b'"':
        at += 2
    if at < 0:
        return field[1:].replace(b'""', b'"')
    return field[1:at].replace(b'""', b'"') + field[at + 1 :]


def quoted(cell: bytes) -> bytes:
    """The cell as it is written with commas, so that this grammar and every other reader of CSV reads it back."""
    if b'"' in cell:
        return b'"' + cell.replace(b'"', b'""') + b'"'
    if b"," in cell or b"\n" in cell or b"\r" in cell:
        return b'"' + cell + b'"'
    return cell


def record_line(cells: Sequence[bytes]) -> bytes:
    """One record in canonical form, with its LF: as many fields as cells, and never blank."""
    line = b",".join([quoted(cell) for cell in cells])
    if not line.strip(b" \t\r"):
        return b'"' + line + b'"\n'
    return line + b"\n"


def unbalanced_quote(*, offset: int | None, line: int) -> UnbalancedQuoteError:
    """The error for a quote that is never closed, at a 0-based byte (where known) and 1-based line of the file."""
    at = "" if offset is None else f" (byte {offset:,})"
    return UnbalancedQuoteError(
        f'The quote (") that opens a field on line {line:,}{at} is never closed. '
        "Close it, or double every quote that is part of the text, and upload the file again.",
        offset=offset,
        line=line,
    )
