"""A second, plain implementation of the grammar of records, one byte at a time, for tests to compare with."""

from dataclasses import dataclass, field

from shared.delimited.dialect import Delimiter

Field = tuple[int, int]
FILLERS = (b" ", b"\x1a", b"\xef\xbb\xbf")


@dataclass
class PlainRecord:
    """A record: where it starts and where the next one starts, and the bounds of its fields.

    A quoted field begins with its quote. `is_stray` records have text behind a closing quote.
    """

    start: int
    end: int = 0
    fields: list[Field] = field(default_factory=list)
    is_stray: bool = False
    is_empty: bool = False


@dataclass(frozen=True)
class Unreadable:
    """The offset of a quote that is left open, or of one that is closed, lines below, with text behind it."""

    reason: str
    offset: int | None


def plain_records(data: bytes, delimiter: Delimiter) -> list[PlainRecord] | Unreadable:
    """Returns every record that is not empty, or why there are none."""
    records, unreadable = all_records(data, delimiter)
    return unreadable or [record for record in records if not record.is_empty]


def all_records(data: bytes, delimiter: Delimiter) -> tuple[list[PlainRecord], Unreadable | None]:
    """Returns every record up to the first that cannot be read, and why it cannot."""
    records: list[PlainRecord] = []
    at = 0
    while at < len(data):
        record = PlainRecord(at)
        while True:
            start = opening_quote(data, at)
            if start is not None:
                closing = closing_quote(data, start)
                if closing is None:
                    return records, Unreadable("open_quote", start)
                at = closing + 1
                if not ends_field(data, at, delimiter):
                    if b"\n" in data[start:closing]:
                        return records, Unreadable("stray_quote", start)
                    record.is_stray = True
            else:
                start = at
            while at < len(data) and data[at : at + 1] not in (delimiter.encode(), b"\n"):
                at += 1
            is_line_end = data[at : at + 1] == b"\n"
            is_crlf = is_line_end and at > record.start and data[at - 1 : at] == b"\r"
            record.fields.append((start, at - is_crlf))
            at += 1
            if is_line_end or at > len(data):
                break
        record.end = min(at, len(data))
        record.is_empty = is_empty(data, record, delimiter)
        records.append(record)
    return records, None


def opening_quote(data: bytes, at: int) -> int | None:
    while filler := next((filler for filler in FILLERS if data.startswith(filler, at)), b""):
        at += len(filler)
    return at if data.startswith(b'"', at) else None


def closing_quote(data: bytes, opening: int) -> int | None:
    at = opening + 1
    while at < len(data):
        if data.startswith(b'""', at):
            at += 2
        elif data.startswith(b'"', at):
            return at
        else:
            at += 1
    return None


def ends_field(data: bytes, at: int, delimiter: Delimiter) -> bool:
    return at == len(data) or data.startswith((delimiter.encode(), b"\n", b"\r\n"), at)


def is_empty(data: bytes, record: PlainRecord, delimiter: Delimiter) -> bool:
    """Returns whether a record is blank, or begins with two delimiters and has only blanks and delimiters."""
    written = data[record.start : record.fields[-1][1]]
    blanks = b" \r\x1a" if delimiter == "\t" else b" \t\r\x1a"
    allowed = blanks + delimiter.encode() if written.startswith(2 * delimiter.encode()) else blanks
    return all(byte in allowed for byte in written)
