"""What can be wrong with a whole file.

    FileError
    ├── EmptyFileError           empty_file          nothing in it, or no data rows
    ├── UndecodableError         undecodable         bytes that are not text in the declared encoding
    ├── UnbalancedQuoteError     unbalanced_quote    a quoted field that is never closed
    ├── UnsupportedFormatError   unsupported_format  neither CSV nor XLSX, or an XLSX that cannot be read
    ├── DuplicateColumnsError    duplicate_columns   two headers that mean the same column
    ├── MissingColumnsError      missing_columns     a required column is not in the header
    └── TooLargeError            too_large           over a limit on bytes, rows, columns or unpacked size

The text of each is a sentence for the person who made the file: what is wrong, where, and what to do.
"""

from typing import ClassVar


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
    """A quoted field is never closed, so every row after it would be swallowed."""

    code = "unbalanced_quote"


class UnsupportedFormatError(FileError):
    """The file is neither CSV nor XLSX, or its XLSX package cannot be read."""

    code = "unsupported_format"


class DuplicateColumnsError(FileError):
    """Two headers become the same normalised name."""

    code = "duplicate_columns"


class MissingColumnsError(FileError):
    """The header lacks columns that the job type requires: `columns`."""

    code = "missing_columns"

    def __init__(self, sentence: str, *, columns: tuple[str, ...]) -> None:
        super().__init__(sentence)
        self.columns = columns


class TooLargeError(FileError):
    """The file is over a limit on bytes, rows, columns or unpacked size."""

    code = "too_large"
