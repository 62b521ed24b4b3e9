"""The encoding, delimiter and newlines of delimited text, read off its first bytes. Standard library only."""

import codecs
import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from shared.delimited.cells import field_pattern
from shared.delimited.errors import DelimitedError

Delimiter = Literal[",", ";", "\t", "|"]
# Ties between delimiters go to the earlier one.
DELIMITERS: Final[tuple[Delimiter, ...]] = get_args(Delimiter)
Newline = Literal["lf", "crlf", "cr"]

HEAD_BYTES: Final = 1 << 20
"""How much of the start of a file `detect` is to be given, if there is as much."""

# UTF-32 first: its little-endian BOM begins with that of UTF-16.
_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS: Final = bytes(set(range(0x20)) - set(b"\0\t\n\r\f\x1a\x1b"))
# Text has next to none; of random bytes one in ten is one.
_CONTROLS_AT_MOST: Final = 0.02
_NULS_AT_MOST: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a CSV file is written. `text_start` is the first byte after the byte-order mark and any `sep=` line."""

    encoding: str
    bom_length: int
    text_start: int
    delimiter: Delimiter
    newline: Newline

    @property
    def needs_rewrite(self) -> bool:
        """Whether the file has to become UTF-8 with LF before its bytes can be cut into chunks."""
        return self.encoding != "utf-8" or self.newline == "cr"


CANONICAL: Final = Dialect(encoding="utf-8", bom_length=0, text_start=0, delimiter=",", newline="lf")
"""UTF-8 with commas and LF: the form into which uploads are rewritten."""


def detect(head: bytes, *, encoding: str | None = None, is_whole_file: bool) -> Dialect:
    """Returns the dialect of the text that begins with `head` (its first HEAD_BYTES, or all of it).

    A byte-order mark decides the encoding; without one it is `encoding`, by the name of Python's codec; without that,
    strict UTF-8. Raises DelimitedError for text that is empty or not in the encoding, and for bytes that are no text.
    """
    bom, found = next(((bom, name) for bom, name in _BOMS if head.startswith(bom)), (b"", encoding or "utf-8"))
    body = head[len(bom) :]
    if not body.strip():
        raise DelimitedError("empty")
    if not found.startswith(("utf-16", "utf-32")):
        _refuse_binary(body)
    text = _decoded(body, found, offset=len(bom), is_whole_file=is_whole_file).encode()
    newline = _newline(text)
    preamble = re.match(rb"sep=([,;\t|])\r?\n?", text, re.IGNORECASE)
    if preamble:
        # Written by Excel for itself; the header is on the next line.
        delimiter = next(d for d in DELIMITERS if d.encode() == preamble[1])
        skipped = len(preamble[0].decode().encode(found))
    else:
        delimiter = _delimiter_of(text.replace(b"\r", b"\n") if newline == "cr" else text)
        skipped = 0
    return Dialect(
        encoding=found,
        bom_length=len(bom),
        text_start=len(bom) + skipped,
        delimiter=delimiter,
        newline=newline,
    )


def _refuse_binary(body: bytes) -> None:
    sample = body[:4096]
    if sample.count(b"\0") > _NULS_AT_MOST * len(sample):
        raise DelimitedError("binary", offset=body.index(0))
    if sum(byte in _CONTROLS for byte in sample) > _CONTROLS_AT_MOST * len(sample):
        raise DelimitedError("binary")


def _decoded(body: bytes, encoding: str, *, offset: int, is_whole_file: bool) -> str:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        return decoder.decode(body, is_whole_file)
    except UnicodeDecodeError as error:
        raise DelimitedError.from_decoder(error, encoding, offset=offset) from error


def _delimiter_of(data: bytes) -> Delimiter:
    """Returns the delimiter most frequent outside quotes in the first line that is not blank; ties go to the first."""
    field_of_any = field_pattern("".join(DELIMITERS))
    counts = dict.fromkeys(DELIMITERS, 0)
    at = 0
    is_blank = True
    # The delimiter is not known yet, so a quote may open a field after each of them. An open quote ends the search.
    while at < len(data) and (field := field_of_any.match(data, at)):
        separator = data[field.end() : field.end() + 1]
        is_blank = is_blank and separator in b"\n" and not field[0].strip()
        if separator in b"\n" and not is_blank:
            break
        for delimiter in DELIMITERS:
            counts[delimiter] += separator == delimiter.encode()
        at = field.end() + 1
    return max(DELIMITERS, key=counts.__getitem__)


def _newline(text: bytes) -> Newline:
    """Returns the line end most in use outside quotes. Only a file that ends its lines with lone CRs is `cr`."""
    # Pairs of quotes are exact enough to count line ends.
    bare = re.sub(rb'"[^"]*+"', b"", text)
    crlf = bare.count(b"\r\n")
    lf = bare.count(b"\n") - crlf
    cr = bare.count(b"\r") - crlf
    if cr > lf + crlf:
        return "cr"
    return "crlf" if crlf > lf else "lf"
