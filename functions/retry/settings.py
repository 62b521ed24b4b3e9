"""What the retry function is told by its environment."""

from shared.settings import Settings


class RetrySettings(Settings):
    """Where jobs and files are."""

    table_name: str
    uploads_bucket: str
    results_bucket: str
