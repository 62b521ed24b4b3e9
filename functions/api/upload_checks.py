"""Checks of an upload before its job is created: name, size, encoding and header.

The job validates everything else. Nothing here imports NumPy, which would slow the cold start.
"""

import zipfile
from collections.abc import Sequence
from io import BytesIO

from shared.inputs.encodings import text_encoding
from shared.inputs.errors import EmptyFileError, TooLargeError, UnsupportedFormatError
from shared.inputs.formats import as_utf8, detect_dialect, is_gzip, sniff_format
from shared.inputs.gzipped import unpacked_start
from shared.inputs.header import has_rows, read_layout
from shared.jobs.uploads import FILE_SUFFIXES, display_name
from shared.vocabulary import FileFormat, JobType

# Its shared strings and styles are read whole; more than this takes seconds, and the caller waits.
WORKBOOK_MAX_UNPACKED_BYTES = 64 * 1024 * 1024
# Of a gzipped file, of which no more is checked before its job is created.
GZIP_CHECKED_BYTES = 8 * 1024 * 1024
_SPREADSHEET_SUFFIXES = (".xls", ".xlsb", ".xlsm", ".ods", ".numbers")


def accepted_name(name: str) -> str:
    """Returns the display name. Raises `UnsupportedFormatError` when it has none of the accepted endings."""
    shown = display_name(name)
    if not shown.lower().endswith(FILE_SUFFIXES):
        advice = (
            "Save the spreadsheet as an Excel workbook (.xlsx) or as CSV, and upload that."
            if shown.lower().endswith(_SPREADSHEET_SUFFIXES)
            else "Upload a CSV file or an Excel workbook (.xlsx)."
        )
        raise UnsupportedFormatError(f"The file's name has to end in {_listed(FILE_SUFFIXES)}. {advice}")
    return shown


def _listed(suffixes: Sequence[str]) -> str:
    return f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"


def check_declared(*, file_size: int | None, max_bytes: int, encoding: str | None) -> None:
    """Checks the announced size and encoding of a file that is yet to be sent. Raises a `FileError`."""
    if file_size is not None and file_size > max_bytes:
        raise TooLargeError(f"The file has {file_size:,} bytes; at most {max_bytes:,} are allowed. Split it.")
    if encoding is not None:
        text_encoding(encoding)


def check_file(
    body: bytes, *, filename: str, job_type: JobType, encoding: str | None = None, sheet: str | None = None
) -> None:
    """Checks a whole file. Raises a `FileError` whose text says what to do.

    A large workbook is left to its job, and so is the rest of a gzipped file behind its first `GZIP_CHECKED_BYTES`.
    """
    within_gzip, is_whole_file = is_gzip(body), True
    if within_gzip:
        body, is_whole_file = unpacked_start(body, max_bytes=GZIP_CHECKED_BYTES, is_whole_file=True)
    if sniff_format(body, filename, within_gzip=within_gzip) is FileFormat.XLSX:
        if encoding is not None:
            text_encoding(encoding)
        if _unpacked_bytes(body) <= WORKBOOK_MAX_UNPACKED_BYTES:
            from shared.inputs.workbooks import check_workbook  # noqa: PLC0415 - few requests upload a workbook

            check_workbook(BytesIO(body), job_type=job_type, sheet=sheet)
        return
    dialect = detect_dialect(body, declared_encoding=encoding, is_whole_file=is_whole_file)
    text, dialect = as_utf8(body, dialect, is_whole_file=is_whole_file)
    layout = read_layout(text, dialect, job_type=job_type, is_whole_file=is_whole_file)
    if is_whole_file and not has_rows(text, layout):
        raise EmptyFileError("The file has no data rows")


def _unpacked_bytes(body: bytes) -> int:
    """Returns the unpacked size in the archive's directory, which bounds what is read; 0 for an unreadable archive."""
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        return 0  # check_workbook reports what is wrong
