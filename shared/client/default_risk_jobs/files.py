"""Files to upload: their format and job type, their checksum, and the progress of sending them."""

import hashlib
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from io import IOBase
from pathlib import Path
from typing import BinaryIO

from default_risk_jobs.errors import UnreadableFileError
from default_risk_jobs.types import JobTypeName

_READ_BYTES = 1024 * 1024
# The header is at the start of a file, and of each part of a workbook.
_HEADER_BYTES = 64 * 1024
_WORKBOOK_PARTS = re.compile(r"xl/(sharedStrings|worksheets/[^/]+)\.xml", re.IGNORECASE)
_QUARTER = re.compile(r"reporting[\s_-]*quarter", re.IGNORECASE)
_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".xlsx")
_GZIP_MAGIC = b"\x1f\x8b"
# Written by Excel for itself; the header is on the next line.
_SEP_LINE = re.compile(r'"?\s*sep\s*=[^\n]*\n', re.IGNORECASE)
# Up to the first line end outside quotes.
_FIRST_RECORD = re.compile(r'(?:"[^"]*+"?|[^"\n])*+')

# Called with the number of bytes sent so far.
OnSent = Callable[[int], object]


def no_progress(_sent: int) -> None:
    """Reports no progress."""


def is_workbook(path: Path) -> bool:
    """Returns whether a file is XLSX rather than CSV, by its name. Raises `UnreadableFileError` for neither."""
    name = path.name.lower()
    if not name.endswith(_SUFFIXES):
        endings = ", ".join(_SUFFIXES)
        raise UnreadableFileError(f"{path} is no CSV file or Excel workbook: its name ends in none of {endings}.")
    return name.endswith(".xlsx")


def job_type_of(path: Path) -> JobTypeName:
    """Returns "quarterly" for a file with a column `reporting_quarter`, else "annual". Raises `UnreadableFileError`.

    Annual files may have that column too: then name the job type yourself.
    """
    try:
        text = _workbook_start(path) if is_workbook(path) else _text_start(path)
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read: {error.strerror}.") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise UnreadableFileError(f"{path} is not a valid Excel workbook.") from error
    return "quarterly" if _QUARTER.search(text) else "annual"


def _text_start(path: Path) -> str:
    """Returns the header as written."""
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
    if start.startswith(_GZIP_MAGIC):
        start = _unpacked_start(start, path)
    encoding = "utf-16" if start[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    text = start.decode(encoding, errors="replace").replace("\r\n", "\n").replace("\r", "\n").lstrip()
    sep_line = _SEP_LINE.match(text)
    header = _FIRST_RECORD.match(text, sep_line.end() if sep_line else 0)
    # Format characters, such as direction marks, are invisible in a header and ignored.
    return "".join(c for c in header[0] if unicodedata.category(c) != "Cf") if header else ""


def _unpacked_start(packed: bytes, path: Path) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(packed, _HEADER_BYTES)
    except zlib.error as error:
        raise UnreadableFileError(f"{path} is not a valid gzip file.") from error


def _workbook_start(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        parts = [name for name in archive.namelist() if _WORKBOOK_PARTS.fullmatch(name)]
        texts = []
        for name in parts:
            with archive.open(name) as part:
                texts.append(part.read(_HEADER_BYTES).decode("utf-8", errors="replace"))
    return "\n".join(texts)


def sha256_of(file: BinaryIO) -> str:
    """Returns the SHA-256 of an open file in hex, and rewinds the file."""
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(_READ_BYTES):
        digest.update(part)
    file.seek(0)
    return digest.hexdigest()


class CountedFile(IOBase):
    """An open file that reports how many bytes were read so far; the count restarts when the file is rewound."""

    def __init__(self, file: BinaryIO, on_read: Callable[[int], object]) -> None:
        self._file = file
        self._on_read = on_read

    def read(self, size: int = -1) -> bytes:
        """Reads the next bytes and reports the position."""
        part = self._file.read(size)
        self._on_read(self._file.tell())
        return part

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves to another position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Returns the position of the next byte."""
        return self._file.tell()
