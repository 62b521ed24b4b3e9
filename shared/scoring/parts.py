"""The parts that a chunk adds to the result files, put together from columns of texts, without an object for a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.delimited._arrays import Positions
from shared.delimited._number_texts import row_number_cells
from shared.scoring.passthrough import source_row_of
from shared.scoring.result_names import FAULT_COLUMNS, SCORE_COLUMNS
from shared.scoring.results import fault_texts, row_error
from shared.scoring.scores import ScoreCells
from shared.scoring.validation import Fault

ROW_END: Final = b"\0"
"""Of a sound row, in whose text it cannot be, until its files are told apart: one copies its text from the other."""

_SOUND: Final = b"," * (len(FAULT_COLUMNS) + 1) + b"successful\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one chunk adds to each result file: CSV without header line.

    `errors` has a JSON object a line, `summary` a `ChunkSummary` as bytes.
    """

    successful: bytes
    failed: bytes
    all: bytes
    errors: bytes
    summary: bytes


def columns_of(
    carried: list[bytes], scored: ScoreCells | None, sound: Positions, *, first_row: int
) -> list[list[bytes]]:
    """The texts of n rows: what is carried, the row's number with figures, the rest, and `ROW_END` with the last.

    The i-th row that was scored is row `sound[i]`; every other one has no more than a number after what is carried.
    """
    numbers = row_number_cells(first_row, len(carried))
    if scored is None:
        return [carried, numbers.tolist(), [ROW_END] * len(carried)]
    figures = np.zeros(len(carried), scored.figures.dtype)
    figures[sound] = scored.figures
    pieces = (piece.spread(sound, len(carried)) for piece in scored.pieces)
    return [carried, np.strings.add(numbers, figures).tolist(), *pieces]


def parts_of(
    columns: Sequence[Sequence[bytes]],
    faults: Mapping[int, Sequence[Fault]],
    symbols: Mapping[int, str],
    *,
    first_row: int,
    are_scored: bool,
    is_retry: bool,
    summary: bytes,
) -> Parts:
    """The parts of the rows that `columns_of` gives the texts of; those with faults, by index, are the failed ones."""
    carried, numbers, *_ = columns
    texts, width, size = interleaved(columns), len(columns), len(carried)
    blanks = b"," * len(SCORE_COLUMNS) if are_scored else b""
    # Appended to, not joined: rows full of faults are many times longer than their records.
    successful, everything, failed, errors = [], [], bytearray(), bytearray()
    start = 0
    for index in [*sorted(faults), size]:
        if start < index:
            run = b"".join(texts[start * width : index * width])
            successful.append(run.replace(ROW_END, b"\n"))
            everything.append(run.replace(ROW_END, _SOUND))
        start = index + 1
        if index < size:
            found = fault_texts(tuple(faults[index]))
            row = carried[index] + numbers[index]
            failed += b"".join((row, b",", found.cells, b"\n"))
            everything.append(b"".join((row, blanks, b",", found.cells, b",failed\n")))
            source = source_row_of(carried[index]) if is_retry else None
            errors += row_error(first_row + index, symbols.get(index, ""), found, source_row=source) + b"\n"
    return Parts(
        successful=b"".join(successful),
        failed=bytes(failed),
        all=b"".join(everything),
        errors=bytes(errors),
        summary=summary,
    )


def interleaved(columns: Sequence[Sequence[bytes]]) -> list[bytes]:
    """The rows one after another, each the texts of its columns."""
    texts = [b""] * (len(columns) * len(columns[0]))
    for place, column in enumerate(columns):
        texts[place :: len(columns)] = column
    return texts
