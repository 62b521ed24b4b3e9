"""CSV with commas: the records of a table with some cells changed, lines from new columns, and the canonical form."""

import re
from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.delimited._records import split_records
from shared.delimited._words import PAD, Bytes, Floats, Mask, Positions, have_lower_case
from shared.delimited.cells import decimal_text, quoted
from shared.delimited.dialect import Delimiter
from shared.delimited.table import Table

Texts = NDArray[np.bytes_]

_QUOTED_PART: Final = re.compile(rb'[^"]*+"(?:[^"]++|"")*+"')

_CASE_BIT: Final = 0x20

_THREE_DIGITS: Final = np.array([b"%03d" % number for number in range(1000)])
# The same in the lowest bytes of a word; then without the zeros at their end.
_DIGITS: Final = np.array([int.from_bytes(digits, "little") for digits in _THREE_DIGITS.tolist()], np.uint64)
_LAST_DIGITS: Final = np.array(
    [int.from_bytes(digits.rstrip(b"0"), "little") for digits in _THREE_DIGITS.tolist()], np.uint64
)
# By the zeros between the point and the first of six digits: what comes before that, its bits, and the number of
# which the fraction is the millionth part.
_OPENINGS: Final = tuple(b",0." + b"0" * zeros for zeros in range(4))
_OPENING_WORDS: Final = np.array([int.from_bytes(opening, "little") for opening in _OPENINGS], np.uint64)
_OPENING_BITS: Final = np.array([8 * len(opening) for opening in _OPENINGS], np.uint64)
_SCALES: Final = np.array([10.0 ** (6 + zeros) for zeros in range(4)])
_BITS_OF_THREE: Final = np.uint64(24)
_BITS: Final = np.uint64(64)


