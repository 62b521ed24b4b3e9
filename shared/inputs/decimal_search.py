"""Finds what the figures of a file prove about its decimal sign, in the pass over the file that planning makes.

Almost every file has decimal points and no decimal commas, so the search is for exceptions: NumPy finds the places of
separators that could prove something new, and only their records are read cell by cell. Until a point is proven,
points and commas are looked at; after that only commas, and points that group thousands twice (`1.234.567`), which
prove the comma too. Finding these takes a sixth of the time of planning, so they are looked for in records that begin
in the first 32 KiB of 4 MiB; in a file that never proves the point, in all records.

What is found depends on the file alone, not on the runs in which its records come.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.delimited.boundaries import Run
from shared.delimited.table import read_table
from shared.inputs.columns import Column
from shared.inputs.decimals import (
    HEAD_BYTES,
    MOST_RARE_COMMAS,
    POINTS_FOR_A_COMMA,
    Findings,
    decide,
    figure_columns,
)
from shared.inputs.header import Layout
from shared.inputs.numbers import Evidence, evidence_of, is_untyped
from shared.inputs.tolerance import row_shape
from shared.vocabulary import MAX_NOTE_ROWS, DecimalConvention, Note

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]

WINDOW_EVERY_BYTES: Final = 4 << 20
WINDOW_BYTES: Final = 32 << 10

# The most records that are read cell by cell before it is considered again which others have to be.
_RECORDS_AT_ONCE: Final = 128
# The place of what follows a separator and three digits.
_GROUP: Final = 4
_POINT, _COMMA, _QUOTE, _LF, _MARK = b".,\"\n'"
_AFTER_DIGITS: Final = ord("9") + 1
_NOWHERE: Final = np.empty(0, np.int64)


def _byte_set(members: bytes) -> Mask:
    """Returns which bytes are members: `[256]`."""
    mask = np.zeros(256, np.bool_)
    mask[list(members)] = True
    return mask


_IS_DIGIT: Final = _byte_set(b"0123456789")
_IS_LETTER: Final = _byte_set(bytes(range(ord("A"), ord("Z") + 1)) + bytes(range(ord("a"), ord("z") + 1)))
_MAY_OPEN_FIGURE: Final = ~(_IS_LETTER | _byte_set(b',;\t|"\r\n='))
# Such a cell may still be a figure, but is no evidence: the search looks for digits right behind separators.
_NO_EVIDENCE: Final = re.compile(r"\s*=|.*[.,](?![0-9])", re.ASCII | re.DOTALL)
# Around a figure, with the delimiter.
_BEFORE_FIGURE: Final = _byte_set(b"\"\n-+('")
_AFTER_FIGURE: Final = _byte_set(b'"\n\r-)%xX .,')


class DecimalSearch:
    """Takes the records of a file, in runs of any size, and decides the decimal convention of the file.

    With `has_typed_cells` figures are evidence only where they are text (see `DecimalConvention`); then `proves_point`
    is whether some text has proven the point before.
    """

    def __init__(self, layout: Layout, *, has_typed_cells: bool = False, proves_point: bool = False) -> None:
        self._layout = layout
        self._needed_fields = row_shape(layout).needed
        self._has_typed_cells = has_typed_cells
        self._figures = [
            (layout.place(column.name), column)
            for column in figure_columns(layout.normalized, layout.job_type, layout.profile)
        ]
        self._begins, self._ends = _BEFORE_FIGURE.copy(), _AFTER_FIGURE.copy()
        self._begins[ord(layout.delimiter)] = self._ends[ord(layout.delimiter)] = True
        self._found = Findings(points=int(proves_point))
        # Figures that prove the comma only with points, in records outside the windows.
        self._commas_outside = 0
        # The records that begin in the first bytes of the file, not copied.
        self._head: list[Bytes] = []
        self._missing_head = HEAD_BYTES
        self._row_count = 0
        # Used again for every run: new memory costs more than what is computed in it.
        self._flags = np.empty((2, 0), np.bool_)

    def add(self, run: Run) -> None:
        """Adds the next records of the file."""
        found = self._found
        if self._missing_head > 0:
            self._head.append(run.text[: run.ends.first_from(self._missing_head)])
            self._missing_head -= len(self._head[-1])
        if not found.points:
            found.points = int(self._first_proves_point(run))
        read_to, at_once = 0, 1
        while read_to < run.ends.size:
            found_places = [places for places in (self._comma_places(run), self._point_places(run)) if len(places)]
            if not found_places:
                break
            places = np.concatenate(found_places)
            read_to = self._read(run, places[places >= read_to], at_most=at_once)
            at_once = min(2 * at_once, _RECORDS_AT_ONCE)
        self._row_count += run.ends.row_count

    def decided(self) -> tuple[DecimalConvention, tuple[Note, ...]]:
        """Returns the convention of the file whose records were all added, and what to say about it."""
        found = self._found
        if not found.points:
            found.commas += self._commas_outside
        elif found.commas:
            points = (
                1
                for _, _, evidence in self._evidence(b"".join(part.tobytes() for part in self._head))
                if evidence == "point"
            )
            found.points = max(1, sum(islice(points, POINTS_FOR_A_COMMA * found.commas)))
        return decide(found, has_typed_cells=self._has_typed_cells)

    def _first_proves_point(self, run: Run) -> bool:
        """Returns whether the first record of a run proves the point, as it does in most files; false is uncertain."""
        line = run.text[: run.ends.first_from(1)].tobytes()
        if b'"' in line or b"\0" in line or self._has_typed_cells:
            return any(evidence == "point" for _, _, evidence in self._evidence(line))
        # Without quotes and NULs, a record is what is between delimiters; a table takes five times as long.
        cells = line.decode().split(self._layout.delimiter)
        if len(cells) != self._layout.field_count:
            return False
        return any(_evidence_of(cells[place], column) == "point" for place, column in self._figures)

    @property
    def _counts_commas(self) -> bool:
        return self._found.commas <= MOST_RARE_COMMAS or len(self._found.comma_rows) < MAX_NOTE_ROWS

    def _comma_places(self, run: Run) -> Places:
        """Returns the commas of a run that could prove something not known yet."""
        if self._found.points and not self._counts_commas:
            return _NOWHERE
        if self._layout.delimiter != ",":
            return self._telling(run, self._places(run, _COMMA), _COMMA) if run.has(b",") else _NOWHERE
        if not run.ends.has_quotes:
            return _NOWHERE
        opens = self._opening_quotes(run)
        commas = self._telling(run, self._places(run, _COMMA), _COMMA) if len(opens) else _NOWHERE
        if not len(commas):
            return _NOWHERE
        quotes = np.flatnonzero(run.text == _QUOTE)
        closes = np.append(quotes, len(run.text))[np.searchsorted(quotes, opens) + 1]
        before = np.searchsorted(opens, commas) - 1
        return commas[(before >= 0) & (commas < closes[before])]

    def _point_places(self, run: Run) -> Places:
        """Returns the points of a run that could prove something not known yet; of typed cells the marks of text."""
        if self._has_typed_cells:
            marks = np.flatnonzero(run.text == _MARK)
            return marks[~_IS_LETTER[_at(run.text, marks, 1)]]
        if not self._found.points:
            return self._telling(run, self._places(run, _POINT), _POINT)
        if not self._counts_commas:
            return _NOWHERE
        windows = _windows(run)
        if not windows:
            return _NOWHERE
        return np.concatenate([_twice(run.text[start:end]) + start for start, end in windows])

    def _places(self, run: Run, byte: int) -> Places:
        """Returns where the byte is in a run with a digit behind it."""
        found, is_digit = self._flags_of(run)
        # Digits are the ten bytes from 0 on; what is below wraps around.
        np.subtract(run.text[1:], np.uint8(ord("0")), out=is_digit.view(np.uint8))
        np.less(is_digit.view(np.uint8), np.uint8(10), out=is_digit)
        is_digit &= np.equal(run.text[:-1], np.uint8(byte), out=found)
        return np.flatnonzero(is_digit)

    def _opening_quotes(self, run: Run) -> Places:
        """Returns the quotes behind which a figure may begin."""
        quotes, other = self._flags_of(run)
        behind = run.text[1:]
        np.equal(run.text[:-1], np.uint8(_QUOTE), out=quotes)
        # Most quotes are before a letter, a delimiter or the end of a line. Bytes beyond ASCII are negative here.
        quotes &= np.less(behind.view(np.int8), np.int8(_AFTER_DIGITS), out=other)
        for byte in (_COMMA, _LF):
            quotes &= np.not_equal(behind, np.uint8(byte), out=other)
        places = np.flatnonzero(quotes)
        return places[_MAY_OPEN_FIGURE[behind[places]]]

    def _flags_of(self, run: Run) -> tuple[Mask, Mask]:
        """Returns two flags for each byte of a run but the last one."""
        size = run.ends.size - 1
        if size > self._flags.shape[1]:
            self._flags = np.empty((2, size), np.bool_)
        return self._flags[0, :size], self._flags[1, :size]

    def _telling(self, run: Run, places: Places, separator: int) -> Places:
        """Returns the places at which the separator could prove something not known yet."""
        found, text = self._found, run.text
        if not (found.points or found.commas or len(found.either_rows) == MAX_NOTE_ROWS):
            return places
        decisive = np.zeros(len(places), np.bool_)
        if self._counts_commas or separator == _POINT:
            decisive |= ~self._can_only_group(run, places, separator)
        if not found.points:
            # Two of them prove the other sign.
            decisive |= _is_group(text, places) & (_at(text, places, _GROUP) == separator)
        return places[decisive]

    def _can_only_group(self, run: Run, places: Places, separator: int) -> Mask:
        """Returns which separators prove nothing as decimal signs for certain: those before a group of three digits.

        Before them are one to three digits that begin a figure, or another group; behind them three digits that end a
        figure, or another separator.
        """
        text = run.text
        first, second, third, fourth = (_at(text, places, -distance) for distance in range(1, 5))
        has_two = _IS_DIGIT[second]
        has_three = has_two & _IS_DIGIT[third]
        leading = np.where(has_three, third, np.where(has_two, second, first))
        before = np.where(has_three, fourth, np.where(has_two, third, second))
        begins = self._begins[before]
        if self._layout.delimiter == "," and run.ends.has_quotes:
            begins = begins & (before != _COMMA)  # it may be within quotes
        begins = (begins & (leading != ord("0"))) | (has_three & (before == separator))
        only: Mask = _IS_DIGIT[first] & begins & _is_group(text, places) & self._ends[_at(text, places, _GROUP)]
        return only

    def _read(self, run: Run, places: Places, *, at_most: int) -> int:
        """Adds what the figures of the first records at these places prove; returns where the last of them ends."""
        if not len(places):
            return run.ends.size
        ends = run.ends.places()
        records = np.unique(np.searchsorted(ends, places, side="right"))[:at_most]
        starts = np.concatenate([[0], ends])[records].tolist()
        stops = ends[records].tolist()
        text = b"".join([run.text[start:stop].tobytes() for start, stop in zip(starts, stops, strict=True)])
        comma_records, either_records = set(), set()
        for record, cell, evidence in self._evidence(text):
            if evidence == "point":
                self._found.points += 1
            elif evidence == "either":
                either_records.add(record)
            elif "," in cell or _is_in_window(run.offset + starts[record]):
                self._found.commas += 1
                comma_records.add(record)
            else:
                self._commas_outside += 1
        for listed, found in ((self._found.comma_rows, comma_records), (self._found.either_rows, either_records)):
            first = sorted(found)[: MAX_NOTE_ROWS - len(listed)]
            listed += [self._row_count + run.ends.rows_to(stops[record]) for record in first]
        return int(stops[-1])

    def _evidence(self, text: bytes) -> Iterator[tuple[int, str, Evidence]]:
        """Yields the figures of whole records that prove something or could be both, each with the index of its record.

        As in scoring, a malformed record has no figures.
        """
        table = read_table(
            text,
            self._layout.delimiter,
            field_count=self._layout.field_count,
            needed_fields=self._needed_fields,
        )
        records = np.flatnonzero(table.well_formed)
        for place, column in self._figures:
            for record, cell in zip(records.tolist(), table.texts(place, records), strict=True):
                if self._has_typed_cells and not is_untyped(cell):
                    continue
                evidence = _evidence_of(cell, column)
                if evidence != "nothing":
                    yield record, cell, evidence


def _evidence_of(cell: str, column: Column) -> Evidence:
    return "nothing" if _NO_EVIDENCE.match(cell) else evidence_of(cell, unit=column.unit)


def _windows(run: Run) -> list[tuple[int, int]]:
    """Returns the bounds of the records of a run that begin in the windows."""
    begin, end = run.offset, run.offset + run.ends.size
    windows = []
    for start in range(begin // WINDOW_EVERY_BYTES * WINDOW_EVERY_BYTES, end, WINDOW_EVERY_BYTES):
        stop = min(start + WINDOW_BYTES, end)
        if max(start, begin) < stop:
            windows.append((max(start - begin, 0), run.ends.first_from(stop - begin)))
    return windows


def _is_in_window(offset: int) -> bool:
    return offset % WINDOW_EVERY_BYTES < WINDOW_BYTES


def _is_group(text: Bytes, places: Places) -> Mask:
    """Returns which places have three digits behind them."""
    found: Mask = _IS_DIGIT[_at(text, places, 1)] & _IS_DIGIT[_at(text, places, 2)] & _IS_DIGIT[_at(text, places, 3)]
    return found


def _twice(text: Bytes) -> Places:
    """Returns the points that have three digits and another point behind them."""
    is_point = text == _POINT
    places = np.flatnonzero(is_point[:-_GROUP] & is_point[_GROUP:])
    for distance in (1, 2, 3):
        places = places[_IS_DIGIT[text[places + distance]]]
    return places


def _at(text: Bytes, places: Places, distance: int) -> Bytes:
    """Returns the bytes at a distance from places; beyond the text there are line ends."""
    others = places + distance
    found = text.take(others, mode="clip")
    found[(others < 0) | (others >= len(text))] = _LF
    return found
