"""The encoding, delimiter and newlines of delimited text, read off its first bytes. Standard library only."""

import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from shared.delimited.cells import field_pattern, first_record
from shared.delimited.errors import DelimitedError

Delimiter = Literal[",", ";", "\t", "|"]
# Ties between delimiters go to the earlier one.
DELIMITERS: Final[tuple[Delimiter, ...]] = get_args(Delimiter)
DELIMITER_NAMES: Final[Mapping[Delimiter, str]] = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
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
_PADDING: Final = bytes(16)
WIDE_ENCODINGS: Final = ("utf-16", "utf-32")
"""How the names of the encodings begin that take two or four bytes for a character."""
# Written by Excel for itself. Programs that saved the file again have put it in quotes, or delimiters behind it.
_SEP_LINE: Final = re.compile(
    r"""[ ]*+"?[ ]*+sep[ ]*+=[ "]*+(\t|[^\s"])?[ "]*+[,;\t|]*+(?:\r?\n|\r|$)""", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a CSV file is written. `text_start` is the first byte after the byte-order mark and any `sep=` line.

    `more_frequent` is another delimiter of which the header has more, and `declared` the one that a `sep=` line names,
    where that is not the delimiter.
    """

    encoding: str
    bom_length: int
    text_start: int
    delimiter: Delimiter
    newline: Newline
    more_frequent: Delimiter | None = None
    declared: Delimiter | None = None

    @property
    def has_sep_line(self) -> bool:
        """Whether the text begins with a `sep=` line, which is skipped."""
        return self.text_start > self.bom_length

    @property
    def needs_rewrite(self) -> bool:
        """Whether the file has to become UTF-8 with LF before its bytes can be cut into chunks."""
        return self.encoding != "utf-8" or self.newline == "cr"


CANONICAL: Final = Dialect(encoding="utf-8", bom_length=0, text_start=0, delimiter=",", newline="lf")
"""UTF-8 with commas and LF: the form into which uploads are rewritten."""


def _no_names(_cells: Sequence[str]) -> int:
    return 0


def detect(
    head: bytes,
    *,
    encoding: str | None = None,
    is_whole_file: bool,
    count_known: Callable[[Sequence[str]], int] = _no_names,
) -> Dialect:
    """Returns the dialect of the text that begins with `head` (its first HEAD_BYTES, or all of it).

    A byte-order mark decides the encoding; without one it is `encoding`, by the name of Python's codec; without that,
    strict UTF-8. The delimiter is the one for which `count_known` is highest, given the cells of the first record; then
    the one that a `sep=` line declares, or else the one most frequent in that record.
    Raises DelimitedError for text that is empty or not in the encoding, and for bytes that are no text.
    """
    bom, found = next(((bom, name) for bom, name in _BOMS if head.startswith(bom)), (b"", encoding or "utf-8"))
    body = head[len(bom) :]
    if not body.strip():
        raise DelimitedError("empty")
    if not found.startswith(WIDE_ENCODINGS):
        if is_whole_file:
            refuse_padding(body, offset=len(bom))
        _refuse_binary(body)
    decoded = _decoded(body, found, offset=len(bom), is_whole_file=is_whole_file)
    text = decoded.encode()
    newline = _newline(text)
    sep_line = _SEP_LINE.match(decoded)
    skipped = sep_line[0] if sep_line else ""
    declared = next((delimiter for delimiter in DELIMITERS if sep_line and delimiter == sep_line[1]), None)
    start = len(skipped.encode())
    if newline == "cr":
        text = text.replace(b"\r", b"\n")
    counts = _delimiters_in_first_record(text, start)
    known = {each: count_known(_first_cells(text, each, start)) for each in DELIMITERS if counts[each]}
    delimiter = max(DELIMITERS, key=lambda each: (known.get(each, 0), each == declared, counts[each]))
    most_frequent = max(DELIMITERS, key=counts.__getitem__)
    return Dialect(
        encoding=found,
        bom_length=len(bom),
        text_start=len(bom) + len(skipped.encode(found)),
        delimiter=delimiter,
        newline=newline,
        more_frequent=most_frequent if counts[most_frequent] > counts[delimiter] else None,
        declared=declared if declared != delimiter else None,
    )


def refuse_padding(end: bytes, *, offset: int) -> None:
    """Raises DelimitedError if a text that ends with `end`, from byte `offset` on, is padded with NUL bytes.

    A lone one is left to its row.
    """
    if end.endswith(_PADDING):
        raise DelimitedError("padding", offset=offset + len(end.rstrip(b"\0")))


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


def _delimiters_in_first_record(data: bytes, start: int) -> Mapping[Delimiter, int]:
    """Returns how often each delimiter is outside quotes in the first line from `start` on that is not blank."""
    field_of_any = field_pattern("".join(DELIMITERS))
    counts = dict.fromkeys(DELIMITERS, 0)
    at = start
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
    return counts


def _first_cells(data: bytes, delimiter: Delimiter, start: int) -> list[str]:
    """Returns the cells of the first record from `start` on; none if it has an open quote."""
    try:
        record = first_record(data, delimiter, start=start)
    except DelimitedError:
        return []
    return [field.decode() for field in record.fields] if record else []


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
