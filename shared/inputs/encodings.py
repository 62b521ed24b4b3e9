"""Encodings that an upload may declare, and doubts about the declared one. Standard library only."""

import codecs
import re
from typing import Final

from shared.delimited.dialect import WIDE_ENCODINGS, Dialect
from shared.inputs.errors import UndecodableError
from shared.inputs.streams import Readable, Writable
from shared.vocabulary import Note

# Character encodings by the canonical names of Python's codecs. Everything else it knows (zip, rot13, idna, punycode,
# unicode_escape, undefined, ...) transforms text instead of encoding it, or is unsafe on a stranger's bytes.
_ALLOWED: Final = re.compile(
    r"utf-8|utf-8-sig|ascii|utf-(16|32)-[lb]e|iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|kz1048|ptcp154|tis-620|hp-roman8"
    r"|gb2312|gbk|gb18030|big5|big5hkscs|shift_jis(x0213|_2004)?|euc_(jp|jis_2004|jisx0213|kr)|johab"
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.: -]{0,39}")
# Of canonical text: controls that no text has, and those that a single-byte encoding has where another has letters.
_CONTROLS: Final = re.compile(rb"[\x01-\x08\x0b\x0e-\x19\x1b-\x1f\x7f]|\xc2[\x80-\x9f]")


def text_encoding(name: str) -> str:
    """Returns the canonical name of a declared encoding, for example `cp1252` for `Windows-1252`.

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


class EncodingWatch:
    """A file in a declared encoding while it is rewritten, watched for signs that it is in another.

    It is both the stream of the upload and the target of the canonical text. It changes nothing.
    """

    def __init__(self, stream: Readable, out: Writable, dialect: Dialect) -> None:
        self._stream = stream
        self._out = out
        self._encoding = dialect.encoding
        # A byte-order mark leaves no doubt, and no text is both in a wide encoding and in UTF-8.
        is_declared = dialect.bom_length == 0 and dialect.encoding != "utf-8"
        self._may_be_utf8 = is_declared and not dialect.encoding.startswith(WIDE_ENCODINGS)
        self._may_have_controls = is_declared
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._is_ascii = True
        self._has_controls = False

    def read(self, size: int, /) -> bytes:
        """Returns the next bytes of the upload."""
        data = self._stream.read(size)
        self._is_ascii = self._is_ascii and data.isascii()
        if self._may_be_utf8:
            try:
                self._utf8.decode(data, not data)
            except UnicodeDecodeError:
                self._may_be_utf8 = False
        return data

    def write(self, data: bytes, /) -> None:
        """Writes canonical text, in whole characters."""
        if self._may_have_controls and not self._has_controls:
            self._has_controls = _CONTROLS.search(data) is not None
        self._out.write(data)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The doubts about the encoding, once the whole file has passed."""
        if self._may_be_utf8 and not self._is_ascii:
            return (self._doubt("but it is valid UTF-8 too"),)
        if self._has_controls:
            return (self._doubt("which left control characters in it"),)
        return ()

    def _doubt(self, sign: str) -> Note:
        return Note(
            code="encoding_doubtful",
            message=(
                f"The file was read as {self._encoding}, as declared, {sign}. If names look wrong in the results, "
                "upload the file again with its real encoding."
            ),
        )


def declaration_notes(dialect: Dialect, declared_encoding: str | None) -> tuple[Note, ...]:
    """Returns a note if the file has a byte-order mark of another encoding than the declared one."""
    if not declared_encoding or not dialect.bom_length or text_encoding(declared_encoding) == dialect.encoding:
        return ()
    return (
        Note(
            code="encoding_doubtful",
            message=f"The file was read as {dialect.encoding}, of which it has the byte-order mark, not as declared.",
        ),
    )
