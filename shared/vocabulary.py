"""The words that the domain, the engine and the API share. Standard library only."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.api_types import JobNote


class JobType(StrEnum):
    """The reporting period of the rows, which decides columns and model."""

    ANNUAL = "annual"
    QUARTERLY = "quarterly"


class Outcome(StrEnum):
    """The rows that a result file holds, by what became of them."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    UNPROCESSED = "unprocessed"
    ALL = "all"


class FileFormat(StrEnum):
    """The format of a file. Uploads are CSV or XLSX. Result files are CSV; the other formats are exports."""

    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"


MAX_NOTE_ROWS: Final = 10
"""A note names at most this many rows, the first ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """An assumption about a file, shown to the person who uploaded it.

    `code` names its kind, for example `decimal_comma`. `rows` are the first data rows it concerns, 1-based; empty for
    a note about the whole file.
    """

    code: str
    message: str
    rows: tuple[int, ...] = ()

    def as_json(self) -> JobNote:
        """Returns the note as responses and files show it: without `rows` if it is about the whole file."""
        shown: JobNote = {"code": self.code, "message": self.message}
        if self.rows:
            shown["rows"] = list(self.rows)
        return shown
