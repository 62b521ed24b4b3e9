"""Logs and metrics of every function: JSON lines on standard output.

Importing this module is what turns logging on, so only handlers do. The standard loggers of the code below them
(`logging.getLogger(__name__)`) come out in the same form; what they pass as `extra` become keys of the line.
"""

import logging

from aws_lambda_powertools import Logger, Metrics

METRICS_NAMESPACE = "DefaultRiskJobs"

# At DEBUG these write headers and bodies, and so tokens and rows, into the log; at INFO, noise.
_NEVER_BELOW_WARNING = ("boto3", "botocore", "s3transfer", "urllib3", "python_multipart", "asyncio")

logger = Logger(use_rfc3339=True)
metrics = Metrics(namespace=METRICS_NAMESPACE)


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
