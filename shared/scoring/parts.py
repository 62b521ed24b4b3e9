"""The parts that a chunk adds to the result files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.delimited.table import Table
from shared.delimited.writing import LineWriter
from shared.inputs.header import Layout
from shared.scoring.passthrough import passthrough_lines, source_row_of, symbol_of
from shared.scoring.results import (
    ROW_ERROR_COLUMNS,
    SCORE_COLUMNS,
    SOURCE_ROW,
    RowError,
    row_error_line,
    row_error_texts,
)
from shared.scoring.scores import ScoredRows
from shared.scoring.validation import ValidatedRows
from shared.scoring.values import unguarded

# Ends a valid row, in whose text it cannot occur, so that one text can be rewritten into the parts of both outcomes.
_ROW_END: Final = b"\0"
_SUCCESSFUL_END: Final = b"," * (len(ROW_ERROR_COLUMNS) + 1) + b"successful\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one chunk adds to each result file: CSV without header line.

    `errors` has a JSON object a line, `summary` a `ChunkSummary` as bytes.
    """

    successful: bytes
    failed: bytes
    all: bytes
    errors: bytes
    summary: bytes = b""


def write_parts(
    table: Table, layout: Layout, validated: ValidatedRows, scored: ScoredRows | None, *, first_row: int
) -> Parts:
    """Returns the parts of n rows, of which the first is row `first_row` of the file; without their summary."""
    passed = passthrough_lines(table, layout, validated.plain_texts)
    lines = LineWriter(passed, first_number=first_row)
    if scored is None:
        lines.add_choice([_ROW_END], np.zeros(len(validated.valid), np.int64), validated.valid)
    else:
        scored.write(lines, row_end=_ROW_END)
    symbols = _symbols(table, layout, validated.errors)
    blanks = b"," * len(SCORE_COLUMNS) if scored else b""
    is_retry = layout.normalized[-1] == SOURCE_ROW
    # Appended to, not joined: rows full of errors are many times longer than their records.
    successful, everything, failed, errors = [], [], bytearray(), bytearray()
    start = 0
    for row in [*sorted(validated.errors), len(table)]:
        if start < row:
            run = lines.lines(start, row)
            successful.append(run.replace(_ROW_END, b"\n"))
            everything.append(run.replace(_ROW_END, _SUCCESSFUL_END))
        start = row + 1
        if row < len(table):
            texts = row_error_texts(tuple(validated.errors[row]))
            line = lines.lines(row, row + 1)
            failed += b"".join((line, b",", texts.cells, b"\n"))
            everything.append(b"".join((line, blanks, b",", texts.cells, b",failed\n")))
            source = source_row_of(passed[row]) if is_retry else None
            errors += row_error_line(first_row + row, symbols.get(row, ""), texts, source_row=source)
    return Parts(
        successful=b"".join(successful),
        failed=bytes(failed),
        all=b"".join(everything),
        errors=bytes(errors),
    )


def write_unprocessed(table: Table, layout: Layout, *, first_row: int, scored: bool) -> tuple[bytes, bytes]:
    """Returns n rows that were not scored, as the `unprocessed` and `all` files have them."""
    lines = LineWriter(passthrough_lines(table, layout), first_number=first_row)
    # No cell can hold it: a NUL in a malformed record is written as another character.
    lines.add_choice([_ROW_END], np.zeros(len(table), np.int64), np.arange(len(table)))
    text = lines.lines(0, len(table))
    blanks = b"," * (len(ROW_ERROR_COLUMNS) + (len(SCORE_COLUMNS) if scored else 0))
    return text.replace(_ROW_END, b"\n"), text.replace(_ROW_END, blanks + b",unprocessed\n")


def _symbols(table: Table, layout: Layout, errors: Mapping[int, Sequence[RowError]]) -> dict[int, str]:
    """Returns the company symbols of the well-formed rows among the invalid ones, by index."""
    rows = np.array([row for row in errors if row not in table.malformed], np.int64)
    texts = table.texts(layout.place("company_symbol"), rows)
    return {row: symbol_of(unguarded(text)) for row, text in zip(rows.tolist(), texts, strict=True)}
