"""The shapes of rows: an expression for all cells of a row, since the rows of a sheet share few of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.workbook._cells import NUMERIC, Row, Values

# A number of at most fifteen digits in this form is already the shortest text of its double.
PLAIN_NUMBER: Final = rb"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{0,5}[1-9])?"
FoundCell = tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes]
"""The groups of the expression for a cell: all of it, column letters, style, type, formula, plain number, other value,
inline text."""

# The cells of a whole row. Any may be missing. Nothing backtracks: a row of another shape fails at the first cell that
# differs.
_SHAPE_CELL: Final = rb'(?:<c r="%b[0-9]{1,7}"%b>%b</c>)?+'
_SHAPE_EMPTY: Final = rb'(?:<c r="%b[0-9]{1,7}"%b/>)?+'
_SHAPE_TEXT: Final = rb"<v>([0-9]{1,9})</v>"
_SHAPE_NUMBER: Final = rb"<v>(?:(" + PLAIN_NUMBER + rb")|([-+.0-9eE]++))</v>"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowShape:
    """Rows whose cells have these columns, styles and types, each a shared string, a number or empty."""

    pattern: re.Pattern[bytes]
    texts: tuple[tuple[int, int], ...]
    """The column of each shared string, and the index of its group."""
    numbers: tuple[tuple[int, int], ...]
    """The column of each number, and the index of the first of its two groups."""
    width: int

    @classmethod
    def of(
        cls, cells: Sequence[FoundCell], columns: Mapping[bytes, int], formats: Mapping[bytes, object]
    ) -> "RowShape | None":
        """Returns the shape of a row; None for a cell of another kind or out of order.

        `columns` are the allowed columns by their letters; `formats` has the styles of dates and percentages.
        """
        parts: list[bytes] = []
        texts: list[tuple[int, int]] = []
        numbers: list[tuple[int, int]] = []
        last, groups = -1, 0
        for whole, letters, style, kind, formula, plain, raw, _ in cells:
            at = columns.get(letters, -1)
            if at <= last or formula:
                return None
            attributes = (b' s="%b"' % style if style else b"") + (b' t="%b"' % kind if kind else b"")
            if kind == b"s" and (plain or raw):
                parts.append(_SHAPE_CELL % (letters, attributes, _SHAPE_TEXT))
                texts.append((at, groups))
                groups += 1
            elif kind in NUMERIC and (plain or raw) and style not in formats:
                parts.append(_SHAPE_CELL % (letters, attributes, _SHAPE_NUMBER))
                numbers.append((at, groups))
                groups += 2
            elif whole.endswith(b"/>"):
                parts.append(_SHAPE_EMPTY % (letters, attributes))
            else:
                return None
            last = at
        return cls(pattern=re.compile(b"".join(parts)), texts=tuple(texts), numbers=tuple(numbers), width=last + 1)

    def row(self, piece: bytes, start: int, values: Values) -> Row | None:
        """Returns the row whose cells fill `piece` from `start` on; None if it is not of this shape."""
        match = self.pattern.fullmatch(piece, start)
        if match is None:
            return None
        groups = match.groups(b"")
        row = [b""] * self.width
        text = values.shared_strings.text
        for at, place in self.texts:
            if index := groups[place]:
                row[at] = text(index)
        for at, place in self.numbers:
            row[at] = groups[place] or ((raw := groups[place + 1]) and values.number(raw))
        while row and not row[-1]:
            row.pop()
        return row
