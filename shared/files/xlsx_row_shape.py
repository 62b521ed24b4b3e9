"""The shape that most rows of a worksheet share, as one regular expression for a whole row."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PLAIN_NUMBER: Final = rb"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{0,5}[1-9])?"
"""A number of at most fifteen digits which, written like this, already is the shortest form of its double."""

# Any cell may be left out. Nothing is tried twice: a row of another shape is known at the first cell that differs.
_CELL: Final = rb'(?:<c r="%b[0-9]{1,7}"%b>%b</c>)?+'
_EMPTY: Final = rb'(?:<c r="%b[0-9]{1,7}"%b/>)?+'
_TEXT: Final = rb"<v>([0-9]{1,9})</v>"
_NUMBER: Final = rb"<v>(?:(" + PLAIN_NUMBER + rb")|([-+.0-9eE]++))</v>"

FoundCell = tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes]
"""A cell as it was found: all of it, its column's letters, style, type, plain number, other value, inline text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowShape:
    """Rows whose cells have these columns, styles and types, each a shared text, a number or empty."""

    _pattern: re.Pattern[bytes]
    _texts: tuple[tuple[int, int], ...]
    """The column of each shared text, and the place of its group."""
    _numbers: tuple[tuple[int, int], ...]
    """The column of each number, and the place of the first of its two groups."""
    _width: int

    @classmethod
    def of(
        cls, cells: Sequence[FoundCell], columns: Mapping[bytes, int], formats: Mapping[bytes, object]
    ) -> "RowShape | None":
        """The shape of a row that was read; None where a cell is of another kind, or not after the one before.

        `columns` are those allowed, by their letters; numbers of the styles in `formats` mean something else.
        """
        parts: list[bytes] = []
        texts: list[tuple[int, int]] = []
        numbers: list[tuple[int, int]] = []
        last, groups = -1, 0
        for whole, letters, style, kind, plain, raw, _ in cells:
            at = columns.get(letters, -1)
            if at <= last:
                return None
            attributes = (b' s="%b"' % style if style else b"") + (b' t="%b"' % kind if kind else b"")
            if kind == b"s" and (plain or raw):
                parts.append(_CELL % (letters, attributes, _TEXT))
                texts.append((at, groups))
                groups += 1
            elif kind in {b"", b"n"} and (plain or raw) and style not in formats:
                parts.append(_CELL % (letters, attributes, _NUMBER))
                numbers.append((at, groups))
                groups += 2
            elif whole.endswith(b"/>"):
                parts.append(_EMPTY % (letters, attributes))
            else:
                return None
            last = at
        return cls(_pattern=re.compile(b"".join(parts)), _texts=tuple(texts), _numbers=tuple(numbers), _width=last + 1)

    def fields(
        self, piece: bytes, start: int, *, text: Callable[[bytes], bytes], number: Callable[[bytes], bytes]
    ) -> list[bytes] | None:
        """The fields of a row whose cells are all of `piece` from `start` on; None where it is not of this shape.

        `text` gives the field of the shared text with that number, `number` that of a number not written plainly.
        """
        match = self._pattern.fullmatch(piece, start)
        if match is None:
            return None
        groups = match.groups(b"")
        row = [b""] * self._width
        for at, place in self._texts:
            if index := groups[place]:
                row[at] = text(index)
        for at, place in self._numbers:
            row[at] = groups[place] or ((raw := groups[place + 1]) and number(raw))
        while row and not row[-1]:
            row.pop()
        return row
