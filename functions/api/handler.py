"""The api function: settings, adapters and routes put together on the first request."""

import re
from functools import cache
from typing import Any

from shared.startup import lasting_imports

with lasting_imports():
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mangum import Mangum

    from functions.api.app import create_app
    from functions.api.authentication import ClaimNames, TokenVerifier
    from functions.api.cursors import Cursors
    from functions.api.dependencies import Limits, Services
    from functions.api.problems import MEDIA_TYPE
    from functions.api.settings import ApiSettings
    from functions.api.signing_keys import SigningKeys, jwks_fetcher
    from shared.aws import clients
    from shared.aws.failures import translated
    from shared.aws.idempotency_keys import StoredKeys
    from shared.aws.invocations import ExportInvocation, FinalizeInvocation, RetryInvocation, ScoreInvocation
    from shared.aws.jobs_table import JobsTable
    from shared.aws.results_bucket import ResultsBucket
    from shared.aws.state_machine import StateMachine
    from shared.aws.upload_bucket import UploadBucket
    from shared.jobs.downloads import Downloads, ScoredRows
    from shared.jobs.idempotency import Idempotency
    from shared.jobs.job import utc_now
    from shared.jobs.retries import RetryService
    from shared.jobs.service import JobService
    from shared.observability import logger, observed

# Everything we answer with is text; Mangum would otherwise send what it does not know as base64.
_JOB_IN_PATH = re.compile(r"/jobs/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)", re.ASCII)
TEXT_MEDIA_TYPES = ["text/", "application/json", MEDIA_TYPE]


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of the HTTP API (payload version 2.0)."""
    logger.append_keys(**_request_keys(event["requestContext"], str(event.get("rawPath", ""))))
    return _application()(event, context)  # type: ignore[arg-type]


def _request_keys(request: dict[str, Any], path: str) -> dict[str, str | None]:
    """What the lines of a request carry: its id, whose it is as the gateway has it from the token, and which job's."""
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
    """What the routes work with, on AWS. No client is made before it is used."""
    store = JobsTable(client=clients.dynamodb, table=settings.table_name)
    results = ResultsBucket(client=clients.s3, bucket=settings.results_bucket)
    jobs = JobService(
        store=store,
        uploads=UploadBucket(client=clients.s3, bucket=settings.uploads_bucket),
        results=results,
        workflow=StateMachine(client=clients.step_functions, arn=settings.state_machine_arn),
        assembler=FinalizeInvocation(client=clients.lambda_, function_name=settings.finalize_function_name),
        clock=utc_now,
    )
    retries = RetryService(
        store=store,
        preparer=RetryInvocation(client=clients.lambda_, function_name=settings.retry_function_name),
        clock=utc_now,
    )
    verifier = TokenVerifier(
        issuer=settings.token_issuer,
        audiences=settings.token_audience,
        names=ClaimNames(
            organization=settings.organization_claim,
            role=settings.role_claim,
            groups=settings.groups_claim,
            username=settings.username_claim,
        ),
        keys=SigningKeys(fetch=jwks_fetcher(str(settings.jwks_url))),
    )
    keys = StoredKeys(client=clients.dynamodb, table=settings.table_name)
    return Services(
        jobs=jobs,
        scored_rows=ScoredRows(results=results),
        downloads=Downloads(
            store=store,
            results=results,
            exporter=ExportInvocation(client=clients.lambda_, function_name=settings.export_function_name),
            clock=utc_now,
        ),
        retries=retries,
        rows=ScoreInvocation(client=clients.lambda_awaited, function_name=settings.score_function_name),
        idempotency=Idempotency(keys=keys, clock=utc_now),
        verifier=verifier,
        cursors=Cursors(key=_cursor_key(settings.cursor_secret_arn)),
        clock=utc_now,
        limits=Limits(
            multipart_max_bytes=settings.multipart_max_bytes,
            rows_max_bytes=settings.rows_max_bytes,
            csv_max_bytes=settings.csv_max_bytes,
            xlsx_max_bytes=settings.xlsx_max_bytes,
        ),
        root_url=str(settings.api_root_url or "").rstrip("/"),
    )


def _cursor_key(secret_arn: str) -> Any:
    @cache
    def key() -> bytes:
        with translated():
            return clients.secrets().get_secret_value(SecretId=secret_arn)["SecretString"].encode()

    return key
