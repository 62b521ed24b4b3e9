"""Rows that planning looks at more closely: those that are tolerated, and those that quotes may have put together.

Records are found by their quotes. Where quotes are stray, that may join rows of two companies, or cut one in two, and
figures would land in the wrong row. So lines are also read without their quotes, and a file in which the two readings
disagree is refused.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Final, NamedTuple

import numpy as np

from shared.delimited._record_ends import RecordEnds
from shared.delimited._records import Records, split_records
from shared.delimited._words import Mask, Positions
from shared.delimited.dialect import Delimiter
from shared.delimited.errors import Reason

# How spreadsheets are kept from reading a text as a number.
_TEXT_FORMULA: Final = re.compile(rb' *="[^"]*"')
# Behind a delimiter in a text there is a space.
_NUMBER: Final = re.compile(rb"""["'(]*+[-+]?[0-9.,]*[0-9][0-9.,]*+[%x)"]*+""")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowShape:
    """What a row looks like: it has `field_count` fields, and at least `figure_count` of them are numbers.

    Empty fields at its end may be missing from field `needed` on.
    """

    field_count: int
    needed: int
    figure_count: int


@dataclass(slots=True)
class RowList:
    """How many rows there are of a kind, and the numbers of the first ones, at most `limit`."""

    limit: int
    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, rows: Positions) -> None:
        """Adds rows by their numbers, ascending."""
        self.count += len(rows)
        self.rows += rows[: self.limit - len(self.rows)].tolist()


class Finding(NamedTuple):
    """Why a text cannot be read, and the places of the first and the last quote or line meant."""

    reason: Reason
    first: int
    last: int


class Inspection:
    """Inspects runs of records in the order of the file."""

    def __init__(self, shape: RowShape, delimiter: Delimiter, *, limit: int) -> None:
        self.shape = shape
        self.padded = RowList(limit)
        """Rows with empty fields at their end that are too many, or missing."""
        self.spaced = RowList(limit)
        """Rows with spaces before an opening quote."""
        self.skipped_count = 0
        """Records of delimiters only."""
        self._delimiter = delimiter
        self._follows_whole_row = True

    def ambiguity(self, text: bytes, ends: RecordEnds, size: int, *, first_row: int) -> Finding | None:
        """Inspects the records in the first `size` bytes, and returns the first ambiguity; `ends` are those of all.

        Costs next to nothing where the records are as the shape has them.
        """
        if size == ends.size and not ends.is_irregular and ends.field_count == ends.row_count * self.shape.field_count:
            self._follows_whole_row |= ends.row_count > 0
            return None
        return self._inspected(text[:size], first_row=first_row)

    def _inspected(self, data: bytes, *, first_row: int) -> Finding | None:
        """Counts what is tolerated in whole records, and returns the first ambiguity."""
        records = split_records(data, self._delimiter)
        self.skipped_count += len(records.skipped)
        if not len(records):
            return None
        k, needed = self.shape.field_count, self.shape.needed
        fits, is_stray = records.fitting(k, needed), records.with_stray_quote()
        self.padded.add(np.flatnonzero(fits & (records.field_counts != k) & ~is_stray) + first_row)
        if records.irregular is not None:
            late = records.irregular.late
            late = late[np.frombuffer(data, np.uint8)[late - 1] == ord(" ")]
            self.spaced.add(np.unique(records.holding(late)) + first_row)
        found = [*self._joined(records, fits, is_stray), *self._split(records, fits, is_stray)]
        self._follows_whole_row = bool(fits[-1] and records.field_counts[-1] >= k)
        return min(found, key=lambda finding: finding.first, default=None)

    def _joined(self, records: Records, fits: Mask, is_stray: Mask) -> Iterator[Finding]:
        """Yields fields whose lines, read without quotes, are the end of one row and the start of another.

        Then they have as many delimiters as these need, or whole rows between them.
        """
        text = np.frombuffer(records.data, np.uint8)
        newlines = records.inner_newlines
        if not len(newlines):
            return
        special = records.quotes if records.irregular is None else records.irregular.special
        is_apart = np.diff(special) > 1
        opening = special[::2][np.append(True, is_apart[1::2])]
        closing = special[1::2][np.append(is_apart[1::2], True)]
        fields = np.unique(np.searchsorted(opening, newlines) - 1)
        starts, ends = opening[fields], closing[fields]
        holders = records.holding(starts)
        delimiters = np.flatnonzero(text == ord(self._delimiter))
        up_to_starts, up_to_ends = np.searchsorted(delimiters, starts), np.searchsorted(delimiters, ends)
        # A stray quote may enclose delimiters that are none, so there all count.
        terminators = records.terminators[holders]
        place = np.searchsorted(records.separators, starts)
        passed = np.where(
            is_stray[holders],
            up_to_starts - np.searchsorted(delimiters, records.starts[holders]),
            place - terminators + records.field_counts[holders] - 1,
        )
        left = np.where(
            is_stray[holders], np.searchsorted(delimiters, records.ends[holders]) - up_to_ends, terminators - place
        )
        # How many delimiters are in a row behind this place, and before the place at which the next row goes on.
        behind = np.maximum(self.shape.field_count - 1 - passed, 0)
        before = np.maximum(self.shape.field_count - 1 - left, 0)
        for at in np.flatnonzero(
            up_to_ends - up_to_starts >= np.minimum(behind + before, self.shape.needed - 1)
        ).tolist():
            start, end = int(starts[at]), int(ends[at])
            lines = [self._cells(line) for line in records.data[start + 1 : end].split(b"\n")]
            counts_up_to = list(accumulate(len(line) - 1 for line in lines))
            enough_behind = bisect_left(counts_up_to, behind[at])
            is_joined = enough_behind < len(lines) - 1 and (
                counts_up_to[-1] - counts_up_to[enough_behind] >= before[at]
            )
            if fits[holders[at]] and not is_stray[holders[at]]:
                is_joined &= self._has_figures(list(chain(*lines)))
            if is_joined or any(len(line) >= self.shape.needed and self._has_figures(line) for line in lines[1:-1]):
                yield Finding("joined_rows", start, end)

    def _split(self, records: Records, fits: Mask, is_stray: Mask) -> Iterator[Finding]:
        """Yields stray quotes in or right below a record that is no whole row: a cell may go on in the next line."""
        if records.irregular is None:
            return
        is_whole = fits & (records.field_counts >= self.shape.field_count)
        for row in np.flatnonzero(is_stray & ~is_whole).tolist():
            line = records.data[records.starts[row] : records.ends[row]]
            cells = self._cells(line)
            if b"\n" in line or not self._is_wide(cells):
                yield Finding("split_row", int(records.starts[row]), int(records.starts[row]))
                break
        follows = np.append(self._follows_whole_row, is_whole[:-1])
        dangling = records.irregular.dangling
        holders = records.holding(dangling)
        may_be = (fits & ~is_stray & ~follows)[holders]
        for place, row in zip(dangling[may_be].tolist(), holders[may_be].tolist(), strict=True):
            start = int(records.starts[row])
            field = self._cells(records.data[start : place + 1])[-1]
            if not _TEXT_FORMULA.fullmatch(field):
                yield Finding("split_row", start, start)
                break

    def _cells(self, line: bytes) -> list[bytes]:
        return line.removesuffix(b"\r").split(self._delimiter.encode())

    def _is_wide(self, cells: list[bytes]) -> bool:
        return len(cells) >= self.shape.field_count and not any(cells[self.shape.field_count :])

    def _has_figures(self, cells: list[bytes]) -> bool:
        return sum(_NUMBER.fullmatch(cell) is not None for cell in cells) >= self.shape.figure_count
