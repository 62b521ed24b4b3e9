"""The grammar of delimited text, one record or cell at a time. Standard library only.

- A `"` opens a quoted field as its first byte, or behind nothing but fillers: spaces, byte-order marks and Ctrl-Z,
  which are no part of the field then. Any other `"` outside a quoted field is data.
- Inside a quoted field `""` is one quote, and newlines and delimiters are data. The closing quote is right before a
  delimiter, a line end or the end of the file (RFC 4180). With text behind it, it is stray: the record is malformed,
  and text and quotes up to the next delimiter or newline are data. In a field of several lines it is an error, since
  the lines may be records.
- LF or CRLF outside quotes ends a record. A lone CR is data.
- A record that is empty or only spaces, tabs, CRs and Ctrl-Zs is blank (a tab that delimits is no blank). One that
  begins with two delimiters and has nothing but such blanks and delimiters is of delimiters only. Neither is counted.

Where Python's `csv` reads a file without lone CRs, fillers and stray quotes, it reads the same fields.
`shared.delimited.table` reads whole buffers by the same grammar.
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


@cache
def _strict_pattern(delimiter: str) -> re.Pattern[bytes]:
    """Returns the expression for a field: its first group is a quoted text, its second what is behind that."""
    other = rb"[^" + re.escape(delimiter.encode()) + rb"\n]"
    filler = rb"(?:[ \x1a]|\xef\xbb\xbf)*+"
    end = rb"(?!" + other + rb")|(?=\r\n)"
    return re.compile(rb'%b(?:("(?:[^"]++|"")*+")(?:%b|(%b++)))|(?!%b")%b*+' % (filler, end, other, filler, other))


def blanks_of(delimiter: str) -> bytes:
    """Returns the bytes a blank record may consist of."""
    return b" \r\x1a" if delimiter == "\t" else b" \t\r\x1a"


def first_record(data: bytes, delimiter: str, *, start: int = 0) -> Record | None:
    """Returns the first record from `start` on that is not empty, or None when there is none.

    Raises DelimitedError when a quoted field of it is open at the end of `data` or has text behind it.
    """
    while start < len(data):
        record = _record_at(data, delimiter, start)
        if not _is_empty(data[start : record.next_start].rstrip(b"\n"), delimiter):
            return record
        start = record.next_start
    return None


def _is_empty(record: bytes, delimiter: str) -> bool:
    blanks = blanks_of(delimiter)
    if record.startswith(2 * delimiter.encode()):
        blanks += delimiter.encode()
    return not record.strip(blanks)


def _record_at(data: bytes, delimiter: str, start: int) -> Record:
    pattern = _strict_pattern(delimiter)
    fields = []
    at = start
    while True:
        match = pattern.match(data, at)
        if match is None:
            opening = data.index(b'"', at)
            raise DelimitedError("open_quote", offset=opening, line=data.count(b"\n", 0, opening) + 1)
        if match[2] is not None:
            raise stray_quote(data, match.start(1), match.end(1) - 1)
        end = match.end()
        if match[1] is not None:
            field = unquoted(match[1])
            end += data[end : end + 1] == b"\r"
            is_terminated = data[end : end + 1] == b"\n"
        else:
            field = match[0]
            is_terminated = data[end : end + 1] == b"\n"
            if is_terminated and field.endswith(b"\r"):
                field = field[:-1]
        fields.append(field)
        if end == len(data) or is_terminated:
            return Record(
                fields=tuple(fields), start=start, next_start=end + is_terminated, is_terminated=is_terminated
            )
        at = end + 1


def stray_quote(data: bytes, opening: int, closing: int) -> DelimitedError:
    """Returns the error for a field that these quotes enclose, with text behind it."""
    return DelimitedError(
        "stray_quote",
        offset=opening,
        line=data.count(b"\n", 0, opening) + 1,
        last_line=data.count(b"\n", 0, closing) + 1,
    )


def unquoted(field: bytes) -> bytes:
    """Returns the text of a field as written: without quotes around it, and with `""` inside them as `"`."""
    return field[1:-1].replace(b'""', b'"') if field.startswith(b'"') else field


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
