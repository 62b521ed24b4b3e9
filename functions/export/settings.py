"""What the export function is told by its environment."""

from shared.settings import Settings


class ExportSettings(Settings):
    """Where jobs and files are."""

    table_name: str
    results_bucket: str
