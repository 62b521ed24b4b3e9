"""Where records end, as bits: what planning needs of a block, at little more than the cost of comparing its bytes.

Places are bits (see `shared.delimited._bits`), so that counting records takes no array of where they end. The grammar
is that of `shared.delimited.cells`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.delimited._bits import (
    WORD,
    count_below,
    count_of,
    is_last_set,
    last_of,
    lowest,
    one_back,
    one_on,
    packed,
    places_of,
    room_for,
    running_parity,
)
from shared.delimited._quotes import LF, QUOTE, Quotes, irregular_quotes
from shared.delimited._records import record_bounds
from shared.delimited._words import Bytes, Mask, Positions, Words
from shared.delimited.dialect import Delimiter

# Arrays without a dimension, which NumPy would else make of each number anew.
_LF: Final = np.array(LF, np.uint8)
_QUOTE: Final = np.array(QUOTE, np.uint8)

_WORDS_PASSED: Final = 8
_ALL: Final = np.uint64(2**WORD - 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordEnds:
    """The ends of the records of a text; an end is the place after a record's newline, or the end of the file."""

    size: int
    """The last end; 0 without one."""
    row_count: int
    """How many of the records are not empty."""
    field_count: int
    """How many fields these have in all, where `is_irregular` is false."""
    newline_count: int
    """How many newlines the text has, those inside quotes and after the last end with them."""
    is_quote_open: bool
    """Whether the text ends inside quotes."""
    has_quotes: bool
    joined: tuple[int, int] | None
    """The quotes around the first field of several lines that has text behind it."""
    is_irregular: bool
    """Whether there may be stray quotes, records of delimiters only, or cells whose lines look like rows."""
    _text_size: int
    _newlines: Words
    """One for each record. Of a last record without newline it is the place behind its last byte."""
    _row_newlines: Words
    """Those of records that are not empty."""

    def first_from(self, place: int) -> int:
        """Returns the first end that is not before the place, or `size` if there is none."""
        if place >= self.size:
            return self.size
        index, bit = divmod(max(place - 1, 0), WORD)
        word = int(self._newlines[index]) >> bit << bit
        if not word:
            index += 1 + int((self._newlines[index + 1 :] != 0).argmax())
            word = int(self._newlines[index])
        return min(index * WORD + lowest(word) + 1, self.size)

    def places(self) -> Positions:
        """Returns all ends in order."""
        return np.minimum(places_of(self._newlines) + 1, self.size)

    def last_to(self, place: int) -> int:
        """Returns the last end that is not behind the place, 0 without one."""
        ends = places_of(self._newlines) + 1
        return int(np.max(ends[ends <= place], initial=0))

    def of_row(self, number: int) -> int:
        """Returns the end of the row of that number, the first being 1, or `size` if there are fewer."""
        if number > self.row_count:
            return self.size
        rows = np.cumsum(np.bitwise_count(self._row_newlines), dtype=np.int64)
        index = int(np.searchsorted(rows, number))
        word = int(self._row_newlines[index])
        for _ in range(int(rows[index]) - word.bit_count() + 1, number):
            word &= word - 1
        return min(index * WORD + lowest(word) + 1, self.size)

    def rows_to(self, end: int) -> int:
        """Returns how many rows end at this end or before it."""
        if end == self.size:
            return self.row_count
        return count_below(end, self._row_newlines)

    def start_of_longer(self, limit_bytes: int) -> int | None:
        """Returns the start of the first record of more bytes than the limit (newline excluded), or None.

        The bytes after the last end count as a record.
        """
        if self._text_size <= limit_bytes:
            return None
        starts = np.concatenate(([0], places_of(self._newlines) + 1))
        longer = starts[np.diff(starts, append=self._text_size + 1) - 1 > limit_bytes]
        return int(longer[0]) if len(longer) else None


