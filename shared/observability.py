"""Logs and metrics of every function: JSON lines on standard output.

Importing this module is what turns logging on, so only handlers do. The standard loggers of the code below them
(`logging.getLogger(__name__)`) come out in the same form; what they pass as `extra` become keys of the line.
"""

import logging
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

# At DEBUG these write headers and bodies, and so tokens and rows, into the log; at INFO, noise.
_NEVER_BELOW_WARNING = ("boto3", "botocore", "s3transfer", "urllib3", "python_multipart", "asyncio")

logger = Logger(use_rfc3339=True)
# A namespace of its own for every stage; one account may have several.
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "default-risk-jobs"))

Handler = TypeVar("Handler", bound=Callable[..., Any])


def observed(handler: Handler) -> Handler:
    """A handler whose lines carry its invocation's id and no key of the one before, and whose metrics always go out."""

    @wraps(handler)
    def invocation(event: Any, context: Any) -> Any:
        try:
            return handler(event, context)
        finally:
            # Powertools warns of nothing to publish.
            if metrics.provider.metric_set:
                metrics.flush_metrics()

    return cast("Handler", logger.inject_lambda_context(invocation, clear_state=True, log_event=False))


def about_job(job_id: str, organization_id: str | None, **more: object) -> None:
    """Say in every further line, and with the metrics, which job they are of. Its execution has its id for a name."""
    keys = {"job_id": job_id, "execution_id": job_id, "organization_id": organization_id, **more}
    logger.append_keys(**keys)
    for key, value in keys.items():
        metrics.add_metadata(key, value)


def count(name: str, value: float = 1) -> None:
    """Add to a metric that counts."""
    metrics.add_metric(name, unit=MetricUnit.Count, value=value)


def _unify_logging() -> None:
    """Give the root logger the handler of `logger`, in the place of the one that Lambda installs."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler).__name__ == "LambdaLoggerHandler":
            root.removeHandler(handler)
    root.addHandler(logger.registered_handler)
    # Powertools' own logger has that handler too; it must not hand its records on to it a second time.
    logging.getLogger(logger.name).propagate = False
    root.setLevel(logger.log_level)
    for name in _NEVER_BELOW_WARNING:
        logging.getLogger(name).setLevel(max(logging.WARNING, logger.log_level))


_unify_logging()
