"""The error of the CSV engine. It holds facts; callers write the message."""

from typing import Literal

Reason = Literal[
    "empty", "binary", "padding", "encoding", "open_quote", "stray_quote", "joined_rows", "split_row", "record_too_long"
]


class DelimitedError(Exception):
    """The text cannot be read, for a reason.

    | Reason | Text | Facts |
    |---|---|---|
    | `empty` | empty or blank | |
    | `binary` | bytes that are no text | `offset` of the first NUL, None if only control bytes show it |
    | `padding` | NUL bytes up to the end | `offset` of the first of them |
    | `encoding` | bytes that are not `encoding` | `offset`, `byte` (None if the text ends within a character) |
    | `open_quote` | a quoted field that is never closed | `offset` and `line` of the quote |
    | `stray_quote` | text behind the closing quote of a field | `offset` and `line` of its opening quote, `last_line` |
    | `joined_rows` | a quoted field of several lines, each of which looks like a row | the same |
    | `split_row` | a stray quote in or right below a line that is no whole row | `offset` and `line` of its record |
    | `record_too_long` | a record of more than `limit_bytes` | `offset` and `line` of the record |

    Offsets are 0-based bytes, None where the bytes are not those of the file; lines are 1-based. Both count in the text
    that the engine was given. `last_line` is that of the closing quote.
    """

    def __init__(
        self,
        reason: Reason,
        *,
        offset: int | None = None,
        line: int = 0,
        last_line: int = 0,
        encoding: str = "",
        byte: int | None = None,
        limit_bytes: int = 0,
    ) -> None:
        super().__init__(f"{reason}, line {line:,}" if line else reason)
        self.reason = reason
        self.offset = offset
        self.line = line
        self.last_line = last_line
        self.encoding = encoding
        self.byte = byte
        self.limit_bytes = limit_bytes

    @classmethod
    def from_decoder(cls, error: UnicodeDecodeError, encoding: str, *, offset: int) -> "DelimitedError":
        """Returns the error for a decoder's, whose input began at byte `offset`."""
        is_cut = "unexpected end" in error.reason or "truncated" in error.reason or "incomplete" in error.reason
        byte = None if is_cut and error.end == len(error.object) else error.object[error.start]
        return cls("encoding", offset=offset + error.start, encoding=encoding, byte=byte)
