"""The grammar of delimited text, one record or cell at a time. Standard library only.

- `"` is special only as the first byte of a field. Inside a quoted field `""` is one quote, and newlines and
  delimiters are data. After the closing quote everything up to the next delimiter or newline is literal.
- LF or CRLF outside quotes ends a record. A lone CR is data.
- A record that is empty or only spaces, tabs and CRs is blank and not counted (a tab that delimits is no blank).

Where Python's `csv` reads a file without lone CRs, it reads the same fields. `shared.delimited.table` reads whole
buffers by the same grammar.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from shared.delimited.errors import DelimitedError

_QUOTE, _COMMA, _LF, _CR = b'",\n\r'


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of a buffer: its fields unquoted, where it starts, where the next starts, and if a newline ends it."""

    fields: tuple[bytes, ...]
    start: int
    next_start: int
    is_terminated: bool


def field_expression(delimiters: str) -> bytes:
    """Returns a regular expression without groups for a field as written, up to one of these delimiters or an LF."""
    ends = re.escape(delimiters.encode()) + rb"\n"
    # Possessive, so that a quote which never closes costs one pass and no backtracking.
    return rb'(?:"(?:[^"]++|"")*+"[^' + ends + rb']*+|(?!")[^' + ends + rb"]*+)"


@cache
def field_pattern(delimiters: str) -> re.Pattern[bytes]:
    """Returns `field_expression` compiled."""
    return re.compile(field_expression(delimiters))


def blanks_of(delimiter: str) -> bytes:
    """Returns the bytes a blank record may consist of."""
    return b" \r" if delimiter == "\t" else b" \t\r"


def first_record(data: bytes, delimiter: str, *, start: int = 0) -> Record | None:
    """Returns the first record from `start` on that is not blank, or None when there is none.

    Raises DelimitedError when a quoted field of it is open at the end of `data`.
    """
    blanks = blanks_of(delimiter)
    while start < len(data):
        record = _record_at(data, delimiter, start)
        if len(record.fields) > 1 or data[start : record.next_start].strip(blanks + b"\n"):
            return record
        start = record.next_start
    return None


def _record_at(data: bytes, delimiter: str, start: int) -> Record:
    pattern = field_pattern(delimiter)
    fields = []
    at = start
    while True:
        match = pattern.match(data, at)
        if match is None:
            raise DelimitedError("open_quote", offset=at, line=data.count(b"\n", 0, at) + 1)
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
    """Returns the text of a field as written: without its quotes, and with `""` inside them as `"`."""
    if not field.startswith(b'"'):
        return field
    at = 1
    while (at := field.find(b'"', at)) >= 0 and field[at + 1 : at + 2] == b'"':
        at += 2
    if at < 0:
        return field[1:].replace(b'""', b'"')
    return field[1:at].replace(b'""', b'"') + field[at + 1 :]


def quoted(cell: bytes) -> bytes:
    """Returns the cell as it is written with commas, so that this grammar and every other reader of CSV reads it."""
    # By number: looking for `b","` with `in` takes ten times as long.
    if _QUOTE in cell:
        return b'"' + cell.replace(b'"', b'""') + b'"'
    if _COMMA in cell or _LF in cell or _CR in cell:
        return b'"' + cell + b'"'
    return cell


def record_line(cells: Sequence[bytes]) -> bytes:
    """Returns one record in canonical form, with its LF: as many fields as cells, and never blank."""
    line = b",".join([quoted(cell) for cell in cells])
    if not line.strip(b" \t\r"):
        return b'"' + line + b'"\n'
    return line + b"\n"


def decimal_text(number: float) -> str:
    """Returns a number rounded to six significant digits, never in exponent form."""
    text = f"{number:.6g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{number:.{len(mantissa.replace('.', '')) - 1 - int(exponent)}f}"
    return text
