"""Entry point of the api function: hands requests of the HTTP API to FastAPI."""

# ruff: noqa: E402 - the garbage collector is off while the other modules load
import gc

# What is imported lives as long as the process: looking through it for garbage took an eighth of a cold start.
gc.disable()

import re
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from mangum import Mangum

from functions.api.app import create_app
from functions.api.composition import ApiSettings, services
from functions.api.problems import MEDIA_TYPE
from shared.observability import logger, observed

gc.freeze()
gc.enable()

# Mangum encodes all other media types as base64.
TEXT_MEDIA_TYPES = ["text/", "application/json", MEDIA_TYPE]
_JOB_IN_PATH = re.compile(r"/jobs/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)", re.ASCII)


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Returns the response to one request of the HTTP API (payload version 2.0)."""
    logger.append_keys(**_log_keys(event["requestContext"], str(event.get("rawPath", ""))))
    return _application()(event, context)  # type: ignore[arg-type]


def _log_keys(request: dict[str, Any], path: str) -> dict[str, str | None]:
    """Keys of every log line of a request: its id, the organization in the gateway's claims, the job in the path."""
    claims = request.get("authorizer", {}).get("jwt", {}).get("claims", {})
    job = _JOB_IN_PATH.search(path)
    return {
        "request_id": request.get("requestId"),
        "organization_id": claims.get("organization_id"),
        **({"job_id": job[1], "execution_id": job[1]} if job else {}),
    }


@cache
def _application() -> Mangum:
    app = create_app(services(ApiSettings.from_environment()))
    return Mangum(app, lifespan="off", text_mime_types=TEXT_MEDIA_TYPES)