class RecordFinder:
    """Finds the ends of the records of one text after another, in memory that is used again for each of them."""

    def __init__(self, delimiter: Delimiter) -> None:
        self._delimiter = delimiter
        self._separator = np.array(ord(delimiter), np.uint8)
        self._flags = np.empty(0, np.bool_)

    def find(self, data: bytes, *, is_last: bool) -> RecordEnds:
        """Returns the ends in bytes that start where a record does. The last bytes of a file end a record."""
        text = np.frombuffer(data, np.uint8)
        lines = newlines = self._where(text, _LF)
        marks = outside = self._where(text, self._separator)
        marks |= lines
        newline_count = count_of(lines)
        quotes = inside = irregular = None
        is_quote_open = False
        if b'"' in data:
            quotes = self._where(text, _QUOTE)
            marks = outside | quotes
            within, irregular = self._within(data, quotes, marks, is_last=is_last)
            is_quote_open = is_last_set(within)
            inside = outside & within
            outside ^= inside
            newlines = lines & outside
        size = last_of(newlines) + 1
        ends_without_newline = is_last and size < len(text)
        if ends_without_newline:
            size = len(text)
            for words in {id(words): words for words in (newlines, outside, marks)}.values():
                words[size // WORD] |= np.uint64(1 << size % WORD)
        starts = one_on(lines)
        empty = starts & newlines
        rows, has_empty = newlines, bool(np.count_nonzero(empty))
        if has_empty:
            starts ^= empty
            rows = newlines ^ empty
        delimited = starts & outside
        has_suspects = np.count_nonzero(delimited) and np.count_nonzero(one_on(delimited) & outside)
        is_irregular = irregular is not None
        ends = newlines
        if quotes is not None and inside is not None:
            quoted = starts & quotes
            if np.count_nonzero(quoted):
                starts |= one_on(quoted)
            # A line of a cell that looks like a row has a delimiter as its first mark.
            ends = inside ^ lines
            if ends_without_newline:
                ends[size // WORD] |= np.uint64(1 << size % WORD)
        reached = _reached(starts, marks) & ends
        if np.count_nonzero(reached):
            has_suspects |= np.count_nonzero(reached & newlines)
            is_irregular |= bool(np.count_nonzero(reached & ~newlines))
        if has_suspects:
            places = places_of(newlines)
            bounds = record_bounds(data, places, self._delimiter)
            rows = self._at(text, places[~bounds.is_empty])
            is_irregular |= bool(bounds.has_delimiters.any())
        row_count = count_of(rows)
        empty_count = count_of(newlines) - row_count if has_suspects or has_empty else 0
        return RecordEnds(
            size=size,
            row_count=row_count,
            field_count=count_below(size, outside) + ends_without_newline - empty_count,
            newline_count=newline_count,
            is_quote_open=is_quote_open,
            joined=None if irregular is None else irregular.joined,
            is_irregular=is_irregular,
            has_quotes=quotes is not None,
            _text_size=len(text),
            _newlines=newlines,
            _row_newlines=rows,
        )

    def _within(self, data: bytes, quotes: Words, marks: Words, *, is_last: bool) -> tuple[Words, Quotes | None]:
        """Returns the places inside quotes, opening quotes included, and the quotes where some are irregular."""
        within = running_parity(quotes)
        # Parity is right exactly when outside quotes only marks are next to one: see `irregular_quotes`, which has the
        # last word.
        adjacent = one_on(quotes)
        adjacent[0] ^= np.uint64(1)
        adjacent |= one_back(quotes)
        adjacent &= ~(within | marks)
        adjacent[len(data) // WORD] &= np.uint64((1 << len(data) % WORD) - 1)
        if not np.count_nonzero(adjacent):
            return within, None
        places = places_of(quotes)
        irregular = irregular_quotes(data, places, ord(self._delimiter), is_whole=is_last)
        if irregular is None:
            return within, None
        return running_parity(self._at(np.frombuffer(data, np.uint8), irregular.special)), irregular

    def _where(self, text: Bytes, byte: Bytes) -> Words:
        """Returns the places of the byte."""
        flags = self._flags_of(text)
        np.equal(text, byte, flags[: len(text)])
        return packed(flags)

    def _at(self, text: Bytes, places: Positions) -> Words:
        flags = self._flags_of(text)
        flags[:] = False
        flags[places] = True
        return packed(flags)

    def _flags_of(self, text: Bytes) -> Mask:
        """Returns a flag for each place of the text, filled up to whole words with one false flag or more."""
        size = room_for(len(text))
        if size > len(self._flags):
            self._flags = np.empty(size, np.bool_)
        self._flags[len(text) : size] = False
        return self._flags[:size]


def _reached(starts: Words, marks: Words) -> Words:
    """Returns the next mark from each of the starts on; all places where some are very far."""
    between = ~marks
    # The sum of a start and the places without marks after it overflows through them to the bit of the next mark.
    reached = between + starts
    overflow = (reached < between)[:-1]
    for _ in range(_WORDS_PASSED):
        reached[1:] += overflow
        # Through all of a word without marks it goes on to the one after that.
        passing = overflow & (reached[1:] == 0)
        if not passing[:-1].any():
            return reached
        overflow = np.concatenate(([False], passing[:-1]))
    return np.full_like(reached, _ALL)
