"""The words that the domain, the engine and the API share. Standard library only, and it imports nothing of ours."""

from enum import StrEnum


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
