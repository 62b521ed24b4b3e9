"""One chunk of a file: read, validated, scored, written as parts of the result files, and summarized.

The same bytes give the same parts, and a row's text depends on nothing but the row, its number and the model.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from shared.delimited.table import Table, read_table
from shared.inputs.errors import translated_errors
from shared.inputs.header import Layout
from shared.inputs.tolerance import row_shape
from shared.scoring.chunk_summary import summarize_chunk
from shared.scoring.model import Model
from shared.scoring.parts import Parts, write_parts, write_unprocessed
from shared.scoring.scores import score_rows
from shared.scoring.validation import validate_rows

MAX_CELL_BYTES: Final = 32 * 1024


class ChunkError(Exception):
    """The chunk is not what was planned; none of its rows can be trusted."""


class RowCountMismatchError(ChunkError):
    """The chunk has another number of rows than planned."""


class ChunkEncodingError(ChunkError):
    """The chunk is not UTF-8, into which every file is turned before it is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredChunk:
    """The parts of a chunk and its counts: `rows == successful + failed`.

    `row_errors` counts the failed rows by the codes and columns of all their errors.
    """

    rows: int
    successful: int
    failed: int
    row_errors: Mapping[tuple[tuple[str, str | None], ...], int]
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
    """Validates and scores the records in `data`, of which the first is row `first_row` of the file.

    Without a model the rows are only validated. `next_year` is the last reporting year accepted, the same for every
    chunk of a job. Raises RowCountMismatchError when `row_count` is given and is not what is found,
    ChunkEncodingError when `data` is not UTF-8, and UnbalancedQuoteError when a quote is open at its end.
    """
    table = _read(data, layout, row_count=row_count, max_cell_bytes=max_cell_bytes)
    validated = validate_rows(table, layout, next_year=next_year, max_cell_bytes=max_cell_bytes)
    scored = score_rows(validated, layout, model) if model is not None else None
    parts = write_parts(table, layout, validated, scored, first_row=first_row)
    summary = summarize_chunk(table, layout, validated, scored, first_row=first_row)
    errors = validated.errors.values()
    return ScoredChunk(
        rows=len(table),
        successful=len(table) - len(errors),
        failed=len(errors),
        row_errors=Counter(tuple((error.code, error.column) for error in found) for found in errors),
        parts=replace(parts, summary=summary.to_bytes()),
    )


def unprocessed_rows(
    data: bytes, *, layout: Layout, first_row: int, scored: bool = True, row_count: int | None = None
) -> UnprocessedChunk:
    """Returns the records of a chunk that was not scored, as the `unprocessed` and `all` files have them.

    `scored` is false for a job that only validates. Raises as `score_chunk` does.
    """
    table = _read(data, layout, row_count=row_count)
    unprocessed, everything = write_unprocessed(table, layout, first_row=first_row, scored=scored)
    return UnprocessedChunk(rows=len(table), unprocessed=unprocessed, all=everything)


def _read(data: bytes, layout: Layout, *, row_count: int | None, max_cell_bytes: int | None = None) -> Table:
    try:
        with translated_errors():
            table = read_table(
                data,
                layout.delimiter,
                field_count=layout.field_count,
                needed_fields=row_shape(layout).needed,
                max_field_bytes=max_cell_bytes,
            )
    except UnicodeDecodeError as error:
        raise ChunkEncodingError(f"byte {error.start:,} of the chunk is not UTF-8") from error
    if row_count is not None and len(table) != row_count:
        raise RowCountMismatchError(f"the plan has {row_count:,} rows, the chunk {len(table):,}")
    return table
