"""Entry point of the api function: hands requests of the HTTP API to FastAPI, with the services on AWS."""

# ruff: noqa: E402 - the garbage collector is off while the other modules load
import gc

# Imported modules live as long as the process; garbage collection during imports took an eighth of a cold start.
gc.disable()

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Annotated, Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from itsdangerous import URLSafeSerializer
from mangum import Mangum
from pydantic import BeforeValidator, Field, HttpUrl

from functions.api.app import create_app
from functions.api.auth import ClaimNames, IssuerKeys, TokenVerifier
from functions.api.dependencies import Limits, Services
from functions.api.pagination import cursor_serializer
from functions.api.problems import MEDIA_TYPE
from shared.aws import clients
from shared.aws.failures import translated
from shared.aws.idempotency_keys import StoredKeys
from shared.aws.invocations import request_assembly, request_export, request_retry_file, score_rows
from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.aws.state_machine import StateMachine
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.downloads import Downloads
from shared.jobs.idempotency import Idempotency
from shared.jobs.job import utc_now
from shared.jobs.retries import RetryService
from shared.jobs.service import JobService
from shared.observability import logger, observed
from shared.settings import NonEmpty, Settings
from shared.workbook.limits import MAX_ROWS

gc.freeze()
gc.enable()

# Mangum encodes all other media types as base64.
TEXT_MEDIA_TYPES = ["text/", "application/json", MEDIA_TYPE]
_JOB_IN_PATH = re.compile(r"/jobs/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)", re.ASCII)
_MIB = 1024 * 1024


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaSeparated = Annotated[frozenset[str], BeforeValidator(_split), Field(min_length=1)]
ByteCount = Annotated[int, Field(gt=0)]


class ApiSettings(Settings):
    """Environment of the api function."""

    table_name: NonEmpty
    uploads_bucket: NonEmpty
    results_bucket: NonEmpty
    state_machine_arn: NonEmpty
    finalize_function_name: NonEmpty
    score_function_name: NonEmpty
    export_function_name: NonEmpty
    retry_function_name: NonEmpty
    cursor_secret_arn: NonEmpty

    token_issuer: NonEmpty
    token_audience: CommaSeparated
    jwks_url: HttpUrl
    organization_claim: NonEmpty = "organization_id"
    role_claim: NonEmpty = "role"
    groups_claim: NonEmpty = "cognito:groups"
    username_claim: NonEmpty = "username"

    # Base64 makes a body a third larger, and Lambda accepts events of 6 MB.
    multipart_max_bytes: ByteCount = 4 * _MIB
    rows_max_bytes: ByteCount = _MIB
    csv_max_bytes: ByteCount = 2 * 1024 * _MIB
    xlsx_max_bytes: ByteCount = 100 * _MIB

    # Base URL of the API for callers, when its paths do not begin at the root of the host.
    api_root_url: HttpUrl | None = None
    powertools_service_name: NonEmpty = "api"
    log_level: NonEmpty = "INFO"


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


def services(settings: ApiSettings) -> Services:
    """Returns the services on AWS. A client is created on its first use."""
    store = JobsTable(settings.table_name)
    results = ResultsBucket(settings.results_bucket)
    return Services(
        jobs=JobService(
            store=store,
            uploads=UploadBucket(settings.uploads_bucket),
            results=results,
            workflow=StateMachine(settings.state_machine_arn),
            request_assembly=partial(request_assembly, settings.finalize_function_name),
        ),
        downloads=Downloads(
            store=store,
            results=results,
            request_export=partial(request_export, settings.export_function_name),
            xlsx_max_rows=MAX_ROWS - 1,  # the header takes one
        ),
        retries=RetryService(
            store=store,
            request_retry_file=partial(request_retry_file, settings.retry_function_name),
        ),
        score_rows=partial(score_rows, settings.score_function_name),
        idempotency=Idempotency(keys=StoredKeys(settings.table_name)),
        verifier=_verifier(settings),
        cursor_serializer=_cursor_serializer(settings.cursor_secret_arn),
        clock=utc_now,
        limits=Limits(
            multipart_max_bytes=settings.multipart_max_bytes,
            rows_max_bytes=settings.rows_max_bytes,
            csv_max_bytes=settings.csv_max_bytes,
            xlsx_max_bytes=settings.xlsx_max_bytes,
        ),
        root_url=str(settings.api_root_url or "").rstrip("/"),
    )


def _verifier(settings: ApiSettings) -> TokenVerifier:
    return TokenVerifier(
        issuer=settings.token_issuer,
        audiences=settings.token_audience,
        names=ClaimNames(
            organization=settings.organization_claim,
            role=settings.role_claim,
            groups=settings.groups_claim,
            username=settings.username_claim,
        ),
        keys=IssuerKeys(str(settings.jwks_url)),
    )


def _cursor_serializer(secret_arn: str) -> Callable[[], URLSafeSerializer]:
    @cache
    def serializer() -> URLSafeSerializer:
        with translated():
            key = clients.secrets().get_secret_value(SecretId=secret_arn)["SecretString"]
        return cursor_serializer(key.encode())

    return serializer
