"""Where records end, as bits: what planning asks of a block, at little more than the cost of comparing its bytes.

Sixty-four places of a text are a word: place i is bit `i % 64` of word `i // 64`. Whether a newline is inside quotes is
then a matter of shifts, and counting records takes no array of their places. The grammar is that of
`shared.files.grammar`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.files.grammar import Delimiter
from shared.files.records import LF, QUOTE, Mask, Positions, literal_quotes, record_bounds

Text = NDArray[np.uint8]
Words = NDArray[np.uint64]

_WORD: Final = 64
# Arrays without a dimension, which NumPy would else make of each number anew.
_LF: Final = np.array(LF, np.uint8)
_QUOTE: Final = np.array(QUOTE, np.uint8)
_DISTANCES: Final = tuple(np.array(1 << power, np.uint64) for power in range(6))
_ONE: Final = _DISTANCES[0]
_LAST: Final = np.array(_WORD - 1, np.uint64)


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
    _text_size: int
    _newlines: Words
    """One for each record. Of a last record without newline it is the place where it would stand."""
    _row_newlines: Words
    """Those of records that are not blank."""

    def first_from(self, place: int) -> int:
        """The first end that is not before the place; `size` when all are."""
        if place >= self.size:
            return self.size
        index, bit = divmod(max(place - 1, 0), _WORD)
        word = int(self._newlines[index]) >> bit << bit
        if not word:
            index += 1 + int((self._newlines[index + 1 :] != 0).argmax())
            word = int(self._newlines[index])
        return min(index * _WORD + _lowest(word) + 1, self.size)

    def of_row(self, number: int) -> int:
        """The end of the row of that number, the first being 1; `size` when there are fewer."""
        if number > self.row_count:
            return self.size
        rows = np.cumsum(np.bitwise_count(self._row_newlines), dtype=np.int64)
        index = int(np.searchsorted(rows, number))
        word = int(self._row_newlines[index])
        for _ in range(int(rows[index]) - word.bit_count() + 1, number):
            word &= word - 1
        return min(index * _WORD + _lowest(word) + 1, self.size)

    def rows_to(self, end: int) -> int:
        """How many rows end at this end or before it."""
        if end == self.size:
            return self.row_count
        index, bit = divmod(end, _WORD)
        return _count(self._row_newlines[:index]) + (int(self._row_newlines[index]) & (1 << bit) - 1).bit_count()

    def start_of_longer(self, limit_bytes: int) -> int | None:
        """Where the first record starts that has more bytes than the limit, its newline not counted; None without one.

        What follows the last end is taken for a record.
        """
        if self._text_size <= limit_bytes:
            return None
        starts = np.concatenate(([0], _places(self._newlines) + 1))
        longer = starts[np.diff(starts, append=self._text_size + 1) - 1 > limit_bytes]
        return int(longer[0]) if len(longer) else None


class RecordFinder:
    """Finds the ends of the records of one text after another, in memory that is used again for each of them."""

    def __init__(self, delimiter: Delimiter) -> None:
        self._delimiter = delimiter
        self._separator = np.array(ord(delimiter), np.uint8)
        self._flags = np.empty(0, np.bool_)

    def find(self, data: bytes, *, is_last: bool) -> RecordEnds:
        """The ends in bytes that start where a record does. The last ones of a file end a record."""
        text = np.frombuffer(data, np.uint8)
        newlines = self._where(text, _LF)
        newline_count = _count(newlines)
        marks = self._where(text, self._separator)
        marks |= newlines
        is_quote_open = False
        if b'"' in data:
            quotes = self._where(text, _QUOTE)
            marks |= quotes
            inside = self._inside(text, quotes, marks)
            is_quote_open = bool(inside[-1] >> _LAST)
            newlines &= ~inside
        size = _last(newlines) + 1
        if is_last and size < len(text):
            size = len(text)
            for words in (newlines, marks):
                words[size // _WORD] |= np.uint64(1 << size % _WORD)
        rows = self._of_rows(text, newlines, marks)
        return RecordEnds(size, _count(rows), newline_count, is_quote_open, len(text), newlines, rows)

    def _inside(self, text: Text, quotes: Words, marks: Words) -> Words:
        """Which places are inside quotes, the opening quote with them."""
        inside = _running_parity(quotes)
        # Parity is right exactly when before each quote that opens stands one of these: see `literal_quotes`.
        opening = quotes & inside
        opening &= ~_one_on(marks)
        if not np.count_nonzero(opening):
            return inside
        places = _places(quotes)
        literal = literal_quotes(text, places, ord(self._delimiter))
        return _running_parity(self._at(text, places if literal is None else places[~literal]))

    def _of_rows(self, text: Text, newlines: Words, marks: Words) -> Words:
        """The newlines of records that are not blank; `marks` are all delimiters, newlines and quotes."""
        starts = _one_on(newlines)
        empty = starts & newlines
        starts ^= empty
        if not _may_reach(starts, newlines, marks):
            return newlines ^ empty
        places = _places(newlines)
        _, _, is_blank = record_bounds(text, places, self._delimiter)
        return self._at(text, places[~is_blank])

    def _where(self, text: Text, byte: NDArray[np.uint8]) -> Words:
        """Where the byte stands."""
        flags = self._flags_of(text)
        np.equal(text, byte, flags[: len(text)])
        return _packed(flags)

    def _at(self, text: Text, places: Positions) -> Words:
        flags = self._flags_of(text)
        flags[:] = False
        flags[places] = True
        return _packed(flags)

    def _flags_of(self, text: Text) -> Mask:
        """A flag for each place of the text, and what is missing from a word, with one at least, false."""
        size = (len(text) // _WORD + 1) * _WORD
        if size > len(self._flags):
            self._flags = np.empty(size, np.bool_)
        self._flags[len(text) : size] = False
        return self._flags[:size]


def _packed(flags: Mask) -> Words:
    return np.packbits(flags, bitorder="little").view("<u8")


def _count(words: Words) -> int:
    return int(np.bitwise_count(words).sum())


def _places(words: Words) -> Positions:
    """The places in order."""
    used = np.flatnonzero(words != 0)
    bits = np.flatnonzero(np.unpackbits(words[used].view(np.uint8), bitorder="little").view(np.bool_))
    return used[bits // _WORD] * _WORD + bits % _WORD


def _last(words: Words) -> int:
    """The last place; -1 when there is none."""
    index = len(words) - 1
    while index > 0 and not words[index]:
        index -= 1
    return index * _WORD + int(words[index]).bit_length() - 1


def _lowest(word: int) -> int:
    return (word & -word).bit_length() - 1


def _one_on(words: Words) -> Words:
    """The places after these, and the first of all."""
    moved = words << _ONE
    moved[1:] |= words[:-1] >> _LAST
    moved[0] |= _ONE
    return moved


def _running_parity(words: Words) -> Words:
    """The places up to and with which an odd number of places stands."""
    parity = words.copy()
    shifted = np.empty_like(words)
    for distance in _DISTANCES:
        np.left_shift(parity, distance, shifted)
        parity ^= shifted
    # The last bit of each word is now that of the word as a whole, and turns all words after it.
    odd_words = np.logical_xor.accumulate(parity.view(np.int64) < 0)
    parity[1:] ^= np.negative(odd_words[:-1].astype(np.uint64))
    return parity


def _may_reach(starts: Words, ends: Words, marks: Words) -> bool:
    """Whether from one of the starts an end may be the next mark; when not, none is.

    A start added to the places without marks carries through them, and leaves its bit at the mark after them.
    """
    between = ~marks
    reached = between + starts
    carried = reached < between
    reached[1:] += carried[:-1]
    # A carry that runs through all of the next word as well is not followed.
    return bool((carried[:-1] & (reached[1:] == 0)).any() or np.count_nonzero(reached & ends))
