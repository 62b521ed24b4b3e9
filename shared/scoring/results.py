"""The columns of result files, and row errors as they show them. Standard library only.

All result files are CSV in UTF-8 with commas and LF; lists are JSON.

| Outcome | Columns |
|---|---|
| successful | input, `row`, the score |
| failed | input, `row`, the row errors |
| unprocessed | input, `row` |
| all | input, `row`, the score, the row errors, `outcome` |

When rows are only validated there is no score, in any file.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from shared.delimited.cells import quoted
from shared.inputs.columns import normalized_name
from shared.inputs.header import Layout
from shared.scoring.values import guarded
from shared.vocabulary import Outcome

ROW: Final = "row"
DEFAULT_PROBABILITY: Final = "default_probability"
SCORE_COLUMNS: Final = (
    DEFAULT_PROBABILITY,
    "risk_level",
    "risk_grade",
    "top_factors",
    "missing_ratios",
    "out_of_range",
    "model_version",
    "model_basis",
)
ROW_ERROR_COLUMNS: Final = ("code", "column", "error", "errors")
OUTCOME: Final = "outcome"
OURS: Final = frozenset({ROW, *SCORE_COLUMNS, *ROW_ERROR_COLUMNS, OUTCOME})

SOURCE_ROW: Final = "source_row"
"""The last input column of a retry's file: the number of the row in the file that was first uploaded."""

LONGEST_VALUE: Final = 200
"""Characters of an invalid cell that are shown; of a longer one the beginning, and an ellipsis."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def free_name(name: str, taken: Collection[str]) -> str:
    """Returns `input_<name>` for a column of the input with a name of ours, the prefix repeated until it is free."""
    while normalized_name(name) in taken:
        name = f"input_{name}"
    return name


def input_names(layout: Layout) -> tuple[str, ...]:
    """Returns the input columns' names in result files: as written, but `input_<name>` for one named like one of ours.

    The prefix is repeated until the name is free, so that a result file can be uploaded again, and its results too.
    """
    taken = {*layout.normalized, *OURS}
    names = []
    for written, normalized in zip(layout.names, layout.normalized, strict=True):
        name = written
        if normalized in OURS:
            name = free_name(name, taken)
            taken.add(normalized_name(name))
        names.append(name)
    return tuple(names)


def result_columns(layout: Layout, outcome: Outcome, *, scored: bool = True) -> tuple[str, ...]:
    """Returns the columns of a result file, in order; `scored` is false where rows were only validated."""
    score = SCORE_COLUMNS if scored else ()
    added: dict[Outcome, tuple[str, ...]] = {
        Outcome.SUCCESSFUL: score,
        Outcome.FAILED: ROW_ERROR_COLUMNS,
        Outcome.UNPROCESSED: (),
        Outcome.ALL: (*score, *ROW_ERROR_COLUMNS, OUTCOME),
    }
    return (*input_names(layout), ROW, *added[outcome])


def header_line(layout: Layout, outcome: Outcome, *, scored: bool = True) -> bytes:
    """Returns the first line of a result file, its line end included."""
    return csv_line(result_columns(layout, outcome, scored=scored))


def csv_line(cells: Iterable[str]) -> bytes:
    """Returns text cells as a line of CSV, guarded against running as formulas."""
    return b",".join([quoted(guarded(cell).encode()) for cell in cells]) + b"\n"


def compact_json(value: object) -> str:
    """Returns JSON on one line, in Unicode."""
    return _ENCODER.encode(value)


class RowError(NamedTuple):
    """One reason why a row is not scored. `column` and `value` are None where it is not about one cell."""

    column: str | None
    code: str
    error: str
    value: str | None

    def as_json(self) -> dict[str, str | None]:
        """Returns the error as a member of `errors`."""
        return {"column": self.column, "code": self.code, "error": self.error, "value": self.value}


@dataclass(frozen=True, slots=True)
class RowErrorTexts:
    """The errors of a row as result files show them.

    `cells` are the columns `code`, `column`, `error`, `errors`, joined by commas; `members` the members of a JSON
    object for its first error, and all of them in `errors`.
    """

    cells: bytes
    members: bytes


def shown(value: str) -> str:
    """Returns an invalid cell as errors show it."""
    return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"


# Invalid rows are often alike: a column of the wrong kind, the empty rows that a spreadsheet leaves.
@lru_cache(maxsize=1024)
def row_error_texts(errors: tuple[RowError, ...]) -> RowErrorTexts:
    """Returns the texts of a row's errors, of which there is at least one."""
    first = errors[0]
    listed = [error.as_json() for error in errors]
    cells = (first.code, first.column or "", first.error, compact_json(listed))
    return RowErrorTexts(
        cells=b",".join([quoted(cell.encode()) for cell in cells]),
        members=compact_json({**listed[0], "errors": listed})[1:-1].encode(),
    )


def row_error_line(row: int, symbol: str, texts: RowErrorTexts, *, source_row: int | None = None) -> bytes:
    """Returns a failed row as a line of JSON with all its errors in `errors`.

    `source_row` is that of a retry's row, where it has one.
    """
    source = b"" if source_row is None else b'"source_row":%d,' % source_row
    return b'{"row":%d,%b"company_symbol":%b,%b}\n' % (row, source, compact_json(symbol).encode(), texts.members)
