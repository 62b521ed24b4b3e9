"""Row errors, and their text in result files. Standard library only."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from shared.delimited.cells import quoted
from shared.scoring.results import compact_json

LONGEST_VALUE: Final = 200
"""Characters of an invalid cell that are shown; of a longer one the beginning, and an ellipsis."""


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
