"""The format of an uploaded file by its first bytes (CSV, XLSX, or another that is refused by name), and its dialect.

Its content decides, never its name: an XLSX called `.csv` is read as XLSX, a gzipped CSV file called so as gzip.
Standard library only.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared.delimited.dialect import DELIMITER_NAMES, WIDE_ENCODINGS, Dialect, detect, refuse_padding
from shared.inputs.columns import known_names
from shared.inputs.encodings import text_encoding
from shared.inputs.errors import (
    EmptyFileError,
    UnsupportedFormatError,
    decoding_error,
    translated_errors,
)
from shared.inputs.gzipped import GZIP_MAGIC
from shared.vocabulary import FileFormat, Note

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


def detect_dialect(head: bytes, *, declared_encoding: str | None = None, is_whole_file: bool) -> Dialect:
    """Returns the dialect of the CSV file that begins with `head` (its first HEAD_BYTES, or all of it).

    A byte-order mark decides the encoding; without one it is the declared encoding; without that, strict UTF-8.
    Raises EmptyFileError, UndecodableError, or UnsupportedFormatError for a file that is no text at all.
    """
    encoding = text_encoding(declared_encoding) if declared_encoding else None
    with translated_errors():
        return detect(head, encoding=encoding, is_whole_file=is_whole_file, count_known=_known_columns)


def _known_columns(header: Sequence[str]) -> int:
    return len(known_names(header))


def check_end(end: bytes, dialect: Dialect, *, offset: int) -> None:
    """Raises UndecodableError for a CSV file that ends with `end`, from byte `offset` on, and is padded with NUL."""
    if not dialect.encoding.startswith(WIDE_ENCODINGS):
        with translated_errors():
            refuse_padding(end, offset=offset)


def as_utf8(head: bytes, dialect: Dialect, *, is_whole_file: bool) -> tuple[bytes, Dialect]:
    """Returns the start of a CSV file in the form whose layout can be read, with its dialect; its lines stay the same.

    Raises UndecodableError.
    """
    if not dialect.needs_rewrite:
        return head, dialect
    decoder = codecs.getincrementaldecoder(dialect.encoding)("strict")
    start = len(head[dialect.bom_length : dialect.text_start].decode(dialect.encoding).encode())
    try:
        text = decoder.decode(head[dialect.bom_length :], is_whole_file)
    except UnicodeDecodeError as error:
        raise decoding_error(error, dialect.encoding, offset=dialect.bom_length) from error
    if dialect.newline == "cr":
        text = text.replace("\r", "\n")
    return text.encode(), replace(dialect, encoding="utf-8", bom_length=0, text_start=start, newline="lf")


def dialect_notes(dialect: Dialect) -> tuple[Note, ...]:
    """Returns what was assumed to read the header of a CSV file by its delimiter."""
    chosen = DELIMITER_NAMES[dialect.delimiter]
    messages = []
    if dialect.declared:
        messages.append(f"its sep= line declares {DELIMITER_NAMES[dialect.declared]}")
    elif dialect.has_sep_line:
        messages.append("its sep= line was skipped")
    if dialect.more_frequent and dialect.more_frequent != dialect.declared:
        messages.append(f"its header has more {DELIMITER_NAMES[dialect.more_frequent]}")
    if not messages:
        return ()
    return (Note(code="delimiters_tolerated", message=f"The file was read with {chosen}: {', and '.join(messages)}."),)
