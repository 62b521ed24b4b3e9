"""Which quotes of a text enclose fields, found in bytes with NumPy. The grammar is that of `shared.delimited.cells`."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.delimited._words import Bytes, Mask, Positions

QUOTE: Final = 0x22
LF: Final = 0x0A
CR: Final = 0x0D
_SPACE: Final = 0x20
_CTRL_Z: Final = 0x1A
_BOM: Final = (0xEF, 0xBB, 0xBF)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quotes:
    """The quotes of a text that has others than those which RFC 4180 allows; all are positions in the text."""

    special: Positions
    """Those that open or close a field, or are half of an escaped quote."""
    late: Positions
    """Those that open a field behind spaces, a byte-order mark or Ctrl-Z."""
    stray: Positions
    """Those that open a field, of which text follows the closing quote within the line."""
    dangling: Positions
    """Those that end a field which no quote opened."""
    joined: tuple[int, int] | None
    """The first that opens a field of several lines with text behind its closing quote, and that closing quote."""


def irregular_quotes(data: bytes, places: Positions, delimiter: int, *, is_whole: bool) -> Quotes | None:
    """Returns the quotes at these places, all of `data`, by their kinds; None when RFC 4180 allows each.

    `data` starts where a record does, and with `is_whole` it ends where the file does.

    Counting parity is right exactly when each quote that would open a field follows a separator, or is right after the
    quote that would have closed it (the two are then an escaped quote), and when each that would close one is before
    a separator or before another quote.
    """
    text = np.frombuffer(data, np.uint8)
    if not _are_regular(text, places, delimiter):
        return _Reading(data, text, places, delimiter, is_whole=is_whole).quotes()
    return None


def open_quote(special: Positions) -> int | None:
    """Returns the quote that is still open behind these: the last one before all escaped pairs."""
    if len(special) % 2 == 0:
        return None
    i = len(special) - 1
    while i >= 2 and special[i - 1] == special[i] - 1:
        i -= 2
    return int(special[i])


def _are_regular(text: Bytes, places: Positions, delimiter: int) -> bool:
    opening, closing = places[::2], places[1::2]
    before = text[opening - 1]
    can_open = (before == LF) | (before == delimiter) | (before == QUOTE)
    can_open[0] |= opening[0] == 0
    if not can_open.all():
        return False
    # A quote as the last byte closes its field; `clip` has it follow itself.
    after = text.take(closing + 1, mode="clip")
    can_close = (after == LF) | (after == delimiter) | (after == QUOTE)
    if can_close.all():
        return True
    rest = closing[~can_close]
    return bool((text[rest + 1] == CR).all() and (text.take(rest + 2, mode="clip") == LF).all())


class _Reading:
    """One quote after another, by the automaton of the grammar."""

    def __init__(self, data: bytes, text: Bytes, places: Positions, delimiter: int, *, is_whole: bool) -> None:
        self._data = data
        self._text = text
        self._places = places
        self._delimiter = delimiter
        self._is_whole = is_whole

    def quotes(self) -> Quotes:
        places = self._places
        count = len(places)
        can_open, is_late = self._can_open()
        can_close = self._can_close()
        follows = np.zeros(count, np.bool_)
        follows[1:] = places[1:] - places[:-1] == 1
        special = np.zeros(count, np.bool_)
        opened, stray, joined = [], [], None
        escapes, closes = follows.tolist(), can_close.tolist()
        i = 0
        # Outside quotes, quotes that do not open are data (inches, seconds) and cost no steps.
        for opening in np.flatnonzero(can_open).tolist():
            if opening < i:
                continue
            i = opening + 1
            while i + 1 < count and escapes[i + 1]:
                i += 2
            opened.append(opening)
            special[opening : i + 1] = True
            if i < count and not closes[i]:
                start, end = int(places[opening]), int(places[i])
                if self._data.find(b"\n", start, end) >= 0:
                    joined = (start, end)
                    break
                stray.append(opening)
            i += 1
        return Quotes(
            special=places[special],
            late=places[[opening for opening in opened if is_late[opening]]],
            stray=places[stray],
            dangling=places[~special & can_close],
            joined=joined,
        )

    def _can_open(self) -> tuple[Mask, Mask]:
        """Returns which quotes are the first byte of a field but for fillers, and which have some before them."""
        text, places = self._text, self._places
        before = text[places - 1]
        at_start = (before == LF) | (before == self._delimiter)
        at_start[0] |= places[0] == 0
        is_filler = (before == _SPACE) | (before == _CTRL_Z) | (before == _BOM[-1])
        if not is_filler.any():
            return at_start, is_filler
        fillers = (text == _SPACE) | (text == _CTRL_Z)
        marks = np.flatnonzero(text == _BOM[-1])
        marks = marks[marks >= len(_BOM) - 1]
        marks = marks[(text[marks - 1] == _BOM[1]) & (text[marks - 2] == _BOM[0])]
        for distance in range(len(_BOM)):
            fillers[marks - distance] = True
        others = np.flatnonzero(~fillers)
        last = np.searchsorted(others, places) - 1
        byte = text[others[last]]
        is_late = is_filler & ~at_start & ((last < 0) | (byte == LF) | (byte == self._delimiter))
        return at_start | is_late, is_late

    def _can_close(self) -> Mask:
        """Returns which quotes are before the end of a field, if they do not escape another."""
        text, places = self._text, self._places
        size = len(text)
        after = text.take(places + 1, mode="clip")
        found: Mask = (after == LF) | (after == self._delimiter) | (places + 1 == size)
        found |= (after == CR) & (text.take(places + 2, mode="clip") == LF)
        if not self._is_whole:
            found |= (after == CR) & (places + 2 == size)
        return found
