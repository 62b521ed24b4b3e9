"""The input columns as result files carry them: CSV with commas, each record's text as it was written.

Changed are only: the delimiter, where it was another; `company_symbol`, which comes back trimmed and in upper case, and
`reporting_quarter`, as `Qn`, where they are valid; text that would run as a formula, which gets a guard (see
`shared.scoring.values`); and quotes, where the text needs them in the new form.

Text columns are guarded even where they hold a number such as `+1`; other columns only where they do not.

A malformed record has no cells to speak of. It stands whole, as written, in the first input column, and the other
columns are empty: nothing of it is lost, no figure of it lands in the wrong column, and the file stays rectangular. A
NUL in it is shown as `␀`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from shared.delimited._arrays import Bytes, Positions
from shared.delimited._numbers import PAD, plain_numbers
from shared.delimited._records import Records
from shared.delimited._text_words import have_lower_case
from shared.delimited.cells import csv_cell, unquoted
from shared.delimited.table import Table
from shared.inputs.columns import BY_NAME, Kind
from shared.scoring.result_names import SOURCE_ROW
from shared.scoring.values import BLANKS, guarded, is_blank, is_number, read_quarter, trimmed

_LOWER_TO_UPPER = 0x20
# Of any number of a row that there is.
_ROW_DIGITS = 12

# For each row of a table the cells to write anew: column of the file -> text.
Rewrites = defaultdict[int, dict[int, str]]


class _Text:
    """Text of which single bytes are exchanged; copied only when one is."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._changed: Bytes | None = None

    def put(self, places: Positions, characters: Bytes | int) -> None:
        """Have these characters at these places."""
        if not len(places):
            return
        if self._changed is None:
            self._changed = np.frombuffer(self._data, np.uint8).copy()
        self._changed[places] = characters

    def to_bytes(self) -> bytes:
        """The text as it is now."""
        return self._data if self._changed is None else self._changed.tobytes()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def carried_records(
    records: Records, table: Table, kept: Positions, names: Sequence[str], delimiter: str
) -> list[bytes]:
    """Every record as CSV cells joined by commas, without a line end.

    `table` holds the records `kept`, its columns having the normalised `names`; every other record is malformed.
    """
    places = {name: place for place, name in enumerate(names)}
    text = _Text(records.data)
    if delimiter != ",":
        text.put(table.field_ends[:-1].ravel(), ord(","))
    rewrites: Rewrites = defaultdict(dict)
    _requote(rewrites, records, table, kept, b"\r")
    if delimiter != ",":
        _requote(rewrites, records, table, kept, b",")
    _make_safe(rewrites, table, names)
    if (place := places.get("company_symbol")) is not None:
        _normalise_symbols(rewrites, text, table, place)
    quarter = places.get("reporting_quarter")
    if quarter is not None:
        _normalise_quarters(rewrites, text, table, quarter)
    data = text.to_bytes()
    carried = [data[start:end] for start, end in zip(records.starts.tolist(), records.ends.tolist(), strict=True)]
    if quarter is not None:
        _letter_quarters(carried, rewrites, records, table, kept, place=quarter)
    for row, cells in rewrites.items():
        carried[kept[row]] = b",".join(_cells_of(data, table, row, cells))
    is_malformed = np.ones(len(records), np.bool_)
    is_malformed[kept] = False
    for index in np.flatnonzero(is_malformed).tolist():
        record = records.data[records.starts[index] : records.ends[index]]
        number = b""
        if names[-1] == SOURCE_ROW:
            record, number = _without_source_row(record, delimiter.encode(), fields=int(records.field_counts[index]))
        carried[index] = _malformed(record, len(names)) + number
    return carried


def _cells_of(data: bytes, table: Table, row: int, rewritten: dict[int, str]) -> Iterator[bytes]:
    bounds = zip(table.field_starts[:, row].tolist(), table.field_ends[:, row].tolist(), strict=True)
    for place, (start, end) in enumerate(bounds):
        yield csv_cell(rewritten[place]).encode() if place in rewritten else data[start:end]


def _malformed(record: bytes, columns: int) -> bytes:
    text = record.decode().replace("\0", "␀")
    return csv_cell(guarded(text)).encode() + b"," * (columns - 1)


def _without_source_row(record: bytes, delimiter: bytes, *, fields: int) -> tuple[bytes, bytes]:
    """A malformed record of a retry, and its number in the file first uploaded, which keeps its column.

    One that was malformed before is the first of two cells there: see `shared.scoring.retry_file`.
    """
    text, _, number = record.rpartition(delimiter)
    if not number.isdigit():
        return record, b""
    return (unquoted(text) if fields == 2 else text), number


def source_row_of(carried: bytes) -> int | None:
    """The number that a carried record of a retry ends with; None where somebody wrote something else there."""
    number = carried.rpartition(b",")[2]
    return int(number) if number.isdigit() and len(number) <= _ROW_DIGITS else None


