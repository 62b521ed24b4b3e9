"""Input files of the benchmarks: annual statements of fictitious companies, twenty columns, 2% invalid rows.

Eight columns are not in the schema and are passed through, as in the export of a bank's own system; `analyst_note` has
commas, quotes and line breaks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.local.panel import STATEMENT_COLUMNS, Row, as_csv, statement_rows

SEED: Final = 20_260_301
INVALID_SHARE: Final = 0.02
EXTRA_COLUMNS: Final = (
    "country",
    "currency",
    "fiscal_year_end",
    "employees",
    "relationship_manager",
    "portfolio",
    "exposure_musd",
    "analyst_note",
)
COLUMNS: Final = (*STATEMENT_COLUMNS, *EXTRA_COLUMNS)
_NOTES: Final = (
    "",
    "Reviewed in March",
    "Covenant waived, see file",
    'Management speaks of "headwinds", margins fell',
    "Two plants closed,\nrefinancing is under way",
)
_ROWS_AT_ONCE: Final = 5_000


def company_rows(count: int) -> list[Row]:
    """Returns `count` rows with all twenty columns, always the same ones."""
    rows = statement_rows(count, seed=SEED, invalid=round(count * INVALID_SHARE))
    return [{**row, **_extra(number)} for number, row in enumerate(rows)]


def company_csv(rows: Sequence[Row]) -> bytes:
    """Returns the rows as a CSV file."""
    return as_csv(rows, COLUMNS)


def write_large_csv(path: Path, *, at_least_bytes: int) -> int:
    """Writes a CSV file of about this size without holding it in memory, and returns its size in bytes."""
    header, _, records = company_csv(company_rows(_ROWS_AT_ONCE)).partition(b"\n")
    with path.open("wb") as file:
        size = file.write(header + b"\n")
        while size < at_least_bytes:
            size += file.write(records)
    return size


def _extra(number: int) -> Row:
    return {
        "country": ("US", "CA", "MX")[number % 3],
        "currency": "USD",
        "fiscal_year_end": f"20{15 + number % 10}-12-31",
        "employees": str(50 + number * 7919 % 90_000),
        "relationship_manager": f"Manager {number % 40}",
        "portfolio": ("Corporate", "Mid-market", "Structured")[number % 3],
        "exposure_musd": f"{number * 104_729 % 250_000 / 1000:.3f}",
        "analyst_note": _NOTES[number % len(_NOTES)],
    }
