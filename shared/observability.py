"""Logs and metrics of functions: JSON lines on standard output.

Importing this module configures logging, so only functions import it. Standard loggers (`logging.getLogger(__name__)`)
write in the same format, with `extra` as keys of the line.
"""

import logging
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

# At DEBUG these log headers and bodies, and so tokens and rows; at INFO, noise.
_NEVER_BELOW_WARNING = ("boto3", "botocore", "s3transfer", "urllib3", "python_multipart", "asyncio")

logger = Logger(use_rfc3339=True)
# Each stage has its own namespace; one account may have several stages.
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "default-risk-jobs"))

Handler = TypeVar("Handler", bound=Callable[..., Any])


def observed(handler: Handler) -> Handler:
    """Returns a handler whose log lines have the id of its invocation, and whose metrics are always flushed."""

    @wraps(handler)
    def invocation(event: Any, context: Any) -> Any:
        try:
            return handler(event, context)
        finally:
            # Powertools warns if there are no metrics.
            if metrics.provider.metric_set:
                metrics.flush_metrics()

    return cast("Handler", logger.inject_lambda_context(invocation, clear_state=True, log_event=False))


def about_job(job_id: str, organization_id: str | None, **more: object) -> None:
    """Adds the job to all further log lines and to the metrics. Its execution is named after it."""
    keys = {"job_id": job_id, "execution_id": job_id, "organization_id": organization_id, **more}
    logger.append_keys(**keys)
    for key, value in keys.items():
        metrics.add_metadata(key, value)


def count(name: str, value: float = 1) -> None:
    """Adds to a counter metric."""
    metrics.add_metric(name, unit=MetricUnit.Count, value=value)


def _unify_logging() -> None:
    """Replaces the handler that Lambda installs on the root logger by that of `logger`."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler).__name__ == "LambdaLoggerHandler":
            root.removeHandler(handler)
    root.addHandler(logger.registered_handler)
    # The logger of Powertools has that handler too; propagation would write its records twice.
    logging.getLogger(logger.name).propagate = False
    root.setLevel(logger.log_level)
    for name in _NEVER_BELOW_WARNING:
        logging.getLogger(name).setLevel(max(logging.WARNING, logger.log_level))


_unify_logging()
