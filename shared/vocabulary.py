"""The words that the domain, the engine and the API share. Standard library only."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

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


DecimalSign = Literal[".", ","]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalConvention:
    """How the figures of one file are read: decided once, and the same for its chunks, retries and corrections.

    `sign` is the decimal sign; the other one of point and comma groups thousands. A figure that could be read with
    either sign, such as `672,478`, is refused where its separator is in `ambiguous`. With `has_typed_cells` a figure
    is a number of a workbook or of JSON, and so neither evidence nor ambiguous, unless it has a comma or begins with
    `'`, the mark of a number stored as text.
    """

    sign: DecimalSign = "."
    ambiguous: str = ""
    has_typed_cells: bool = False


DECIMAL_POINT: Final = DecimalConvention()
"""The convention of a file without evidence of another one."""
