"""Where records end, as bits: what planning needs of a block, at little more than the cost of comparing its bytes.

Places are bits (see `shared.delimited._bits`), so that counting records takes no array of where they end. The grammar
is that of `shared.delimited.cells`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.delimited._bits import (
    WORD,
    count_of,
    is_last_set,
    last_of,
    lowest,
    one_on,
    packed,
    places_of,
    room_for,
    running_parity,
)
from shared.delimited._records import LF, QUOTE, literal_quotes, record_bounds
from shared.delimited._words import Bytes, Mask, Positions, Words
from shared.delimited.dialect import Delimiter

# Arrays without a dimension, which NumPy would else make of each number anew.
_LF: Final = np.array(LF, np.uint8)
_QUOTE: Final = np.array(QUOTE, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class RecordEnds:
    """The ends of the records of a text; an end is the place after a record's newline, or the end of the file."""

    size: int
    """The last end; 0 without one."""
    row_count: int
    """How many of the records are not blank."""
    newline_count: int
    """How many newlines the text has, those inside quotes and after the last end with them."""
    is_quote_open: bool
    """Whether the text ends inside quotes."""
    has_quotes: bool
    _text_size: int
    _newlines: Words
    """One for each record. Of a last record without newline it is the place behind its last byte."""
    _row_newlines: Words
    """Those of records that are not blank."""

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
        index, bit = divmod(end, WORD)
        return count_of(self._row_newlines[:index]) + (int(self._row_newlines[index]) & (1 << bit) - 1).bit_count()

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
        newlines = self._where(text, _LF)
        newline_count = count_of(newlines)
        marks = self._where(text, self._separator)
        marks |= newlines
        is_quote_open = False
        quotes = None
        if b'"' in data:
            quotes = self._where(text, _QUOTE)
            marks |= quotes
            inside = self._inside(text, quotes, marks)
            is_quote_open = is_last_set(inside)
            newlines &= ~inside
        size = last_of(newlines) + 1
        if is_last and size < len(text):
            size = len(text)
            for words in (newlines, marks):
                words[size // WORD] |= np.uint64(1 << size % WORD)
        rows = self._of_rows(text, newlines, marks)
        has_quotes = quotes is not None
        return RecordEnds(size, count_of(rows), newline_count, is_quote_open, has_quotes, len(text), newlines, rows)

    def _inside(self, text: Bytes, quotes: Words, marks: Words) -> Words:
        """Returns the places inside quotes, opening quotes included."""
        inside = running_parity(quotes)
        # Parity is right exactly when each opening quote follows one of these: see `literal_quotes`.
        opening = quotes & inside
        opening &= ~one_on(marks)
        if not np.count_nonzero(opening):
            return inside
        places = places_of(quotes)
        literal = literal_quotes(text, places, ord(self._delimiter))
        return running_parity(self._at(text, places if literal is None else places[~literal]))

    def _of_rows(self, text: Bytes, newlines: Words, marks: Words) -> Words:
        """Returns the newlines of records that are not blank; `marks` are all delimiters, newlines and quotes."""
        starts = one_on(newlines)
        empty = starts & newlines
        starts ^= empty
        if not _may_reach(starts, newlines, marks):
            return newlines ^ empty
        places = places_of(newlines)
        _, _, is_blank = record_bounds(text, places, self._delimiter)
        return self._at(text, places[~is_blank])

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


def _may_reach(starts: Words, ends: Words, marks: Words) -> bool:
    """Returns whether an end may be the next mark after one of the starts; false is certain.

    The sum of a start and the places without marks after it overflows through them to the bit of the next mark.
    """
    between = ~marks
    reached = between + starts
    overflows = reached < between
    reached[1:] += overflows[:-1]
    # A carry that runs through all of the next word as well is not followed.
    return bool((overflows[:-1] & (reached[1:] == 0)).any() or np.count_nonzero(reached & ends))
