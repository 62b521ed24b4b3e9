"""Errors of a whole file. Standard library only.

    FileError
    ├── EmptyFileError           empty_file          nothing in it, or no data rows
    ├── UndecodableError         undecodable         bytes that are not text in the declared encoding
    ├── UnbalancedQuoteError     unbalanced_quote    quotes that are never closed, or that join rows or split one
    ├── UnsupportedFormatError   unsupported_format  neither CSV nor XLSX, one that cannot be read, or of two delimiters
    ├── DuplicateColumnsError    duplicate_columns   two headers that mean the same column
    ├── MissingColumnsError      missing_columns     a required column is not in the header
    └── TooLargeError            too_large           over a limit on bytes, rows, columns or unpacked size

The text of each is a sentence for the person who made the file: what is wrong, where, and what to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from shared.delimited.errors import DelimitedError


class FileError(Exception):
    """The file as a whole cannot be scored.

    `offset` is the 0-based byte, `line` the 1-based physical line of the place meant, where there is one. Both count
    in the uploaded file.
    """

    code: ClassVar[str]

    def __init__(self, sentence: str, *, offset: int | None = None, line: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.offset = offset
        self.line = line


class EmptyFileError(FileError):
    """The file has nothing in it, or no data rows."""

    code = "empty_file"


class UndecodableError(FileError):
    """The bytes are not text in the encoding they should be in."""

    code = "undecodable"


class UnbalancedQuoteError(FileError):
    """A quoted field is never closed, or its quotes join rows or split one, so that rows would be misread."""

    code = "unbalanced_quote"


class UnsupportedFormatError(FileError):
    """The file is neither CSV nor XLSX, its package or gzip cannot be read, or its rows have another delimiter."""

    code = "unsupported_format"


class DuplicateColumnsError(FileError):
    """Two headers become the same normalized name."""

    code = "duplicate_columns"


class MissingColumnsError(FileError):
    """The header lacks columns that the job type requires: `columns`.

    With `is_advised` the sentence says where the header is instead.
    """

    code = "missing_columns"

    def __init__(self, sentence: str, *, columns: tuple[str, ...], is_advised: bool = False) -> None:
        super().__init__(sentence)
        self.columns = columns
        self.is_advised = is_advised


class TooLargeError(FileError):
    """The file is over a limit on bytes, rows, columns or unpacked size."""

    code = "too_large"


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turns the engine's errors into file errors."""
    try:
        yield
    except DelimitedError as error:
        raise file_error(error) from error


def file_error(error: DelimitedError) -> FileError:
    """Returns the file error for one of the engine's."""
    match error.reason:
        case "empty":
            return EmptyFileError("The file is empty")
        case "binary":
            return _binary_data(error.offset)
        case "padding":
            return UndecodableError(
                f"The file ends in NUL bytes, from byte {error.offset:,} on: its end was lost or padded when it was "
                "written or copied. Export it again, or remove these bytes, and upload it again.",
                offset=error.offset,
            )
        case "encoding":
            return _undecodable(error)
        case "open_quote" | "stray_quote" | "joined_rows" | "split_row":
            return _unbalanced_quotes(error)
        case "record_too_long":
            return TooLargeError(
                f"The row that starts on line {error.line:,}{_at(error.offset)} is longer than "
                f"{error.limit_bytes:,} bytes. Check that the file has line breaks.",
                offset=error.offset,
                line=error.line,
            )


def _unbalanced_quotes(error: DelimitedError) -> UnbalancedQuoteError:
    opened = f'The quote (") that opens a field on line {error.line:,}{_at(error.offset)} is'
    closed = f"{opened} closed on line {error.last_line:,}"
    sentence = {
        "open_quote": f"{opened} never closed.",
        "stray_quote": f"{closed} with text behind it.",
        "joined_rows": f"{closed}, and the lines between them look like rows of their own.",
        "split_row": f'The quotes (") on line {error.line:,} do not pair up, and it or the line above is no whole row.',
    }[error.reason]
    return UnbalancedQuoteError(
        f"{sentence} Remove quotes that are there by mistake, double every quote that is part of the text, and upload "
        "the file again.",
        offset=error.offset,
        line=error.line,
    )


def decoding_error(error: UnicodeDecodeError, encoding: str, *, offset: int) -> FileError:
    """Returns the file error for a decoder's, whose input began at byte `offset` of the file."""
    return file_error(DelimitedError.from_decoder(error, encoding, offset=offset))


def _at(offset: int | None) -> str:
    return "" if offset is None else f" (byte {offset:,})"


def _binary_data(nul_offset: int | None) -> FileError:
    if nul_offset is None:
        return UnsupportedFormatError(
            "The file is not text. Upload a CSV file (comma, semicolon, tab or pipe) or an Excel workbook (.xlsx)."
        )
    return UndecodableError(
        f"The file has many NUL bytes, the first at byte {nul_offset:,}: it is UTF-16 without a byte-order "
        "mark, or no text at all. Save it as UTF-8, or declare its encoding, for example `?encoding=utf-16-le`.",
        offset=nul_offset,
    )


def _undecodable(error: DelimitedError) -> UndecodableError:
    what = "ends in the middle of a character" if error.byte is None else f"has the byte 0x{error.byte:02X}"
    place = f"The file is not {'UTF-8' if error.encoding == 'utf-8' else error.encoding} text: at byte"
    if error.encoding == "utf-8":
        advice = "Save it as UTF-8, or declare its encoding when you upload it, for example `?encoding=windows-1252`."
    else:
        advice = "Save it as UTF-8, or declare the encoding it really has with `?encoding=`."
    return UndecodableError(f"{place} {error.offset:,} it {what}. {advice}", offset=error.offset)
