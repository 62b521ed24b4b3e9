"""What the score function is told by its environment."""

from shared.settings import Settings


class ScoreSettings(Settings):
    """Where jobs and files are, and how a job is ended early."""

    table_name: str
    uploads_bucket: str
    results_bucket: str
    state_machine_arn: str
    finalize_function_name: str
