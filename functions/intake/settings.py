"""What the intake function is told by its environment."""

from shared.settings import Settings


class IntakeSettings(Settings):
    """Where jobs, files and executions are."""

    table_name: str
    uploads_bucket: str
    state_machine_arn: str