class RecordWriter:
    """Writes the records of a table: each as it was written, but for the cells that are changed.

    Delimiters become commas, missing fields are added, and a cell is quoted anew where the text needs it with commas,
    or where programs would read its quotes differently.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._changed: Bytes | None = None
        self._texts: defaultdict[int, dict[int, str]] = defaultdict(dict)
        self._inserted: list[tuple[int, Mask, bytes]] = []
        self._lines: dict[int, bytes] = {}
        if table.delimiter != ",":
            # The fields of a malformed record are empty, and no delimiter is at their ends, nor behind missing ones.
            whole = table.well_formed.copy()
            whole[table.cells.short] = False
            ends = table.cells.field_ends[:-1]
            self._put((ends if whole.all() else ends[:, whole]).ravel(), ord(","))
            self._quote_anew(b",")
        self._quote_anew(b"\r")
        for column, row in table.cells.behind_fillers():
            self._texts[row][column] = table.text(column, row)
        for row in table.cells.short.tolist():
            # Its line is joined from its fields.
            self._texts[row] |= {}

    def set_text(self, column: int, row: int, text: str) -> None:
        """Gives a cell another text."""
        self._texts[row][column] = text

    def set_line(self, row: int, line: bytes) -> None:
        """Writes a line, without line end, in the place of a record."""
        self._lines[row] = line

    def insert(self, column: int, rows: Mask, text: bytes) -> None:
        """Puts an ASCII text before those of some rows."""
        self._inserted.append((column, rows, text))

    def upper_case(self, column: int, rows: Mask) -> None:
        """Turns ASCII letters into upper case in the cells of some rows, which are ASCII."""
        table = self._table
        starts, ends = table.cells.starts[column][rows], table.cells.ends[column][rows]
        lower = have_lower_case(table.cells.buffer, starts, ends)
        starts, ends = starts[lower], ends[lower]
        for offset in range(int((ends - starts).max(initial=0))):
            places = (starts + offset)[starts + offset < ends]
            letters = table.cells.buffer[places + PAD]
            is_lower = (letters >= ord("a")) & (letters <= ord("z"))
            self._put(places[is_lower], letters[is_lower] - _CASE_BIT)
        for row, texts in self._texts.items():
            if column in texts and rows[row]:
                texts[column] = texts[column].upper()

    def lines(self) -> list[bytes]:
        """Returns every record as a line of CSV without its line end."""
        table = self._table
        data = table.data if self._changed is None else self._changed.tobytes()
        bounds = zip(table.cells.record_starts.tolist(), table.cells.record_ends.tolist(), strict=True)
        lines = [data[start:end] for start, end in bounds]
        # From the right, so that places to the left stay what they are.
        for column, rows, text in sorted(self._inserted, key=itemgetter(0), reverse=True):
            self._insert(lines, column, rows, text)
        for row, texts in self._texts.items():
            fields = zip(
                table.cells.field_starts[:, row].tolist(), table.cells.field_ends[:, row].tolist(), strict=True
            )
            lines[row] = b",".join(
                [
                    quoted(texts[column].encode()) if column in texts else data[start:end]
                    for column, (start, end) in enumerate(fields)
                ]
            )
        for row, line in self._lines.items():
            lines[row] = line
        return lines

    def _put(self, places: Positions, characters: Bytes | int) -> None:
        """Replaces single bytes of the data, which is copied only when there are any."""
        if not len(places):
            return
        if self._changed is None:
            self._changed = np.frombuffer(self._table.data, np.uint8).copy()
        self._changed[places] = characters

    def _insert(self, lines: list[bytes], column: int, rows: Mask, text: bytes) -> None:
        table = self._table
        alone = rows.copy()
        alone[list(self._texts)] = False
        offsets = table.cells.starts[column][alone] - table.cells.record_starts[alone]
        for row, offset in zip(np.flatnonzero(alone).tolist(), offsets.tolist(), strict=True):
            line = lines[row]
            lines[row] = b"%b%b%b" % (line[:offset], text, line[offset:])
        for row, texts in self._texts.items():
            if rows[row]:
                texts[column] = text.decode() + table.text(column, row)

    def _quote_anew(self, character: bytes) -> None:
        """Marks the cells that hold a character which, unquoted, would end a cell or a record in the new form."""
        table = self._table
        if character not in table.data or not len(table):
            return
        text = np.frombuffer(table.data, np.uint8)
        places = np.flatnonzero(text == character[0])
        at_ends = text[table.cells.record_ends[table.cells.record_ends < len(text)]]
        if len(places) == np.count_nonzero(at_ends == character[0]):
            return  # each of them is part of a CRLF that ends a record
        rows = np.searchsorted(table.cells.field_starts[0], places, side="right") - 1
        places = places[(rows >= 0) & (places < table.cells.field_ends[-1, rows])]
        # A cell may hold millions of them and is marked once.
        cells = np.unique(np.searchsorted(table.cells.field_ends.T.ravel(), places, side="right"))
        for row, column in zip(*(part.tolist() for part in np.divmod(cells, len(table.cells.field_ends))), strict=True):
            self._texts[row][column] = table.text(column, row)


class LineWriter:
    """Puts lines together from columns of texts, without an object for a line.

    Each begins with a text and its number, a comma before it; the first line has `first_number`.
    """

    def __init__(self, texts: Sequence[bytes], *, first_number: int) -> None:
        self._count = len(texts)
        self._columns = [texts]
        self._fixed: Texts | None = integer_cells(first_number, len(texts))
        self._texts: list[bytes] = []

    def add_fixed(self, texts: Texts, rows: Positions | None = None) -> None:
        """Adds texts of a fixed width (NULs at their ends are no part of them) to all lines, or to some."""
        if rows is not None:
            of_all = np.zeros(self._count, texts.dtype)
            of_all[rows] = texts
            texts = of_all
        self._fixed = texts if self._fixed is None else np.strings.add(self._fixed, texts)

    def add_choice(self, texts: Sequence[bytes], which: Positions, rows: Positions) -> None:
        """Adds `texts[which[i]]` to line `rows[i]`."""
        self._end_fixed()
        choice = np.full(self._count, len(texts))
        choice[rows] = which
        self._columns.append(np.array([*texts, b""], np.object_)[choice].tolist())

    def lines(self, start: int, stop: int) -> bytes:
        """Returns the lines `start` to `stop`, one after another."""
        if not self._texts:
            self._interleave()
        width = len(self._columns)
        return b"".join(self._texts[start * width : stop * width])

    def _interleave(self) -> None:
        self._end_fixed()
        width = len(self._columns)
        self._texts = [b""] * (width * self._count)
        for place, column in enumerate(self._columns):
            self._texts[place::width] = column

    def _end_fixed(self) -> None:
        if self._fixed is not None:
            self._columns.append(self._fixed.tolist())
            self._fixed = None


def integer_cells(first: int, count: int) -> Texts:
    """Returns the cells of the integers from the first on: `[count]`."""
    thousands = range(first // 1000, (first + count - 1) // 1000 + 1)
    openings = np.array([b",%d" % number if number else b"," for number in thousands], np.bytes_)
    by_thousands = np.strings.add(openings[:, np.newaxis], _THREE_DIGITS)
    if 0 in thousands:
        by_thousands[0] = [b",%d" % number for number in range(1000)]
    cells: Texts = by_thousands.ravel()
    return cells[first % 1000 :][:count]


def fraction_cells(fractions: Floats) -> Texts:
    """Returns the cells of positive numbers of six significant digits, as `decimal_text` writes them: `[n]`."""
    zeros = np.zeros(len(fractions), np.int64)
    for bound in (0.1, 0.01, 0.001):
        zeros += fractions < bound
    digits = np.rint(fractions * _SCALES[zeros]).astype(np.int64)
    high = digits // 1000
    low = digits - high * 1000
    # `zeros` covers this range; Python writes smaller numbers in exponent form.
    is_here = (fractions >= 0.0001) & (fractions < 1)
    high[~is_here] = low[~is_here] = 0
    text = np.where(low == 0, _LAST_DIGITS[high], _DIGITS[high] | _LAST_DIGITS[low] << _BITS_OF_THREE)
    words = np.empty((len(fractions), 2), "<u8")
    bits = _OPENING_BITS[zeros]
    words[:, 0] = _OPENING_WORDS[zeros] | text << bits
    words[:, 1] = text >> (_BITS - bits)
    # Bytes of 0 at the end of a text of fixed length are no part of it.
    cells: Texts = words.view("S16").ravel()
    others = np.array([f",{decimal_text(other)}" for other in fractions[~is_here].tolist()], np.bytes_)
    if len(others):
        cells = cells.astype(np.promote_types(cells.dtype, others.dtype))
        cells[~is_here] = others
    return cells


def canonical_records(data: bytes, delimiter: Delimiter) -> bytes:
    """Returns whole records with commas, in as many lines as before; the text of every cell stays as it is.

    Quoted fields are copied, so that stray quotes stay stray; a comma behind such a quote becomes the old delimiter.
    Raises DelimitedError for quotes that do not pair up.
    """
    if delimiter == ",":
        return data
    records = split_records(data, delimiter)
    old = delimiter.encode()
    pieces = []
    at = 0
    for index, is_stray in enumerate(records.with_stray_quote().tolist()):
        starts, ends = records.field_bounds(np.array([index]), int(records.field_counts[index]))
        pieces.append(data[at : int(records.starts[index])].replace(old, b","))
        at = int(records.starts[index])
        fields = []
        for start, end in zip(starts[:, 0].tolist(), ends[:, 0].tolist(), strict=True):
            field = data[at:end]
            if not data.startswith(b'"', start):
                field = quoted(field)
            elif is_stray and (part := _QUOTED_PART.match(field)):
                field = part[0] + field[part.end() :].replace(b",", old)
            fields.append(field)
            at = end + 1
        pieces.append(b",".join(fields))
        at = int(records.ends[index])
    pieces.append(data[at:].replace(old, b","))
    return b"".join(pieces)
