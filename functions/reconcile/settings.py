"""What the reconcile function is told by its environment."""

from shared.settings import Settings


class ReconcileSettings(Settings):
    """Where everything a job leaves behind is."""

    table_name: str
    uploads_bucket: str
    results_bucket: str
    state_machine_arn: str
    finalize_function_name: str
    retry_function_name: str
