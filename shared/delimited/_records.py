"""Records and fields of delimited text, found in bytes with NumPy, exactly and without decoding.

The grammar is that of `shared.delimited.cells`, over whole buffers.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from shared.delimited._bits import packed, room_for, running_parity, unpacked
from shared.delimited._words import PAD, Bytes, Mask, Positions
from shared.delimited.cells import blanks_of, unquoted
from shared.delimited.dialect import Delimiter
from shared.delimited.errors import DelimitedError

QUOTE: Final = 0x22
LF: Final = 0x0A
CR: Final = 0x0D


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The records of `data` that are not blank, in order; arrays are of length n = `len(self)`.

    Record i is `data[starts[i]:ends[i]]`, its line end excluded, and has `field_counts[i]` fields.
    """

    data: bytes
    starts: Positions
    ends: Positions
    field_counts: Positions
    quotes: Positions
    """Every `"` in `data`."""
    _separators: Positions
    """Every delimiter and newline outside quotes; an unterminated last record has one at `len(data)`."""
    _terminators: Positions
    """Index in `_separators` of the one which ends each record."""

    def __len__(self) -> int:
        return len(self.starts)

    def field_bounds(self, selected: Mask | Positions | slice, k: int) -> tuple[Positions, Positions]:
        """Returns the starts and ends of the fields of the selected records (m of them), each `[k, m]`.

        Field j of the i-th selected record is `data[starts[j, i]:ends[j, i]]`, quotes included.
        Raises ValueError when a selected record does not have exactly `k` fields.
        """
        if not (self.field_counts[selected] == k).all():
            raise ValueError(f"a selected record does not have {k} fields")
        terminators = self._terminators[selected]
        if len(terminators) * k == len(self._separators):
            separators = self._separators.reshape(-1, k).T
        else:
            separators = self._separators[terminators + np.arange(1 - k, 1)[:, None]]
        ends = separators.copy(order="C")
        ends[-1] = self.ends[selected]
        starts = np.empty_like(ends)
        starts[0] = self.starts[selected]
        np.add(separators[:-1], 1, out=starts[1:])
        return starts, ends

    def fields(self, index: int) -> list[bytes]:
        """Returns the fields of one record, unquoted."""
        starts, ends = self.field_bounds(np.array([index]), int(self.field_counts[index]))
        return [unquoted(self.data[start:end]) for start, end in zip(starts[:, 0], ends[:, 0], strict=True)]

    def has_nul(self) -> Mask:
        """Returns which records contain a NUL byte: `[n]`."""
        found = np.zeros(len(self), np.bool_)
        if b"\0" in self.data:
            places = np.flatnonzero(np.frombuffer(self.data, np.uint8) == 0)
            holders = np.searchsorted(self.starts, places, side="right") - 1
            inside = (holders >= 0) & (places < self.ends[holders])
            found[holders[inside]] = True
        return found

    def has_field_over(self, limit_bytes: int) -> Mask:
        """Returns which records have a field of more than `limit_bytes` as written, quotes included: `[n]`.

        Only records longer than the limit are looked into, so the usual chunk costs one comparison a record.
        """
        found = self.ends - self.starts > limit_bytes
        for index in np.flatnonzero(found):
            starts, ends = self.field_bounds(np.array([index]), int(self.field_counts[index]))
            found[index] = bool(((ends - starts) > limit_bytes).any())
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellPositions:
    """Positions in a buffer of n records of k fields: `[n]` of records, `[k, n]` of fields.

    `field_starts` and `field_ends` are the bounds of fields as written, `starts` and `ends` those of their text. Where
    `odd`, a cell has quotes inside, and the bounds of its text are not exact.
    """

    record_starts: Positions
    record_ends: Positions
    field_starts: Positions
    field_ends: Positions
    starts: Positions
    ends: Positions
    odd: Mask
    firsts: Bytes
    """The first byte of each text, 0 where it is empty: `[k, n]`."""
    buffer: Bytes
    """The data between two paddings of zeros, as `shared.delimited._words` reads it."""
    quotes: Positions
    unusual: Positions | None
    """The positions of bytes that are not ASCII or are control characters but TAB, LF and CR; None without any."""

    def with_stray_quotes(self) -> list[tuple[int, int]]:
        """Returns the columns and rows of cells that not every program reads alike.

        Every program does when quotes enclose the cell from its first byte to its last, and each one between these is
        doubled.
        """
        found = []
        for column in np.flatnonzero(self.odd.any(axis=1)).tolist():
            odd = np.flatnonzero(self.odd[column])
            found += [(column, row) for row in odd[~self._is_well_quoted(column, odd)].tolist()]
        return found

    def _is_well_quoted(self, column: int, rows: Positions) -> Mask:
        opens, closes = self.field_starts[column, rows], self.field_ends[column, rows]
        first = np.searchsorted(self.quotes, opens)
        count = np.searchsorted(self.quotes, closes) - first
        well: Mask = (
            (closes - opens > 1)
            & (self.buffer[opens + PAD] == QUOTE)
            & (self.buffer[closes + (PAD - 1)] == QUOTE)
            & (count % 2 == 0)
        )
        pairs = np.where(well, count // 2 - 1, 0)
        # The cell that each pair of quotes is in, and which of its pairs it is.
        cells = np.repeat(np.arange(len(rows)), pairs)
        within = np.arange(len(cells)) - (np.cumsum(pairs) - pairs)[cells]
        at = first[cells] + 1 + 2 * within
        well[cells[self.quotes[at + 1] - self.quotes[at] > 1]] = False
        return well


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """The separators of a buffer outside quotes, its quotes, and the one that is still open at its end (or None)."""

    separators: Positions
    quotes: Positions
    open_quote: int | None


def split_records(data: bytes, delimiter: Delimiter) -> Records:
    """Returns the records of `data`, which starts at the start of a record.

    Raises DelimitedError, with the offset and line in `data` of the quote, when one is open at the end.
    """
    structure = structure_of(data, delimiter)
    if structure.open_quote is not None:
        raise DelimitedError(
            "open_quote", offset=structure.open_quote, line=data.count(b"\n", 0, structure.open_quote) + 1
        )
    text = np.frombuffer(data, np.uint8)
    separators = structure.separators
    is_newline = text[separators] == LF
    if data and not (len(separators) and separators[-1] == len(data) - 1 and is_newline[-1]):
        separators = np.append(separators, len(data))
        is_newline = np.append(is_newline, True)
    terminators = np.flatnonzero(is_newline)
    starts, ends, blank = record_bounds(text, separators[terminators], delimiter)
    field_counts = np.diff(terminators, prepend=-1)
    if blank.any():
        kept = ~blank
        starts, ends, field_counts, terminators = starts[kept], ends[kept], field_counts[kept], terminators[kept]
    return Records(data, starts, ends, field_counts, structure.quotes, separators, terminators)


def record_bounds(text: Bytes, line_ends: Positions, delimiter: Delimiter) -> tuple[Positions, Positions, Mask]:
    """Returns starts, ends (CR of CRLF excluded) and blankness of the records which the given newlines end.

    The first record starts at 0. A line end may be `len(text)`, for a record without a newline.
    """
    starts = np.empty_like(line_ends)
    starts[:1] = 0
    starts[1:] = line_ends[:-1] + 1
    ends = line_ends.copy()
    terminated = line_ends < len(text)
    ends[(line_ends > starts) & terminated & (text[line_ends - 1] == CR)] -= 1
    blank = ends == starts
    # Most records begin or end with a byte that is not blank and are done.
    is_blank = _blank_bytes(delimiter)
    suspects = np.flatnonzero(~blank)
    suspects = suspects[is_blank[text[starts[suspects]]]]
    suspects = suspects[is_blank[text[ends[suspects] - 1]]]
    if len(suspects):
        # An end may be the end of the text, where reduceat wants a byte more.
        printed = np.append(~is_blank[text], False)
        within_and_after = np.stack((starts[suspects], ends[suspects]), axis=1).ravel()
        blank[suspects] = ~np.logical_or.reduceat(printed, within_and_after)[::2]
    return starts, ends, blank


@cache
def _blank_bytes(delimiter: Delimiter) -> Mask:
    """Returns which bytes a blank record may consist of: `[256]`, to be indexed by bytes."""
    mask = np.zeros(256, np.bool_)
    mask[list(blanks_of(delimiter))] = True
    return mask


def structure_of(data: bytes, delimiter: Delimiter) -> Structure:
    """Returns the separators of `data` outside quotes (delimiters and LFs) and its quotes."""
    text = np.frombuffer(data, np.uint8)
    # With room for whole words.
    flags = np.zeros(room_for(len(text)), np.bool_)
    found = flags[: len(text)]
    separator = text == LF
    separator |= np.equal(text, ord(delimiter), out=found)
    if b'"' not in data:
        return Structure(np.flatnonzero(separator), np.empty(0, np.int64), None)
    quotes = special = np.flatnonzero(np.equal(text, QUOTE, out=found))
    literal = literal_quotes(text, quotes, ord(delimiter))
    if literal is not None:
        special = quotes[~literal]
        found[quotes[literal]] = False
    # A byte is inside a quoted field when the number of special quotes before it is odd.
    inside = unpacked(running_parity(packed(flags)), len(text))
    np.greater(separator, inside, out=separator)  # and not inside
    return Structure(np.flatnonzero(separator), quotes, _opening(special) if len(special) % 2 else None)


def open_quote(data: bytes, delimiter: Delimiter) -> int | None:
    """Returns the quote that is still open at the end of `data`, which starts at the start of a record."""
    return structure_of(data, delimiter).open_quote


def literal_quotes(text: Bytes, quotes: Positions, delimiter: int) -> Mask | None:
    """Returns which of the quotes are data by the grammar, or None when none is.

    Counting parity is right exactly when each quote that would open does open: it is the first byte of a field, or is
    right after the quote that would have closed (the two are then an escaped quote).
    """
    before = text[quotes - 1]
    can_open = (before == LF) | (before == delimiter)
    can_open[0] |= quotes[0] == 0
    follows = np.zeros(len(quotes), np.bool_)
    np.equal(quotes[1:] - quotes[:-1], 1, out=follows[1:])
    if (can_open[::2] | follows[::2]).all():
        return None
    return _literal_quotes_one_by_one(can_open, follows)


def _literal_quotes_one_by_one(can_open: Mask, follows: Mask) -> Mask:
    """Runs the automaton of the grammar over quotes only: nothing between two quotes changes its state.

    `can_open[i]`: quote i follows a separator or the start. `follows[i]`: quote i-1 is right before it.
    """
    count = len(can_open)
    literal = np.ones(count, np.bool_)
    escapes = follows.tolist()
    i = 0
    # Outside quotes, quotes that do not open are data (inches, seconds) and cost no steps.
    for opening in np.flatnonzero(can_open).tolist():
        if opening < i:
            continue
        i = opening + 1
        while i < count:  # inside a quoted field
            if i + 1 < count and escapes[i + 1]:
                i += 2
            else:
                i += 1
                break
        literal[opening:i] = False
    return literal


def _opening(quotes: Positions) -> int:
    """Returns the quote that opened the field still open at the end: the last one before all escaped pairs."""
    i = len(quotes) - 1
    while i >= 2 and quotes[i - 1] == quotes[i] - 1:
        i -= 2
    return int(quotes[i])
