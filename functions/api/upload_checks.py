"""Checks of an upload before its job is created: name, size, encoding and header.

The job validates everything else. Nothing here imports NumPy, which would slow the cold start.
"""

import zipfile
from dataclasses import replace
from io import BytesIO

from shared.inputs.errors import EmptyFileError, TooLargeError, UnsupportedFormatError, decoding_error
from shared.inputs.formats import detect_dialect, sniff_format, text_encoding
from shared.inputs.header import has_rows, read_layout
from shared.jobs.uploads import FILE_SUFFIXES, display_name
from shared.vocabulary import FileFormat, JobType

# The search for the header may read every sheet; more than this takes seconds, and the caller waits.
WORKBOOK_MAX_UNPACKED_BYTES = 64 * 1024 * 1024


def accepted_name(name: str) -> str:
    """Returns the display name. Raises `UnsupportedFormatError` when it ends in neither .csv nor .xlsx."""
    shown = display_name(name)
    if not shown.lower().endswith(FILE_SUFFIXES):
        raise UnsupportedFormatError(
            "The file's name has to end in .csv or .xlsx. Upload a CSV file or an Excel workbook (.xlsx)."
        )
    return shown


def check_declared(*, file_size: int | None, max_bytes: int, encoding: str | None) -> None:
    """Checks the announced size and encoding of a file that is yet to be sent. Raises a `FileError`."""
    if file_size is not None and file_size > max_bytes:
        raise TooLargeError(f"The file has {file_size:,} bytes; at most {max_bytes:,} are allowed. Split it.")
    if encoding is not None:
        text_encoding(encoding)


def check_file(body: bytes, *, filename: str, job_type: JobType, encoding: str | None) -> None:
    """Checks a whole file. Raises a `FileError` whose text says what to do.

    A large workbook is left to its job.
    """
    if sniff_format(body, filename) is FileFormat.XLSX:
        if encoding is not None:
            text_encoding(encoding)
        if _unpacked_bytes(body) <= WORKBOOK_MAX_UNPACKED_BYTES:
            from shared.inputs.workbooks import check_workbook  # noqa: PLC0415 - few requests upload a workbook

            check_workbook(BytesIO(body), job_type=job_type)
        return
    dialect = detect_dialect(body, declared_encoding=encoding, is_whole_file=True)
    if dialect.needs_rewrite:
        try:
            text = body[dialect.text_start :].decode(dialect.encoding)
        except UnicodeDecodeError as error:
            raise decoding_error(error, dialect.encoding, offset=dialect.text_start) from error
        body = (text.replace("\r", "\n") if dialect.newline == "cr" else text).encode()
        dialect = replace(dialect, encoding="utf-8", bom_length=0, text_start=0, newline="lf")
    layout = read_layout(body, dialect, job_type=job_type, is_whole_file=True)
    if not has_rows(body, layout):
        raise EmptyFileError("The file has no data rows")


def _unpacked_bytes(body: bytes) -> int:
    """Returns the unpacked size in the archive's directory, which bounds what is read; 0 for an unreadable archive."""
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        return 0  # check_workbook reports what is wrong
