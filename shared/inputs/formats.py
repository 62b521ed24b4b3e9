"""The format of an uploaded file by its first bytes (CSV, XLSX, or another that is refused by name), and its dialect.

Its content decides, never its name: an XLSX called `.csv` is read as XLSX, a gzipped CSV file called so as gzip.
Standard library only.
"""

import codecs
import re
from dataclasses import replace
from typing import Final

from shared.delimited.dialect import Dialect, detect
from shared.inputs.errors import (
    EmptyFileError,
    UndecodableError,
    UnsupportedFormatError,
    decoding_error,
    translated_errors,
)
from shared.inputs.gzipped import GZIP_MAGIC
from shared.vocabulary import FileFormat

_WANTED: Final = "Upload a CSV file (comma, semicolon, tab or pipe) or an Excel workbook (.xlsx)."

_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF-", "a PDF"),
    (GZIP_MAGIC, "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1\0\0", "an Arrow file"),
    (b"Obj\x01", "an Avro file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89PNG\r\n\x1a\n", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF87a", "an image (GIF)"),
    (b"GIF89a", "an image (GIF)"),
    (b"II*\0", "an image (TIFF)"),
    (b"MM\0*", "an image (TIFF)"),
    (b"{\\rtf", "a Rich Text document"),
    (b"%!PS", "a PostScript document"),
    (b"\x7fELF", "a program"),
)
_ZIP_ENTRY: Final = b"PK\x03\x04"
_ZIP_EMPTY: Final = b"PK\x05\x06"
# An archive of this kind begins with its type, so that it is found there: OpenDocument 1.3 part 2, 3.3.
_OPEN_DOCUMENT: Final = re.compile(
    rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis\.opendocument\.(spreadsheet)?", re.DOTALL
)
# By the name of its first entry, or of one near its start.
_ARCHIVES: Final = (
    (re.compile(rb"Index/[\w/-]+\.iwa|Index\.zip"), "an Apple Numbers document (.numbers). Export it"),
    (re.compile(rb"word/\w+\.xml"), "a Word document. Copy its table into a spreadsheet, save that"),
    (re.compile(rb"ppt/\w+\.xml"), "a presentation. Copy its table into a spreadsheet, save that"),
)
_ZIPPED_TABLE: Final = re.compile(rb"PK\x03\x04.{26}[^\0]{1,255}\.(csv|tsv|txt|xlsx?)", re.DOTALL | re.IGNORECASE)
_OLE2: Final = bytes.fromhex("D0CF11E0A1B11AE1")
_TAR_MAGIC: Final = slice(257, 262)
_MARKUP: Final = re.compile(rb"<(!doctype\s|html|head|body|table|\?xml|svg|!--)", re.IGNORECASE)
_JSON: Final = re.compile(rb'(\{\s*("|\})|\[\s*(\{|\[|"|\]|-?\d))')
# Character encodings by the canonical names of Python's codecs. Everything else it knows (zip, rot13, idna, punycode,
# unicode_escape, undefined, ...) transforms text instead of encoding it, or is unsafe on a stranger's bytes.
_ALLOWED: Final = re.compile(
    r"utf-8|utf-8-sig|ascii|utf-(16|32)-[lb]e|iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|kz1048|ptcp154|tis-620|hp-roman8"
    r"|gb2312|gbk|gb18030|big5|big5hkscs|shift_jis(x0213|_2004)?|euc_(jp|jis_2004|jisx0213|kr)|johab"
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.: -]{0,39}")


def is_gzip(head: bytes) -> bool:
    """Returns whether the file that begins with `head` is gzipped."""
    return head.startswith(GZIP_MAGIC)


