"""How a CSV file is written: its encoding, delimiter and newlines, read off its first bytes and never guessed.

Standard library only, so that the api function can refuse a file at the door without NumPy.
"""

import codecs
import re
from dataclasses import dataclass
from typing import Final, Literal

from shared.files.errors import EmptyFileError, UndecodableError, UnsupportedFormatError
from shared.files.grammar import DELIMITERS, Delimiter, delimiter_of

Newline = Literal["lf", "crlf", "cr"]

HEAD_BYTES: Final = 1 << 20
"""How much of a file's start `detect_dialect` and `read_layout` want to see, if there is as much."""

# UTF-32 first: its little-endian BOM begins with that of UTF-16.
_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Character encodings by the canonical names of Python's codecs. Everything else it knows (zip, rot13, idna, punycode,
# unicode_escape, undefined, ...) transforms text instead of encoding it, or is unsafe on a stranger's bytes.
_ALLOWED: Final = re.compile(
    r"utf-8|utf-8-sig|ascii|utf-(16|32)-[lb]e|iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|kz1048|ptcp154|tis-620|hp-roman8"
    r"|gb2312|gbk|gb18030|big5|big5hkscs|shift_jis(x0213|_2004)?|euc_(jp|jis_2004|jisx0213|kr)|johab"
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.: -]{0,39}")
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
"""How `rewrite.to_canonical` and `workbooks.convert` write."""


def text_encoding(name: str) -> str:
    """The canonical name of a declared encoding, for example `cp1252` for `Windows-1252`.

    Raises UndecodableError for a name that is unknown or is no character encoding.
    """
    try:
        if _NAME.fullmatch(name.strip()):
            found = codecs.lookup(name.strip()).name
            if _ALLOWED.fullmatch(found):
                return "utf-8" if found in {"ascii", "utf-8-sig"} else found
    except LookupError:
        pass
    if name.strip().lower().replace("_", "-") in {"utf-16", "utf16", "utf-32", "utf32"}:
        raise UndecodableError(
            "UTF-16 and UTF-32 without a byte-order mark have to be declared with their byte order: "
            "`utf-16-le` or `utf-16-be`."
        )
    shown = "".join(c for c in name if c.isprintable())[:40]
    raise UndecodableError(
        f"`{shown}` is not a text encoding this service reads. Save the file as UTF-8, or declare another one, "
        "for example `?encoding=windows-1252`."
    )


def undecodable(encoding: str, *, offset: int, byte: int | None) -> UndecodableError:
    """The error for bytes that are no text in the encoding the file should be in."""
    what = "ends in the middle of a character" if byte is None else f"has the byte 0x{byte:02X}"
    at = f"byte {offset:,}"
    if encoding == "utf-8":
        sentence = (
            f"The file is not UTF-8 text: at {at} it {what}. Save it as UTF-8, or declare its encoding when you "
            "upload it, for example `?encoding=windows-1252`."
        )
    else:
        sentence = (
            f"The file is not {encoding} text: at {at} it {what}. Save it as UTF-8, or declare the encoding it "
            "really has with `?encoding=`."
        )
    return UndecodableError(sentence, offset=offset)


def detect_dialect(head: bytes, *, declared_encoding: str | None = None, is_whole_file: bool) -> Dialect:
    """The dialect of the CSV file that begins with `head` (its first HEAD_BYTES, or all of it).

    A byte-order mark decides the encoding; without one it is the declared encoding; without that, strict UTF-8.
    Raises EmptyFileError, UndecodableError, or UnsupportedFormatError for what is no text at all.
    """
    declared = text_encoding(declared_encoding) if declared_encoding else None
    bom, encoding = next(((bom, name) for bom, name in _BOMS if head.startswith(bom)), (b"", declared or "utf-8"))
    body = head[len(bom) :]
    if not body.strip():
        raise EmptyFileError("The file is empty")
    if not encoding.startswith(("utf-16", "utf-32")):
        _refuse_binary(body)
    text = _decoded(body, encoding, offset=len(bom), is_whole_file=is_whole_file).encode()
    newline = _newline(text)
    preamble = re.match(rb"sep=([,;\t|])\r?\n?", text, re.IGNORECASE)
    if preamble:
        # Excel's own note to itself; the header is on the next line.
        delimiter = next(d for d in DELIMITERS if d.encode() == preamble[1])
        skipped = len(preamble[0].decode().encode(encoding))
    else:
        delimiter = delimiter_of(text.replace(b"\r", b"\n") if newline == "cr" else text)
        skipped = 0
    return Dialect(
        encoding=encoding,
        bom_length=len(bom),
        text_start=len(bom) + skipped,
        delimiter=delimiter,
        newline=newline,
    )


def _refuse_binary(body: bytes) -> None:
    sample = body[:4096]
    if sample.count(b"\0") > _NULS_AT_MOST * len(sample):
        raise UndecodableError(
            f"The file has many NUL bytes, the first at byte {body.index(0):,}: it is UTF-16 without a byte-order "
            "mark, or no text at all. Save it as UTF-8, or declare its encoding, for example `?encoding=utf-16-le`.",
            offset=body.index(0),
        )
    if sum(byte in _CONTROLS for byte in sample) > _CONTROLS_AT_MOST * len(sample):
        raise UnsupportedFormatError(
            "The file is not text. Upload a CSV file (comma, semicolon, tab or pipe) or an Excel workbook (.xlsx)."
        )


def _decoded(body: bytes, encoding: str, *, offset: int, is_whole_file: bool) -> str:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        return decoder.decode(body, is_whole_file)
    except UnicodeDecodeError as error:
        raise decoding_error(error, encoding, offset=offset) from error


def decoding_error(error: UnicodeDecodeError, encoding: str, *, offset: int) -> UndecodableError:
    """The file error for a decoder's, whose input began at byte `offset` of the file."""
    is_cut = "unexpected end" in error.reason or "truncated" in error.reason or "incomplete" in error.reason
    byte = None if is_cut and error.end == len(error.object) else error.object[error.start]
    return undecodable(encoding, offset=offset + error.start, byte=byte)


def _newline(text: bytes) -> Newline:
    """The line end most in use outside quotes. Only a file that ends its lines with lone CRs is `cr`."""
    # Pairs of quotes are enough to judge by; exactness is the business of the records.
    bare = re.sub(rb'"[^"]*+"', b"", text)
    crlf = bare.count(b"\r\n")
    lf = bare.count(b"\n") - crlf
    cr = bare.count(b"\r") - crlf
    if cr > lf + crlf:
        return "cr"
    return "crlf" if crlf > lf else "lf"
