"""Hostile and damaged input files, each a variation of a small valid file."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from tests.unit.scoring.scored_files import STATEMENTS, VALID_ROW


@dataclass(frozen=True)
class HostileFile:
    """A file and its declared encoding, if any."""

    name: str
    data: bytes
    encoding: str | None = None


Text = Callable[[str], str]

# Texts of a cell. Some are valid; the others fail their own row and no other.
CELLS: dict[str, str] = {
    "formula": "=cmd|' /C calc'!A0",
    "formula after a tab": "\t=1+1",
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(A1)",
    "carriage return": "\r=1",
    "quote": 'a "quoted" word',
    "newline": "two\nlines",
    "delimiters": "a,b;c\td|e",
    "NUL": "a\0b",
    "long": "x" * 40_000,
    "infinite": "inf",
    "not a number": "nan",
    "too large": "1e999",
    "tiny": "1e-400",
    "thousands": "1,234.5",
    "percent": "12%",
    "accounting": "(3.2)",
    "absent": "n/a",
    "dash": "-",
    "blank": "   ",
    "no-break space": "\u00a012\u00a0",
    "other digits": "\u0661\u0662\u0663",
    "full-width digits": "\uff11\uff12",
    "underscores": "1_000",
    "hexadecimal": "0x10",
    "right to left": "\u202eevil\u202c",
    "zero width": "\u200b12",
    "combining": "e\u0301" * 50,
    "astral": "\U0001f4a9",
    "SQL": "'; DROP TABLE jobs; --",
    "markup": "<script>alert(1)</script>",
    "template": "{{7*7}}${jndi:ldap://x}",
    "path": "../../../../etc/passwd",
    "JSON": '{"a": [1, 2',
    "byte-order mark": "\ufeff12",
    "many digits": "9" * 400,
    "negative": "-5",
}
COLUMNS = ("company_symbol", "sector", "reporting_year", "market_cap", "net_income")

SHAPES: dict[str, Callable[[bytes], bytes]] = {
    "nothing at all": lambda _data: b"",
    "a byte-order mark alone": lambda _data: b"\xef\xbb\xbf",
    "header only": lambda data: data.splitlines(keepends=True)[0],
    "no newline at the end": lambda data: data.rstrip(b"\n"),
    "CR only": lambda data: data.replace(b"\n", b"\r"),
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "CR CR LF": lambda data: data.replace(b"\n", b"\r\r\n"),
    "empty lines": lambda data: data.replace(b"\n", b"\n\n\n"),
    "an open quote": lambda data: data + b'"open,' + VALID_ROW.encode() + b"\n" + VALID_ROW.encode(),
    "a quote in a field": lambda data: data.replace(b"Acme", b'Ac"me'),
    "text after a quote": lambda data: data.replace(b"Acme Inc", b'"Acme" Inc'),
    "a short row": lambda data: data + b"A,B\n",
    "a long row": lambda data: data + VALID_ROW.encode() + b",1,2,3\n",
    "a row of commas": lambda data: data + b"," * 500 + b"\n",
    "a header twice": lambda data: data.replace(b"sector", b"company_symbol", 1),
    "a header of blanks": lambda data: data.replace(b"sector", b" ", 1),
    "a header in capitals": lambda data: data.replace(b"sector", b" SECTOR ", 1),
    "a column missing": lambda data: data.replace(b"market_cap", b"cap", 1),
    "ours in the header": lambda data: data.replace(b"sector", b"row", 1),
    "NUL between rows": lambda data: data + b"\0\n",
    "NUL first": lambda data: b"\0" + data,
    "bytes that are no UTF-8": lambda data: data + b"\xff\xfe\xfd," + VALID_ROW.encode() + b"\n",
    "half a character": lambda data: data + b"\xe2\x82",
    "two encodings": lambda data: data + "Z\u00fcrich".encode() + b"," + "Z\u00fcrich".encode("cp1252") + b"\n",
    "a picture": lambda _data: b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "a PDF": lambda _data: b"%PDF-1.7\n" + bytes(range(256)),
    "gzip": lambda _data: b"\x1f\x8b\x08\0" + bytes(200),
    "an empty archive": lambda _data: b"PK\x05\x06" + bytes(18),
    "an archive cut short": lambda _data: b"PK\x03\x04" + bytes(100),
    "an old workbook": lambda _data: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
    "a page": lambda _data: b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "JSON": lambda _data: b'{"rows": []}',
    "quotes": lambda _data: b'"' * 1001,
    "newlines": lambda _data: b"\n" * 5000,
    "spaces": lambda _data: b" " * 5000,
    "one long line": lambda _data: b"x" * 300_000,
    "many columns": lambda data: data.replace(b"\n", b"," + b",".join(b"c%d" % n for n in range(400)) + b"\n"),
    "a sep line": lambda data: b"sep=,\n" + data,
    "a false sep line": lambda data: b"sep=;\n" + data,
}
ENCODINGS = (
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "cp1252",
    "latin-1",
    "shift_jis",
    "cp500",
    "utf-7",
)


def files() -> Iterator[HostileFile]:
    """Yields every hostile file."""
    valid = f"{STATEMENTS}\n{VALID_ROW}\n{VALID_ROW}\n"
    for name, shape in SHAPES.items():
        yield HostileFile(name, shape(valid.encode()))
    for (name, cell), column in product(CELLS.items(), COLUMNS):
        yield HostileFile(f"{name} in {column}", _with_cell(column, cell).encode())
    for encoding in ENCODINGS:
        data = _with_cell("sector", "Z\u00fcrich").encode(encoding, errors="replace")
        yield HostileFile(f"{encoding}, undeclared", data)
        yield HostileFile(f"{encoding}, declared", data, encoding)
        yield HostileFile(f"{encoding}, declared as ASCII", data, "ascii")
    for delimiter in ";\t|:":
        yield HostileFile(f"delimited by {delimiter!r}", valid.replace(",", delimiter).encode())


def _with_cell(column: str, text: str) -> str:
    cells = VALID_ROW.split(",")
    cells[STATEMENTS.split(",").index(column)] = text
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerow(cells)
    return f"{STATEMENTS}\n{VALID_ROW}\n{written.getvalue()}{VALID_ROW}\n"
