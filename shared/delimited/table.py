"""The cells of the well-formed records of a chunk, held as positions in its bytes."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from shared.delimited._arrays import LAST_ASCII, Bytes, Floats, Mask, Positions, is_ascii
from shared.delimited._numbers import PAD, padded, plain_numbers
from shared.delimited._records import Records
from shared.delimited.cells import unquoted
from shared.scoring.values import FIRST_YEAR, FORMULA_STARTS, unguarded

_QUOTE: Final = ord('"')


def byte_set(members: str | range) -> Mask:
    """Which bytes are among the ASCII characters, or in the range, given: `[256]`, to be indexed by bytes."""
    mask = np.zeros(256, np.bool_)
    mask[[ord(member) for member in members] if isinstance(members, str) else list(members)] = True
    return mask


# A text cell so bounded has no space to trim, and no guard to take off.
_OPENS_TEXT = byte_set(range(0x21, 0x7F)) & ~byte_set("'")
_CLOSES_TEXT = byte_set(range(0x21, 0x7F))
# The first two bytes of the words for blank; no such word is longer than four bytes.
_OPENS_BLANK = byte_set("-#nN")
_FOLLOWS_IN_BLANK = byte_set("-/.aAnNoOuU")
_LONGEST_BLANK: Final = 4
_YEAR_DIGITS: Final = 4
_OPENS_QUARTER = byte_set("Qq")
_IS_QUARTER = byte_set("1234")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """`m` records of exactly `k` fields each. Position arrays are `[k, m]`: one row a column of the file.

    `starts` and `ends` bound the text of a cell, plain quotes around it taken off; where `odd`, the cell has quotes
    which that does not do justice to and only `text` reads it right. `firsts` is the first byte of the text, 0 if
    empty. `quotes` are the positions of every `"`, `beyond_ascii` those of bytes that are not ASCII, None where there
    are none.
    """

    data: bytes
    buffer: Bytes
    field_starts: Positions
    field_ends: Positions
    starts: Positions
    ends: Positions
    odd: Mask
    firsts: Bytes
    quotes: Positions
    beyond_ascii: Positions | None
    plain: dict[int, Mask] = field(default_factory=dict)
    """By column, once its figures have been asked for, which of them were read: `[m]`."""
    _simple: dict[tuple[int, int], Mask] = field(default_factory=dict)
    _years: dict[tuple[int, int], Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.starts.shape[1])

    def raw(self, column: int, row: int) -> bytes:
        """A field as written, quotes included."""
        return self.data[self.field_starts[column, row] : self.field_ends[column, row]]

    def raws(self, column: int, rows: Positions) -> list[bytes]:
        """The fields of some rows as written, quotes included."""
        bounds = (self.field_starts[column, rows].tolist(), self.field_ends[column, rows].tolist())
        return [self.data[start:end] for start, end in zip(*bounds, strict=True)]

    def text(self, column: int, row: int) -> str:
        """What a cell says: without quotes and without the guard against formulas."""
        return unguarded(self.written_text(column, row))

    def texts(self, column: int, rows: Positions) -> list[str]:
        """What the cells of some rows say."""
        return [unguarded(unquoted(raw).decode()) for raw in self.raws(column, rows)]

    def written_text(self, column: int, row: int) -> str:
        """What a cell says, a guard that it carries included."""
        return unquoted(self.raw(column, row)).decode()

    def lengths(self, column: int) -> Positions:
        """Bytes of text in each cell of a column: `[m]`."""
        lengths: Positions = self.ends[column] - self.starts[column]
        return lengths

    def seconds(self, column: int) -> Bytes:
        """The byte after the first in each cell of a column, whatever it is where the cell is shorter: `[m]`."""
        seconds: Bytes = self.buffer[self.starts[column] + (PAD + 1)]
        return seconds

    def plain_numbers(self, column: int) -> tuple[Floats, Mask]:
        """The column's figures, and which of them could be read without looking closer: `[m]` each."""
        figures, plain = plain_numbers(self.buffer, self.firsts[column], self.starts[column], self.ends[column])
        self.plain[column] = plain
        return figures, plain

    def plain_years(self, column: int, last: int) -> Floats:
        """The years up to the last accepted that are written as four digits, NaN in other cells: `[m]`."""
        if (known := self._years.get((column, last))) is not None:
            return known
        years, _ = self.plain_numbers(column)
        years[~((self.lengths(column) == _YEAR_DIGITS) & (years >= FIRST_YEAR) & (years <= last))] = np.nan
        return self._years.setdefault((column, last), years)

    def simple_text(self, column: int, limit: int) -> Mask:
        """Cells of 1 to `limit` ASCII bytes that mean what they say, not blank, nothing to trim or unquote: `[m]`."""
        if (known := self._simple.get((column, limit))) is not None:
            return known
        lengths, firsts = self.lengths(column), self.firsts[column]
        lasts = self.buffer[self.ends[column] + (PAD - 1)]
        simple: Mask = (lengths > 0) & (lengths <= limit) & ~self.odd[column]
        simple &= _OPENS_TEXT.take(firsts)
        simple &= _CLOSES_TEXT.take(lasts)
        may_be_blank = np.flatnonzero((lengths <= _LONGEST_BLANK) & _OPENS_BLANK.take(firsts))
        seconds = self.buffer[self.starts[column][may_be_blank] + (PAD + 1)]
        simple[may_be_blank[(lengths[may_be_blank] == 1) | _FOLLOWS_IN_BLANK.take(seconds)]] = False
        if (beyond := self.beyond_ascii) is not None:
            simple &= np.searchsorted(beyond, self.starts[column]) == np.searchsorted(beyond, self.ends[column])
        return self._simple.setdefault((column, limit), simple)

    def well_quoted(self, column: int, rows: Positions) -> Mask:
        """Of the cells of some rows, those that any program reads alike: in quotes from their first byte to their last,
        and every quote between these doubled.
        """
        opens, closes = self.field_starts[column, rows], self.field_ends[column, rows]
        first = np.searchsorted(self.quotes, opens)
        count = np.searchsorted(self.quotes, closes) - first
        well: Mask = (
            (closes - opens > 1)
            & (self.buffer[opens + PAD] == _QUOTE)
            & (self.buffer[closes + (PAD - 1)] == _QUOTE)
            & (count % 2 == 0)
        )
        pairs = np.where(well, count // 2 - 1, 0)
        # The cell that each pair of quotes is in, and which of its pairs it is.
        cells = np.repeat(np.arange(len(rows)), pairs)
        within = np.arange(len(cells)) - (np.cumsum(pairs) - pairs)[cells]
        at = first[cells] + 1 + 2 * within
        well[cells[self.quotes[at + 1] - self.quotes[at] > 1]] = False
        return well

    def bare_quarters(self, column: int) -> Mask:
        """Cells that are one of the digits 1 to 4: `[m]`."""
        return (self.lengths(column) == 1) & _IS_QUARTER[self.firsts[column]]  # type: ignore[no-any-return]

    def lettered_quarters(self, column: int) -> Mask:
        """Cells that are `Q1` to `Q4` or `q1` to `q4`: `[m]`."""
        is_quarter = (self.lengths(column) == 2) & _IS_QUARTER[self.seconds(column)]
        return is_quarter & _OPENS_QUARTER[self.firsts[column]]  # type: ignore[no-any-return]

    def starts_formula(self) -> Mask:
        """Cells, the odd ones aside, whose first character would make a spreadsheet run them: `[k, m]`."""
        starts = np.zeros(self.firsts.shape, np.bool_)
        for character in FORMULA_STARTS:
            starts |= self.firsts == ord(character)
        return starts


def table_of(records: Records, selected: Positions, k: int) -> Table:
    """The cells of the selected records, each of which has exactly `k` fields (else ValueError)."""
    field_starts, field_ends = records.field_bounds(selected, k)
    buffer = padded(records.data)
    firsts = buffer[PAD:].take(field_starts)
    firsts *= (field_starts != field_ends).view(np.uint8)
    starts, ends = field_starts, field_ends
    odd = np.zeros(starts.shape, np.bool_)
    quotes = records.quotes
    if len(quotes):
        # Cells are found by their place in flattened columns: few of them begin with a quote.
        opened = np.flatnonzero(firsts == _QUOTE)
        opens, closes = field_starts.ravel()[opened], field_ends.ravel()[opened]
        closed = (closes - opens >= 2) & (buffer[closes + (PAD - 1)] == _QUOTE)
        # Where there are no other quotes up to the next record, they enclose exactly what the cells say.
        rows = opened % len(selected)
        held = np.diff(np.searchsorted(quotes, field_starts[0]), append=len(quotes))
        asked = (held != 2 * np.bincount(rows[closed], minlength=len(selected)))[rows]
        nexts = quotes.take(np.searchsorted(quotes, opens[asked]) + 1, mode="clip")
        odd.ravel()[opened[asked]] = ~closed[asked] | (nexts != closes[asked] - 1)
        within = opened[closed]
        starts, ends = field_starts.copy(), field_ends.copy()
        starts.ravel()[within] += 1
        ends.ravel()[within] -= 1
        firsts.ravel()[within] = np.where(
            closes[closed] - opens[closed] > 2, buffer[opens[closed] + (PAD + 1)], np.uint8(0)
        )
    beyond_ascii = None if is_ascii(records.data) else np.flatnonzero(buffer > LAST_ASCII) - PAD
    return Table(records.data, buffer, field_starts, field_ends, starts, ends, odd, firsts, quotes, beyond_ascii)
