"""Errors of delimited text. They hold facts, and whoever calls the engine words the message.

    DelimitedError
    ├── EmptyTextError        no text, or blank text
    ├── BinaryDataError       bytes that are no text at all
    ├── DecodingError         bytes that are not text in the encoding
    ├── OpenQuoteError        a quoted field that is never closed
    └── RecordTooLongError    a record with more bytes than the limit

Offsets are 0-based bytes, lines 1-based; both count in the text that the engine was given.
"""


class DelimitedError(Exception):
    """The text cannot be read."""


class EmptyTextError(DelimitedError):
    """The text is empty or blank."""


class BinaryDataError(DelimitedError):
    """The bytes are no text. `nul_offset` is the first NUL where NUL bytes show it, None where control bytes do."""

    def __init__(self, nul_offset: int | None = None) -> None:
        super().__init__("the bytes are no text")
        self.nul_offset = nul_offset


class DecodingError(DelimitedError):
    """The byte at `offset` is not text in `encoding`; `byte` is None where the text ends within a character."""

    def __init__(self, encoding: str, *, offset: int, byte: int | None) -> None:
        super().__init__(f"byte {offset:,} is not {encoding}")
        self.encoding = encoding
        self.offset = offset
        self.byte = byte

    @classmethod
    def of(cls, error: UnicodeDecodeError, encoding: str, *, offset: int) -> "DecodingError":
        """Returns the error for a decoder's, whose input began at byte `offset`."""
        is_cut = "unexpected end" in error.reason or "truncated" in error.reason or "incomplete" in error.reason
        byte = None if is_cut and error.end == len(error.object) else error.object[error.start]
        return cls(encoding, offset=offset + error.start, byte=byte)


class OpenQuoteError(DelimitedError):
    """The quote at `offset` (None where bytes are not the file's own) on `line` opens a field and is never closed."""

    def __init__(self, *, offset: int | None, line: int) -> None:
        super().__init__(f"the quote on line {line:,} is never closed")
        self.offset = offset
        self.line = line


class RecordTooLongError(DelimitedError):
    """The record that starts at `offset` (None as above) on `line` has more than `limit_bytes` bytes."""

    def __init__(self, *, offset: int | None, line: int, limit_bytes: int) -> None:
        super().__init__(f"the record on line {line:,} has more than {limit_bytes:,} bytes")
        self.offset = offset
        self.line = line
        self.limit_bytes = limit_bytes
