"""Records and fields of delimited text, found in bytes with NumPy, exactly and without decoding.

The grammar is that of `shared.delimited.cells`, over whole buffers.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from shared.delimited._bits import packed, places_of, room_for, running_parity, unpacked
from shared.delimited._quotes import CR, LF, QUOTE, Quotes, irregular_quotes, open_quote
from shared.delimited._words import Bytes, Mask, Positions
from shared.delimited.cells import blanks_of, stray_quote, unquoted
from shared.delimited.dialect import Delimiter
from shared.delimited.errors import DelimitedError


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The records of `data` that are not empty, in order; arrays are of length n = `len(self)`.

    Record i is `data[starts[i]:ends[i]]`, its line end excluded, and has `field_counts[i]` fields.
    """

    data: bytes
    starts: Positions
    ends: Positions
    field_counts: Positions
    quotes: Positions
    """Every `"` in `data`."""
    inner_newlines: Positions
    """Every newline inside quotes."""
    irregular: Quotes | None
    """The quotes by kind, where RFC 4180 does not allow all of them."""
    skipped: Positions
    """The starts of the records left out because they are of delimiters only."""
    separators: Positions
    """Every delimiter and newline outside quotes; an unterminated last record has one at `len(data)`."""
    terminators: Positions
    """Index in `separators` of the one which ends each record."""

    def __len__(self) -> int:
        return len(self.starts)

    def holding(self, places: Positions) -> Positions:
        """Returns the record that each of these bytes is in, -1 for one in no record."""
        found = np.searchsorted(self.starts, places, side="right") - 1
        found[(found >= 0) & (places >= self.ends[found])] = -1
        return found

    def with_stray_quote(self) -> Mask:
        """Returns which records have a field in quotes with text behind them: `[n]`."""
        found = np.zeros(len(self), np.bool_)
        if self.irregular is not None:
            found[self.holding(self.irregular.stray)] = True
        return found

    def fitting(self, k: int, needed: int) -> Mask:
        """Returns which records have `k` fields, or would have but for empty ones at the end: `[n]`.

        Those may be missing from field `needed` on, and any number may be too many.
        """
        counts = self.field_counts
        fits: Mask = counts == k
        if fits.all():
            return fits
        fits |= (counts >= needed) & (counts < k)
        longer = np.flatnonzero(counts > k)
        surplus = counts[longer] - k
        fits[longer] = self.ends[longer] - self.separators[self.terminators[longer] - surplus] == surplus
        return fits

    def field_bounds(self, selected: Mask | Positions | slice, k: int) -> tuple[Positions, Positions]:
        """Returns the starts and ends of the first `k` fields of the selected records (m of them), each `[k, m]`.

        Field j of the i-th selected record is `data[starts[j, i]:ends[j, i]]`, quotes included and what is before
        them excluded. One that is missing is empty, at the end of its record.
        """
        terminators, counts, record_ends = self.terminators[selected], self.field_counts[selected], self.ends[selected]
        is_even = bool((counts == k).all())
        if is_even and len(terminators) * k == len(self.separators):
            separators = self.separators.reshape(-1, k).T
        else:
            places = terminators - counts + np.arange(1, k + 1)[:, None]
            separators = self.separators[places if is_even else np.minimum(places, terminators)]
        ends = separators.copy(order="C")
        if is_even:
            ends[-1] = record_ends
        else:
            np.minimum(ends, record_ends, out=ends)
        starts = np.empty_like(ends)
        starts[0] = self.starts[selected]
        np.add(separators[:-1], 1, out=starts[1:])
        if not is_even:
            np.minimum(starts, ends, out=starts)
        if self.irregular is not None:
            _begin_with_quotes(starts, ends, self.irregular.late)
        return starts, ends

    def fields(self, index: int) -> list[bytes]:
        """Returns the fields of one record, unquoted."""
        starts, ends = self.field_bounds(np.array([index]), int(self.field_counts[index]))
        return [unquoted(self.data[start:end]) for start, end in zip(starts[:, 0], ends[:, 0], strict=True)]

    def has_nul(self) -> Mask:
        """Returns which records contain a NUL byte: `[n]`."""
        found = np.zeros(len(self), np.bool_)
        if b"\0" in self.data:
            holders = self.holding(np.flatnonzero(np.frombuffer(self.data, np.uint8) == 0))
            found[holders[holders >= 0]] = True
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


