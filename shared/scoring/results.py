"""The columns of result files, and the text of those that are ours.

All result files are CSV in UTF-8 with commas and LF; lists stand as JSON.

| Outcome | Columns |
|---|---|
| successful | input, `row`, the score |
| failed | input, `row`, the fault |
| unprocessed | input, `row` |
| all | input, `row`, the score, the fault, `outcome` |

When rows are only validated there is no score, in any file.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from shared.delimited.cells import csv_cell
from shared.inputs.columns import normalised_name
from shared.inputs.header import Layout
from shared.scoring.result_names import FAULT_COLUMNS, OURS, OUTCOME, ROW, SCORE_COLUMNS, free_name
from shared.scoring.validation import Fault
from shared.scoring.values import guarded
from shared.vocabulary import Outcome

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def carried_names(layout: Layout) -> tuple[str, ...]:
    """The input columns' names in result files: as written, but `input_<name>` for one named like one of ours.

    The prefix is repeated until the name is free, so that a result file can be uploaded again, and its results too.
    """
    taken = {*layout.normalised, *OURS}
    names = []
    for written, normalised in zip(layout.names, layout.normalised, strict=True):
        name = written
        if normalised in OURS:
            name = free_name(name, taken)
            taken.add(normalised_name(name))
        names.append(name)
    return tuple(names)


def result_columns(layout: Layout, outcome: Outcome, *, scored: bool = True) -> tuple[str, ...]:
    """The columns of a result file, in order; `scored` is false where rows were only validated."""
    score = SCORE_COLUMNS if scored else ()
    added: dict[Outcome, tuple[str, ...]] = {
        Outcome.SUCCESSFUL: score,
        Outcome.FAILED: FAULT_COLUMNS,
        Outcome.UNPROCESSED: (),
        Outcome.ALL: (*score, *FAULT_COLUMNS, OUTCOME),
    }
    return (*carried_names(layout), ROW, *added[outcome])


def header_line(layout: Layout, outcome: Outcome, *, scored: bool = True) -> bytes:
    """The first line of a result file, its line end included."""
    return csv_line(result_columns(layout, outcome, scored=scored))


def csv_line(cells: Iterable[str]) -> bytes:
    """Text cells as a line of CSV, guarded against running as formulas."""
    return ",".join(csv_cell(guarded(cell)) for cell in cells).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class FaultTexts:
    """The faults of a row as result files show them.

    `cells` are the columns `code`, `column`, `error`, `errors`, joined by commas; `members` the members of a JSON
    object for its first fault, and all of them in `errors`.
    """

    cells: bytes
    members: bytes


# Rows that are wrong are often wrong alike: a column of the wrong kind, the empty rows that a spreadsheet leaves.
@lru_cache(maxsize=1024)
def fault_texts(faults: tuple[Fault, ...]) -> FaultTexts:
    """The texts of a row's faults, of which there is at least one."""
    first = faults[0]
    listed = [fault.as_json() for fault in faults]
    cells = (first.code, first.column or "", first.error, compact_json(listed))
    return FaultTexts(
        cells=",".join(map(csv_cell, cells)).encode(),
        members=compact_json({**listed[0], "errors": listed})[1:-1].encode(),
    )


def row_error(row: int, symbol: str, texts: FaultTexts, *, source_row: int | None = None) -> bytes:
    """A failed row as a JSON object: the row error of the contract, with all its faults in `errors`.

    `source_row` is that of a retry's row, where it has one.
    """
    source = b"" if source_row is None else b'"source_row":%d,' % source_row
    return b'{"row":%d,%b"company_symbol":%b,%b}' % (row, source, compact_json(symbol).encode(), texts.members)


def compact_json(value: object) -> str:
    """JSON on one line, in Unicode."""
    return _ENCODER.encode(value)


def probability_text(probability: float) -> str:
    """A probability rounded to six significant digits, never in exponent form."""
    text = f"{probability:.6g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{probability:.{len(mantissa.replace('.', '')) - 1 - int(exponent)}f}"
    return text


def rounded_probability(probability: float) -> float:
    """A probability as results show it, as a number."""
    return float(probability_text(probability))
