"""What a file is, by its first bytes: CSV or XLSX, or something else that is refused by name.

Its content decides, never its name: an XLSX called `.csv` is read as XLSX. Standard library only.
"""

import re
from typing import Final

from shared.files.errors import EmptyFileError, UnsupportedFormatError
from shared.vocabulary import FileFormat

_WANTED: Final = "Upload a CSV file (comma, semicolon, tab or pipe) or an Excel workbook (.xlsx)."

_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF-", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
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
_OLE2: Final = bytes.fromhex("D0CF11E0A1B11AE1")
_MARKUP: Final = re.compile(rb"<(!doctype\s|html|head|body|table|\?xml|svg|!--)", re.IGNORECASE)
_JSON: Final = re.compile(rb'(\{\s*("|\})|\[\s*(\{|\[|"|\]|-?\d))')


def sniff_format(head: bytes, filename: str) -> FileFormat:
    """Returns the format, CSV or XLSX, of the file that begins with `head`.

    4 KiB are enough; 64 KiB make the sentence surer.
    Raises EmptyFileError, or UnsupportedFormatError with what the file is instead.
    """
    if not head:
        raise EmptyFileError("The file is empty")
    if head.startswith(_OLE2):
        raise UnsupportedFormatError(
            "The file is an old Excel file (.xls) or a workbook with a password. Open it in Excel, save it as an "
            "Excel workbook (.xlsx) without a password, and upload that."
        )
    if head.startswith(_ZIP_ENTRY) and (b"xl/" in head or filename.lower().endswith(".xlsx")):
        return FileFormat.XLSX
    if head.startswith((_ZIP_ENTRY, _ZIP_EMPTY)):
        raise _not_a("a ZIP archive that holds no Excel workbook")
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            raise _not_a(name)
    text = head[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if _MARKUP.match(text):
        raise _not_a("an HTML or XML page")
    if _JSON.match(text):
        raise _not_a("JSON")
    return FileFormat.CSV


def _not_a(name: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(f"The file is {name}, not CSV or XLSX. {_WANTED}")
