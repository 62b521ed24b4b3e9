"""The cells of the records of a buffer, a column at a time.

The engine is used through these names; modules with an underscore are private to the folder.

| Module | Names | Use |
|---|---|---|
| `dialect` | `detect`, `Dialect`, `Delimiter`, `CANONICAL`, `HEAD_BYTES` | encoding, delimiter and newlines of a file |
| `boundaries` | `record_runs` | the ends of records in a stream, to plan chunks |
| `table` | `read_table`, `Table`, `hash_text` | the numbers and texts of a chunk, column by column |
| `writing` | `RecordWriter`, `LineWriter`, `fraction_cells`, `canonical_records` | rows of result files |
| `cells` | `first_record`, `quoted`, `unquoted`, `field_expression` | one record or cell |
| `errors` | `DelimitedError` | why a text cannot be read |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from shared.delimited._quotes import QUOTE
from shared.delimited._records import CellPositions, split_records
from shared.delimited._words import (
    PAD,
    Bytes,
    Floats,
    Mask,
    Positions,
    Words,
    is_ascii,
    mixed,
    padded,
    plain_numbers,
    text_hashes,
    unusual_places,
)
from shared.delimited.cells import unquoted
from shared.delimited.dialect import Delimiter

# Numbers with more digits than plain_numbers reads, as programs write doubles; few enough of them to be finite.
_LONG_NUMBERS = {
    ".": re.compile(rb"-?[0-9]{1,17}\.[0-9]{1,24}"),
    ",": re.compile(rb"-?[0-9]{1,17},[0-9]{1,24}"),
}


class Malformed(NamedTuple):
    """A record whose cells are not read: the reason, how many fields it has, and its bytes without line end."""

    reason: Literal["fields", "nul", "oversize", "quote"]
    fields: int
    record: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The cells of n records of k fields; empty records are left out. Masks and numbers of a column are `[n]`.

    A record with another number of fields, a NUL, too long a field or a stray quote is in `malformed`, by index; its
    cells are empty. A cell's text is without the quotes around it and with `""` inside them as `"`.
    """

    data: bytes
    delimiter: Delimiter
    malformed: Mapping[int, Malformed]
    well_formed: Mask
    """The records that are not in `malformed`."""
    cells: CellPositions
    """Where they are in `data`, for the rest of the engine."""
    _read: dict[int, Mask] = field(default_factory=dict)
    _split: dict[tuple[bytes, bytes], Mapping[int, Positions]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.cells.record_starts)

    def text(self, column: int, row: int) -> str:
        """Returns the text of a cell."""
        written = self.data[self.cells.field_starts[column, row] : self.cells.field_ends[column, row]]
        return unquoted(written).decode()

    def texts(self, column: int, rows: Positions) -> list[str]:
        """Returns the texts of some cells of a column."""
        return [unquoted(written).decode() for written in self._fields(column, rows)]

    def numbers(self, column: int, *, decimal_sign: Literal[".", ","] = ".") -> tuple[Floats, Mask]:
        """Returns the numbers in a column, NaN where there is none, and the mask of the cells that were read.

        Read are decimal numbers without spaces, plus sign, exponent or grouping; any other cell may still be a number.
        """
        cells = self.cells
        firsts = cells.firsts[column]
        numbers, is_read = plain_numbers(
            cells.buffer, firsts, cells.starts[column], cells.ends[column], decimal_sign=decimal_sign
        )
        others = np.flatnonzero(~is_read & (firsts != 0))
        for row, written in zip(others.tolist(), self._fields(column, others), strict=True):
            if _LONG_NUMBERS[decimal_sign].fullmatch(written):
                numbers[row] = float(written.replace(b",", b"."))
                is_read[row] = True
        self._read[column] = is_read
        return numbers, is_read

    def lengths(self, column: int) -> Positions:
        """Returns how many bytes of text each cell of a column has."""
        lengths: Positions = self.cells.ends[column] - self.cells.starts[column]
        return lengths

    def byte_at(self, column: int, place: int, rows: Positions | None = None) -> Bytes:
        """Returns a byte of each text, or of those of some rows: 0 is the first one, -1 the last; within `PAD`.

        The first byte of an empty text is 0; any other byte that a text does not have is arbitrary.
        """
        cells = self.cells
        chosen = slice(None) if rows is None else rows
        if place == 0:
            found: Bytes = cells.firsts[column][chosen]
        else:
            found = cells.buffer[(cells.starts if place > 0 else cells.ends)[column][chosen] + (PAD + place)]
        return found

    def short_ascii(self, column: int, limit: int) -> Mask:
        """Returns which texts have 1 to `limit` bytes, all ASCII, no quotes inside, no control but TAB, LF and CR."""
        cells, lengths = self.cells, self.lengths(column)
        short: Mask = (lengths > 0) & (lengths <= limit) & ~cells.odd[column]
        if (unusual := cells.unusual) is not None:
            short &= np.searchsorted(unusual, cells.starts[column]) == np.searchsorted(unusual, cells.ends[column])
        return short

    def hashes(self, column: int, rows: Positions, salts: Words) -> Words:
        """Returns 64-bit hashes of some texts and a number each, ASCII letters in either case alike: `[len(rows)]`."""
        starts, ends = self.cells.starts[column][rows], self.cells.ends[column][rows]
        return mixed(text_hashes(self.cells.buffer, starts, ends, ignore_case=True) + salts)

    def grouped(self, column: int, rows: Positions) -> tuple[Positions, Positions]:
        """Groups some rows by how a column is written: returns one row of each group, and the group of each row."""
        starts, ends = self.cells.field_starts[column][rows], self.cells.field_ends[column][rows]
        hashes, group = np.unique(text_hashes(self.cells.buffer, starts, ends), return_inverse=True)
        one_of_each = np.empty(len(hashes), np.int64)
        one_of_each[group] = rows
        return one_of_each, group

    def split_cells(self, splits: bytes, followers: bytes) -> Mapping[int, Positions]:
        """Returns the rows, by column, of cells with one of the bytes `splits` in them before one of `followers`."""
        if (splits, followers) not in self._split:
            self._split[splits, followers] = self._find_split(splits, followers)
        return self._split[splits, followers]

    def _find_split(self, splits: bytes, followers: bytes) -> Mapping[int, Positions]:
        text, cells = np.frombuffer(self.data, np.uint8), self.cells
        places = [self._places_in_cells(split) for split in splits]
        found = np.concatenate(places)
        if not len(found):
            return {}
        is_follower = np.zeros(256, np.bool_)
        is_follower[list(followers)] = True
        found = found[is_follower.take(text.take(found + 1, mode="clip"))]
        rows = np.searchsorted(cells.record_starts, found, side="right") - 1
        inside = (rows >= 0) & (found < cells.record_ends[rows]) & self.well_formed[rows]
        found, rows = found[inside], rows[inside]
        columns = (cells.field_ends[:, rows] <= found).sum(axis=0)
        inside = cells.field_starts[columns, rows] <= found
        return {column: np.unique(rows[inside & (columns == column)]) for column in np.unique(columns[inside]).tolist()}

    def _places_in_cells(self, byte: int) -> Positions:
        """Returns where the byte is in cells, or between them."""
        character = bytes([byte])
        if character == b"\n":
            return self.cells.inner_newlines
        may_be = character in self.data
        if may_be and character == self.delimiter.encode():
            may_be = b'"' in self.data
        if may_be and character == b"\r" and b'"' not in self.data:
            may_be = self.data.count(b"\r") > self.data.count(b"\r\n")
        return np.flatnonzero(np.frombuffer(self.data, np.uint8) == byte) if may_be else np.empty(0, np.int64)

    def cells_opening_with(self, openings: bytes, *, except_numbers: Mask) -> list[tuple[int, int]]:
        """Returns the columns and rows of cells whose text begins with one of these bytes.

        `except_numbers` are the columns, `[k]`, in which cells that `numbers` reads are left out.
        """
        cells = self.cells
        found = np.zeros(cells.firsts.shape, np.bool_)
        for opening in openings:
            found |= cells.firsts == opening
        for column, is_read in self._read.items():
            found[column] &= ~(is_read & except_numbers[column])
        # The others are found by their place in flattened columns: few cells are.
        places = np.flatnonzero(found)
        places = places[except_numbers[places // max(len(self), 1)]]
        firsts, starts, ends = cells.firsts.ravel()[places], cells.starts.ravel()[places], cells.ends.ravel()[places]
        _, is_read = plain_numbers(cells.buffer, firsts, starts, ends)
        found.ravel()[places[is_read]] = False
        columns, rows = np.divmod(np.flatnonzero(found), max(len(self), 1))
        return list(zip(columns.tolist(), rows.tolist(), strict=True))

    def _fields(self, column: int, rows: Positions) -> list[bytes]:
        bounds = (self.cells.field_starts[column, rows].tolist(), self.cells.field_ends[column, rows].tolist())
        return [self.data[start:end] for start, end in zip(*bounds, strict=True)]


def read_table(
    data: bytes,
    delimiter: Delimiter,
    *,
    field_count: int,
    needed_fields: int | None = None,
    max_field_bytes: int | None = None,
) -> Table:
    """Returns the cells of `data`, which starts where a record does.

    A record is malformed when it has not exactly `field_count` fields, a NUL, a field of more than `max_field_bytes` as
    written, or text behind a closing quote. Empty fields at its end may be too many, or be missing from field
    `needed_fields` on; those too many are dropped. Raises UnicodeDecodeError for bytes that are not UTF-8, and
    DelimitedError when a quote is open at the end or quotes join lines.
    """
    if not is_ascii(data):
        data.decode()
    records = split_records(data, delimiter)
    fits = records.fitting(field_count, field_count if needed_fields is None else needed_fields)
    has_nul, has_stray_quote = records.has_nul(), records.with_stray_quote()
    oversize = records.has_field_over(max_field_bytes) if max_field_bytes is not None else np.zeros_like(has_nul)
    is_malformed = ~fits | has_nul | oversize | has_stray_quote
    rows = np.flatnonzero(is_malformed)
    malformed = {
        row: Malformed(
            "nul" if has_nul[row] else "oversize" if oversize[row] else "quote" if has_stray_quote[row] else "fields",
            int(records.field_counts[row]),
            data[records.starts[row] : records.ends[row]],
        )
        for row in rows.tolist()
    }
    if malformed:
        # Empty fields at the start of the record, so that positions still ascend.
        selected = np.flatnonzero(~is_malformed)
        field_starts = np.tile(records.starts, (field_count, 1))
        field_ends = field_starts.copy()
        field_starts[:, selected], field_ends[:, selected] = records.field_bounds(selected, field_count)
    else:
        field_starts, field_ends = records.field_bounds(slice(None), field_count)
    record_ends = records.ends
    longer = np.flatnonzero(~is_malformed & (records.field_counts > field_count))
    if len(longer):
        record_ends = record_ends.copy()
        record_ends[longer] = field_ends[-1, longer]
    buffer = padded(data)
    firsts = buffer[PAD:].take(field_starts)
    firsts *= (field_starts != field_ends).view(np.uint8)
    starts, ends, odd = _text_bounds(buffer, field_starts, field_ends, firsts, records.quotes)
    return Table(
        data=data,
        delimiter=delimiter,
        malformed=malformed,
        well_formed=~is_malformed,
        cells=CellPositions(
            record_starts=records.starts,
            record_ends=record_ends,
            field_starts=field_starts,
            field_ends=field_ends,
            starts=starts,
            ends=ends,
            odd=odd,
            firsts=firsts,
            buffer=buffer,
            inner_newlines=records.inner_newlines,
            late_quotes=records.quotes[:0] if records.irregular is None else records.irregular.late,
            short=np.flatnonzero(~is_malformed & (records.field_counts < field_count)),
            unusual=unusual_places(data),
        ),
    )


def _text_bounds(
    buffer: Bytes, field_starts: Positions, field_ends: Positions, firsts: Bytes, quotes: Positions
) -> tuple[Positions, Positions, Mask]:
    """Returns the bounds of each text, and which cells have quotes inside, `[k, n]` each. Puts `firsts` right."""
    odd = np.zeros(field_starts.shape, np.bool_)
    if not len(quotes):
        return field_starts, field_ends, odd
    # Cells are found by their place in flattened columns: few of them begin with a quote.
    count = field_starts.shape[1]
    opened = np.flatnonzero(firsts == QUOTE)
    opens, closes = field_starts.ravel()[opened], field_ends.ravel()[opened]
    closed = (closes - opens >= 2) & (buffer[closes + (PAD - 1)] == QUOTE)
    # Where there are no other quotes up to the next record, they enclose exactly the text.
    rows = opened % max(count, 1)
    held = np.diff(np.searchsorted(quotes, field_starts[0]), append=len(quotes))
    unsure = (held != 2 * np.bincount(rows[closed], minlength=count))[rows]
    nexts = quotes.take(np.searchsorted(quotes, opens[unsure]) + 1, mode="clip")
    odd.ravel()[opened[unsure]] = ~closed[unsure] | (nexts != closes[unsure] - 1)
    within = opened[closed]
    starts, ends = field_starts.copy(), field_ends.copy()
    starts.ravel()[within] += 1
    ends.ravel()[within] -= 1
    firsts.ravel()[within] = np.where(
        closes[closed] - opens[closed] > 2, buffer[opens[closed] + (PAD + 1)], np.uint8(0)
    )
    return starts, ends, odd


def hash_text(text: bytes, salt: int) -> int:
    """Returns the hash that `Table.hashes` gives a cell with this text and this number."""
    bounds = np.array([0]), np.array([len(text)])
    hashes = mixed(text_hashes(padded(text), *bounds, ignore_case=True) + np.array([salt], np.uint64))
    return int(hashes[0])
