"""A second, plain implementation of the grammar of records, one byte at a time, for tests to compare with."""

from dataclasses import dataclass

from shared.delimited.dialect import Delimiter

Field = tuple[int, int]


@dataclass(frozen=True)
class PlainRecord:
    """A record: the bounds of its fields, where the next one starts, and whether it is blank."""

    fields: list[Field]
    end: int
    is_blank: bool


def plain_records(data: bytes, delimiter: Delimiter) -> list[list[Field]] | int:
    """Returns the field bounds of every record that is not blank, or the offset of the quote that is left open."""
    records, open_quote = records_and_blanks(data, delimiter)
    return [record.fields for record in records if not record.is_blank] if open_quote is None else open_quote


def records_and_blanks(data: bytes, delimiter: Delimiter) -> tuple[list[PlainRecord], int | None]:
    """Returns every record, and the offset of a quote left open after the last, or None."""
    records: list[PlainRecord] = []
    fields: list[Field] = []
    record_start = field_start = at = 0
    while at < len(data) or record_start < len(data):
        if at == field_start and data[at : at + 1] == b'"':
            at += 1
            while data[at : at + 1] != b'"' or data[at + 1 : at + 2] == b'"':
                if at >= len(data):
                    return records, field_start
                at += 2 if data[at : at + 1] == b'"' else 1
            at += 1
            continue
        byte = data[at : at + 1]
        if byte == delimiter.encode():
            fields.append((field_start, at))
            field_start = at + 1
        elif byte in {b"\n", b""}:
            is_crlf = byte == b"\n" and at > record_start and data[at - 1 : at] == b"\r"
            fields.append((field_start, at - is_crlf))
            blanks = b" \r" if delimiter == "\t" else b" \t\r"
            is_blank = len(fields) == 1 and not data[record_start:at].strip(blanks)
            records.append(PlainRecord(fields, min(at + 1, len(data)), is_blank))
            fields = []
            record_start = field_start = at + 1
        at += 1
    return records, None
