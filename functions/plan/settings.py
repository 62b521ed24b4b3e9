"""What the plan function is told by its environment."""

from pydantic import Field

from shared.settings import Settings

_MIB = 1024 * 1024


class PlanSettings(Settings):
    """Where jobs and files are, and how many bytes a file may have."""

    table_name: str
    uploads_bucket: str
    results_bucket: str
    csv_max_bytes: int = Field(default=2048 * _MIB, gt=0)
    xlsx_max_bytes: int = Field(default=100 * _MIB, gt=0)