def _begin_with_quotes(starts: Positions, ends: Positions, quotes: Positions) -> None:
    """Has the fields that hold these quotes begin with them: `[k, m]`."""
    if not starts.size:
        return
    fields = np.searchsorted(starts.T.ravel(), quotes, side="right") - 1
    rows, columns = np.divmod(fields, len(starts))
    inside = (fields >= 0) & (quotes < ends[columns, rows])
    starts[columns[inside], rows[inside]] = quotes[inside]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellPositions:
    """Positions in a buffer of n records of k fields: `[n]` of records, `[k, n]` of fields.

    `field_starts` and `field_ends` are the bounds of fields as written, from the opening quote on where there is one;
    `starts` and `ends` are those of their text. Where `odd`, a cell has quotes in its text.
    """

    record_starts: Positions
    record_ends: Positions
    """A record ends with its last field."""
    field_starts: Positions
    field_ends: Positions
    starts: Positions
    ends: Positions
    odd: Mask
    firsts: Bytes
    """The first byte of each text, 0 where it is empty: `[k, n]`."""
    buffer: Bytes
    """The data between two paddings of zeros, as `shared.delimited._words` reads it."""
    late_quotes: Positions
    """The quotes that open a field, but are not its first byte."""
    inner_newlines: Positions
    """The newlines in cells."""
    short: Positions
    """The records whose last fields are missing."""
    unusual: Positions | None
    """The positions of bytes that are not ASCII or are control characters but TAB, LF and CR; None without any."""

    def behind_fillers(self) -> list[tuple[int, int]]:
        """Returns the columns and rows of the cells that `late_quotes` open, which few programs read alike."""
        starts = self.field_starts.T.ravel()
        if not len(self.late_quotes) or not len(starts):
            return []
        cells = np.searchsorted(starts, self.late_quotes)
        cells = cells[starts.take(cells, mode="clip") == self.late_quotes]
        rows, columns = np.divmod(cells, len(self.field_starts))
        return list(zip(columns.tolist(), rows.tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """The separators of a buffer outside quotes, its quotes, newlines inside, and the quote open at its end or None."""

    separators: Positions
    quotes: Positions
    inner_newlines: Positions
    irregular: Quotes | None
    open_quote: int | None


def split_records(data: bytes, delimiter: Delimiter) -> Records:
    """Returns the records of `data`, which starts at the start of a record and ends at the end of one.

    Raises DelimitedError, with the offset and line in `data` of the quote, when one is open at the end, and when a
    field in quotes spans lines and has text behind its closing quote.
    """
    structure = structure_of(data, delimiter)
    if structure.irregular is not None and structure.irregular.joined is not None:
        raise stray_quote(data, *structure.irregular.joined)
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
    bounds = record_bounds(data, separators[terminators], delimiter)
    starts, ends = bounds.starts, bounds.ends
    field_counts = np.diff(terminators, prepend=-1)
    skipped = starts[:0]
    if bounds.is_empty.any():
        kept = ~bounds.is_empty
        skipped = starts[bounds.has_delimiters]
        starts, ends, field_counts, terminators = starts[kept], ends[kept], field_counts[kept], terminators[kept]
    return Records(
        data=data,
        starts=starts,
        ends=ends,
        field_counts=field_counts,
        quotes=structure.quotes,
        inner_newlines=structure.inner_newlines,
        irregular=structure.irregular,
        skipped=skipped,
        separators=separators,
        terminators=terminators,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordBounds:
    """Starts and ends (CR of CRLF excluded) of records: `[n]`.

    An empty one is blank, or `has_delimiters` and nothing in any of its fields.
    """

    starts: Positions
    ends: Positions
    is_empty: Mask
    has_delimiters: Mask


_NONE = np.empty(0, np.int64)

_BLANK, _DELIMITER, _OTHER = range(3)


def record_bounds(data: bytes, line_ends: Positions, delimiter: Delimiter) -> RecordBounds:
    """Returns the bounds of the records which the given newlines end.

    The first record starts at 0. A line end may be `len(data)`, for a record without a newline.
    """
    text = np.frombuffer(data, np.uint8)
    starts = np.empty_like(line_ends)
    starts[:1] = 0
    starts[1:] = line_ends[:-1] + 1
    ends = line_ends.copy()
    terminated = line_ends < len(text)
    ends[(line_ends > starts) & terminated & (text[line_ends - 1] == CR)] -= 1
    is_empty = ends == starts
    has_delimiters = np.zeros(len(starts), np.bool_)
    # The first, last or second byte of most records is neither blank nor a delimiter, and they are done.
    kinds = _kinds_of_bytes(delimiter)
    suspects = np.flatnonzero(~is_empty)
    second = np.minimum(starts + 1, ends - 1)
    for place in (starts, ends - 1, second):
        suspects = suspects[kinds[text[place[suspects]]] < _OTHER]
    if len(suspects):
        # An end may be the end of the text, where reduceat wants a byte more.
        within = np.frombuffer(data.translate(kinds.tobytes()) + b"\0", np.uint8)
        bounds = np.stack((starts[suspects], ends[suspects]), axis=1).ravel()
        most = np.maximum.reduceat(within, bounds)[::2]
        is_empty[suspects] = most == _BLANK
        begin = (within[starts[suspects]] == _DELIMITER) & (text[starts[suspects]] == text[second[suspects]])
        has_delimiters[suspects] = (most == _DELIMITER) & begin & (ends[suspects] - starts[suspects] > 1)
        is_empty |= has_delimiters
    return RecordBounds(starts=starts, ends=ends, is_empty=is_empty, has_delimiters=has_delimiters)


@cache
def _kinds_of_bytes(delimiter: Delimiter) -> Bytes:
    """Returns the kind of each byte: `[256]`, to be indexed by bytes."""
    kinds = np.full(256, _OTHER, np.uint8)
    kinds[list(blanks_of(delimiter))] = _BLANK
    kinds[ord(delimiter)] = _DELIMITER
    return kinds


def structure_of(data: bytes, delimiter: Delimiter, *, is_whole: bool = True) -> Structure:
    """Returns the separators of `data` outside quotes (delimiters and LFs) and its quotes.

    `is_whole` is whether the end of `data` ends a record.
    """
    text = np.frombuffer(data, np.uint8)
    # With room for whole words.
    flags = np.zeros(room_for(len(text)), np.bool_)
    found = flags[: len(text)]
    separator = text == LF
    separator |= np.equal(text, ord(delimiter), out=found)
    if b'"' not in data:
        return Structure(np.flatnonzero(separator), _NONE, _NONE, None, None)
    quotes = special = np.flatnonzero(np.equal(text, QUOTE, out=found))
    irregular = irregular_quotes(data, quotes, ord(delimiter), is_whole=is_whole)
    if irregular is not None:
        special = irregular.special
        found[:] = False
        found[special] = True
    # A byte is inside a quoted field when the number of special quotes before it is odd.
    within = running_parity(packed(flags))
    np.equal(text, LF, out=found)
    inner_newlines = places_of(packed(flags) & within)
    np.greater(separator, unpacked(within, len(text)), out=separator)  # and not inside
    return Structure(np.flatnonzero(separator), quotes, inner_newlines, irregular, open_quote(special))