def sniff_format(head: bytes, filename: str, *, within_gzip: bool = False) -> FileFormat:
    """Returns the format, CSV or XLSX, of the file that begins with `head`: unpacked, if it came `within_gzip`.

    4 KiB are enough; 64 KiB make the sentence surer.
    Raises EmptyFileError, or UnsupportedFormatError with what the file is instead. Only CSV may be gzipped.
    """
    if not head:
        raise EmptyFileError("The file is empty")
    if within_gzip:
        return _sniff_gzipped(head)
    if head.startswith(_OLE2):
        raise UnsupportedFormatError(
            "The file is an old Excel file (.xls) or a workbook with a password. Open it in Excel, save it as an "
            "Excel workbook (.xlsx) without a password, and upload that."
        )
    if head.startswith((_ZIP_ENTRY, _ZIP_EMPTY)):
        return _sniff_archive(head, filename)
    if name := _other_format(head):
        raise UnsupportedFormatError(f"The file is {name}, not CSV or XLSX. {_WANTED}")
    return FileFormat.CSV


def _sniff_gzipped(head: bytes) -> FileFormat:
    is_archive = head.startswith((_ZIP_ENTRY, _ZIP_EMPTY))
    if is_archive and b"xl/" in head:
        raise UnsupportedFormatError(
            "The gzip file holds an Excel workbook. Upload the workbook (.xlsx) itself: it is compressed already."
        )
    name = "a ZIP archive" if is_archive else "an old Excel file" if head.startswith(_OLE2) else _other_format(head)
    if name:
        raise UnsupportedFormatError(f"The gzip file holds {name}, not CSV. Only CSV files may be gzipped, once.")
    return FileFormat.CSV


def _other_format(head: bytes) -> str | None:
    """Returns what a file is that is no archive or workbook; None for text."""
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[_TAR_MAGIC] == b"ustar":
        return "a TAR archive"
    text = head[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if _MARKUP.match(text):
        return "an HTML or XML page"
    if _JSON.match(text):
        return "JSON"
    return None


def _sniff_archive(head: bytes, filename: str) -> FileFormat:
    """Returns XLSX for a ZIP archive that is or may be a workbook, which its reader looks into."""
    if document := _OPEN_DOCUMENT.match(head):
        name = "spreadsheet (.ods)" if document[1] else "document"
        raise UnsupportedFormatError(
            f"The file is an OpenDocument {name}. Open it, save it as an Excel workbook (.xlsx) or as CSV, and upload "
            "that."
        )
    if b"xl/" in head:
        return FileFormat.XLSX
    for pattern, name in _ARCHIVES:
        if pattern.search(head):
            raise UnsupportedFormatError(f"The file is {name} as an Excel workbook (.xlsx) or as CSV, and upload that.")
    if _ZIPPED_TABLE.match(head):
        raise UnsupportedFormatError("The file is a ZIP archive. Unpack it, and upload the files in it one by one.")
    if filename.lower().endswith(".xlsx"):
        return FileFormat.XLSX
    raise UnsupportedFormatError(f"The file is a ZIP archive that holds no Excel workbook, not CSV or XLSX. {_WANTED}")


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


def detect_dialect(head: bytes, *, declared_encoding: str | None = None, is_whole_file: bool) -> Dialect:
    """Returns the dialect of the CSV file that begins with `head` (its first HEAD_BYTES, or all of it).

    A byte-order mark decides the encoding; without one it is the declared encoding; without that, strict UTF-8.
    Raises EmptyFileError, UndecodableError, or UnsupportedFormatError for a file that is no text at all.
    """
    encoding = text_encoding(declared_encoding) if declared_encoding else None
    with translated_errors():
        return detect(head, encoding=encoding, is_whole_file=is_whole_file)


def as_utf8(head: bytes, dialect: Dialect, *, is_whole_file: bool) -> tuple[bytes, Dialect]:
    """Returns the start of a CSV file in the form whose layout can be read, with its dialect; its lines stay the same.

    Raises UndecodableError.
    """
    if not dialect.needs_rewrite:
        return head, dialect
    decoder = codecs.getincrementaldecoder(dialect.encoding)("strict")
    try:
        text = decoder.decode(head[dialect.text_start :], is_whole_file)
    except UnicodeDecodeError as error:
        raise decoding_error(error, dialect.encoding, offset=dialect.text_start) from error
    if dialect.newline == "cr":
        text = text.replace("\r", "\n")
    return text.encode(), replace(dialect, encoding="utf-8", bom_length=0, text_start=0, newline="lf")
