"""One chunk of a file: its rows validated and scored, columns at a time, and written as the parts of the result files.

The same bytes give the same parts, and a row's text depends on nothing but the row, its number and the model.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.delimited._arrays import is_ascii
from shared.delimited._number_texts import row_number_cells
from shared.delimited._records import Records, split_records
from shared.delimited.table import table_of
from shared.inputs.errors import translated_errors
from shared.inputs.header import Layout
from shared.scoring.chunk_summary import ChunkSummary, summarise
from shared.scoring.company_periods import NO_KEY, company_periods
from shared.scoring.model import Model
from shared.scoring.parts import ROW_END, Parts, columns_of, interleaved, parts_of
from shared.scoring.passthrough import carried_records, symbol_of
from shared.scoring.result_names import FAULT_COLUMNS, SCORE_COLUMNS, SOURCE_ROW
from shared.scoring.scores import score_cells
from shared.scoring.validation import Fault, judge

MAX_CELL_BYTES: Final = 32 * 1024


class ChunkError(Exception):
    """The chunk is not what the plan said it is; no row of it can be vouched for."""


class RowCountMismatchError(ChunkError):
    """The chunk has another number of rows than planned."""


class ChunkEncodingError(ChunkError):
    """The chunk is not UTF-8, into which every file is turned before it is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredChunk:
    """The parts of a chunk and its counts: `rows == successful + failed`.

    `faults` counts the failed rows by the codes and columns of all their faults.
    """

    rows: int
    successful: int
    failed: int
    faults: Mapping[tuple[tuple[str, str | None], ...], int]
    parts: Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class UnprocessedChunk:
    """What a chunk that was not scored adds to the `unprocessed` and `all` files: CSV without header line."""

    rows: int
    unprocessed: bytes
    all: bytes


def score_chunk(
    data: bytes,
    *,
    layout: Layout,
    first_row: int,
    model: Model | None,
    next_year: int,
    row_count: int | None = None,
    max_cell_bytes: int = MAX_CELL_BYTES,
) -> ScoredChunk:
    """Validates and scores the records in `data`, whose first is row `first_row` of the file.

    Without a model the rows are validated only. `next_year` is the last reporting year accepted, the same for every
    chunk of a job. Raises RowCountMismatchError when `row_count` is given and is not what is found,
    ChunkEncodingError when `data` is not UTF-8, and UnbalancedQuoteError when a quote is open at its end.
    """
    records = _records(data, layout, row_count)
    nul, oversize = records.has_nul(), records.has_field_over(max_cell_bytes)
    kept = np.flatnonzero((records.field_counts == layout.field_count) & ~nul & ~oversize)
    table = table_of(records, kept, layout.field_count)
    judged = judge(table, layout.normalised, job_type=layout.job_type, profile=layout.profile, next_year=next_year)
    carried = carried_records(records, table, kept, layout.normalised, layout.delimiter)

    faults = {int(kept[row]): found for row, found in judged.faults.items()}
    malformed = np.flatnonzero((records.field_counts != layout.field_count) | nul | oversize)
    for index in malformed.tolist():
        holds = "NUL" if nul[index] else "oversize" if oversize[index] else "fields"
        faults[index] = [_malformed(holds, int(records.field_counts[index]), layout, max_cell_bytes)]
    place = layout.normalised.index("company_symbol")
    faulty = np.array(list(judged.faults), np.int64)
    symbols = dict(zip(kept[faulty].tolist(), map(symbol_of, table.texts(place, faulty)), strict=True))

    sound = np.flatnonzero(~judged.failed(len(table)))
    scored = None
    if model is not None:
        scored = score_cells(judged, sound, model, job_type=layout.job_type, profile=layout.profile, row_end=ROW_END)
    sound_indices = kept[sound]
    row_numbers = first_row + sound_indices
    keys = np.full(len(records), NO_KEY)
    keys[kept] = company_periods(table, layout.normalised, next_year=next_year)
    summary = ChunkSummary(company_periods=ChunkSummary.packed(keys))
    if scored is not None:
        summary = summarise(
            scored,
            judged,
            table,
            layout.normalised,
            sound=sound,
            row_numbers=row_numbers,
            company_periods=summary.company_periods,
        )
    return ScoredChunk(
        rows=len(records),
        successful=len(records) - len(faults),
        failed=len(faults),
        faults=Counter([tuple([(fault.code, fault.column) for fault in found]) for found in faults.values()]),
        parts=parts_of(
            columns_of(carried, scored, sound_indices, first_row=first_row),
            faults,
            symbols,
            first_row=first_row,
            are_scored=scored is not None,
            is_retry=layout.normalised[-1] == SOURCE_ROW,
            summary=summary.to_bytes(),
        ),
    )


def unprocessed_rows(
    data: bytes, *, layout: Layout, first_row: int, scored: bool = True, row_count: int | None = None
) -> UnprocessedChunk:
    """The records of a chunk that was not scored, as the `unprocessed` and `all` files carry them.

    `scored` is false for a job that only validates. Raises as `score_chunk` does.
    """
    records = _records(data, layout, row_count)
    kept = np.flatnonzero((records.field_counts == layout.field_count) & ~records.has_nul())
    table = table_of(records, kept, layout.field_count)
    carried = carried_records(records, table, kept, layout.normalised, layout.delimiter)
    size = len(records)
    numbers = row_number_cells(first_row, size).tolist()
    blanks = b"," * (len(FAULT_COLUMNS) + (len(SCORE_COLUMNS) if scored else 0))
    return UnprocessedChunk(
        rows=size,
        unprocessed=b"".join(interleaved([carried, numbers, [b"\n"] * size])),
        all=b"".join(interleaved([carried, numbers, [blanks + b",unprocessed\n"] * size])),
    )


def _records(data: bytes, layout: Layout, row_count: int | None) -> Records:
    try:
        if not is_ascii(data):
            data.decode()
    except UnicodeDecodeError as error:
        raise ChunkEncodingError(f"byte {error.start:,} of the chunk is not UTF-8") from error
    with translated_errors():
        records = split_records(data, layout.delimiter)
    if row_count is not None and len(records) != row_count:
        raise RowCountMismatchError(f"the plan has {row_count:,} rows, the chunk {len(records):,}")
    return records


def _malformed(holds: str, fields: int, layout: Layout, max_cell_bytes: int) -> Fault:
    if holds == "NUL":
        error = "Malformed row: it holds a NUL character, remove it"
    elif holds == "oversize":
        error = f"Malformed row: a cell is longer than {max_cell_bytes:,} bytes, shorten it"
    else:
        error = (
            f"Malformed row: it has {fields:,} fields and the header has {layout.field_count:,}; "
            "put quotes around text that holds the delimiter, and give every column a cell"
        )
    return Fault(None, "malformed_row", error, None)