def _requote(rewrites: Rewrites, records: Records, table: Table, kept: Positions, character: bytes) -> None:
    """Marks the cells that hold a character which, unquoted, would end a cell or a record in the new form."""
    if character not in records.data or not len(kept):
        return
    text = np.frombuffer(records.data, np.uint8)
    places = np.flatnonzero(text == character[0])
    at_ends = text[records.ends[records.ends < len(text)]]
    if len(places) == np.count_nonzero(at_ends == character[0]):
        return  # each of them is part of a CRLF that ends a record
    rows = np.searchsorted(table.field_starts[0], places, side="right") - 1
    places = places[(rows >= 0) & (places < table.field_ends[-1, rows])]
    # A cell may hold millions of them, and is marked once.
    cells = np.unique(np.searchsorted(table.field_ends.T.ravel(), places, side="right"))
    for row, column in zip(*(part.tolist() for part in np.divmod(cells, len(table.field_ends))), strict=True):
        rewrites[row][column] = table.written_text(column, row)


def _make_safe(rewrites: Rewrites, table: Table, names: Sequence[str]) -> None:
    """Marks the cells that need a guard, and those whose quotes not every reader takes alike."""
    suspects = table.starts_formula()
    is_text = np.array([name in BY_NAME and BY_NAME[name].kind is Kind.TEXT for name in names])
    for column, plain in table.plain.items():
        suspects[column] &= ~plain | is_text[column]
    # The others are found by their place in flattened columns: few cells are.
    places = np.flatnonzero(suspects)
    places = places[~is_text[places // len(table)]]
    cells = (array.ravel()[places] for array in (table.firsts, table.starts, table.ends))
    _, plain = plain_numbers(table.buffer, *cells)
    suspects.ravel()[places[plain]] = False
    for column in np.flatnonzero(table.odd.any(axis=1)).tolist():
        # The first character of a well quoted cell has been looked at; what else it says makes it neither safe nor not.
        odd = np.flatnonzero(table.odd[column] & ~suspects[column])
        suspects[column, odd[~table.well_quoted(column, odd)]] = True
    columns, rows = np.divmod(np.flatnonzero(suspects), len(table))
    for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
        text = safe = table.written_text(column, row)
        if is_text[column] or not (text.casefold() in BLANKS or is_number(text)):
            safe = guarded(text)
        # Text after a closing quote is read by some programs, and refused by others.
        if safe != text or (table.odd[column, row] and _quoted(text).encode() != table.raw(column, row)):
            rewrites[row][column] = safe


def _normalise_symbols(rewrites: Rewrites, text: _Text, table: Table, place: int) -> None:
    limit = BY_NAME["company_symbol"].max_length or 0
    simple = table.simple_text(place, limit)
    starts, ends = table.starts[place][simple], table.ends[place][simple]
    lower = have_lower_case(table.buffer, starts, ends)
    starts, ends = starts[lower], ends[lower]
    for offset in range(int((ends - starts).max(initial=0))):
        places = (starts + offset)[starts + offset < ends]
        letters = table.buffer[places + PAD]
        is_lower = (letters >= ord("a")) & (letters <= ord("z"))
        text.put(places[is_lower], letters[is_lower] - _LOWER_TO_UPPER)
    for row in np.flatnonzero(~simple).tolist():
        written = table.written_text(place, row)
        symbol = symbol_of(table.text(place, row))
        if symbol and guarded(symbol) != written:
            rewrites[row][place] = guarded(symbol)
    for row, cells in rewrites.items():
        if place in cells and simple[row]:
            cells[place] = cells[place].upper()


def symbol_of(text: str) -> str:
    """The company symbol that a cell means, `""` if it is blank or too long."""
    symbol = trimmed(text).upper()
    limit = BY_NAME["company_symbol"].max_length or 0
    return "" if is_blank(symbol, symbol=True) or len(symbol) > limit else symbol


def _normalise_quarters(rewrites: Rewrites, text: _Text, table: Table, place: int) -> None:
    lettered = table.lettered_quarters(place)
    text.put(table.starts[place][lettered & (table.firsts[place] == ord("q"))], ord("Q"))
    bare = table.bare_quarters(place)
    bare[list(rewrites)] = False
    for row in np.flatnonzero(~lettered & ~bare).tolist():
        try:
            quarter = read_quarter(table.text(place, row))
        except ValueError:
            continue
        if quarter is not None:
            rewrites[row][place] = quarter


def _letter_quarters(
    carried: list[bytes], rewrites: Rewrites, records: Records, table: Table, kept: Positions, *, place: int
) -> None:
    """Puts the letter before quarters that are a bare digit, in records otherwise as written."""
    bare = table.bare_quarters(place)
    bare[list(rewrites)] = False
    offsets = table.starts[place][bare] - records.starts[kept[bare]]
    for index, offset in zip(kept[bare].tolist(), offsets.tolist(), strict=True):
        record = carried[index]
        carried[index] = b"%bQ%b" % (record[:offset], record[offset:])
