"""The HTTP API (API Gateway) and the api function."""

import json
from collections.abc import Sequence

import jsii
from aws_cdk import Duration, Fn
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_iam as iam
from aws_cdk.aws_apigateway import AccessLogFormat
from constructs import Construct

from infra.async_functions import Exports, Retries
from infra.findings import acknowledge
from infra.function import Function, LogGroup, allow
from infra.identity import Identity
from infra.stages import Stage
from infra.storage import LISTINGS, Storage
from infra.workflow import Workflow

# Served without a token.
PUBLIC_PATHS = ("/api/v1/health", "/api/v1/openapi.json")


class Api(Construct):
    """API Gateway with the api function behind it. Both verify the JWT: the gateway first, then the function."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        storage: Storage,
        workflow: Workflow,
        exports: Exports,
        retries: Retries,
        identity: Identity,
    ) -> None:
        super().__init__(scope, "Http")
        domain = self._domain_name(stage)
        self.domain_target = domain.regional_domain_name if domain else None
        self.http_api = apigateway.HttpApi(
            self,
            "Gateway",
            api_name=stage.stack_name,
            create_default_stage=False,
            cors_preflight=_cors(stage),
            # It would bypass what is in front of the domain, and its console could sign in no user.
            disable_execute_api_endpoint=stage.domain is not None,
        )
        self.origin = self._origin(stage)
        self.url = self._url(stage)
        self.console_url = Fn.join("", [self.url, "/console"])
        identity.add_console_client(self.console_url)
        self._stage(stage, domain)
        self.function = Function(
            self,
            "api",
            stage=stage,
            dependencies="api",
            memory_mib=1024,
            timeout=Duration.seconds(29),  # the integration timeout of API Gateway is 30 seconds
            environment={
                "TABLE_NAME": storage.table.table_name,
                "UPLOADS_BUCKET": storage.uploads.bucket_name,
                "RESULTS_BUCKET": storage.results.bucket_name,
                "STATE_MACHINE_ARN": workflow.state_machine_arn,
                "FINALIZE_FUNCTION_NAME": workflow.finalize.name,
                "SCORE_FUNCTION_NAME": workflow.score.name,
                "EXPORT_FUNCTION_NAME": exports.function.name,
                "RETRY_FUNCTION_NAME": retries.function.name,
                "CURSOR_SECRET_ARN": storage.cursor_secret_arn,
                "TOKEN_ISSUER": identity.issuer,
                "TOKEN_AUDIENCE": ",".join(identity.audience),
                "JWKS_URL": identity.jwks_url,
                "MULTIPART_MAX_BYTES": str(stage.limits.multipart_max_bytes),
                "ROWS_MAX_BYTES": str(stage.limits.rows_max_bytes),
                "CSV_MAX_BYTES": str(stage.limits.csv_max_bytes),
                "XLSX_MAX_BYTES": str(stage.limits.xlsx_max_bytes),
                **({"API_ROOT_URL": f"https://{stage.domain.name}"} if stage.domain else {}),
            },
            statements=_statements(storage, workflow, exports, retries),
        )
        integration = integrations.HttpLambdaIntegration("Function", self.function.function)
        for path in PUBLIC_PATHS:
            (route,) = self.http_api.add_routes(path=path, methods=[apigateway.HttpMethod.GET], integration=integration)
            acknowledge(route, "APIG4", "Health and the OpenAPI document are public and contain no data of a tenant.")
        self.http_api.add_routes(
            path="/{proxy+}",
            methods=_METHODS_EXCEPT_OPTIONS if stage.cors_origins else [apigateway.HttpMethod.ANY],
            integration=integration,
            authorizer=authorizers.HttpJwtAuthorizer("Tokens", identity.issuer, jwt_audience=identity.audience),
        )

    def _url(self, stage: Stage) -> str:
        """Returns the base URL of the API, without a slash at the end."""
        if stage.endpoint_url:
            return Fn.join("", [self.origin, "/_aws/execute-api/", self.http_api.api_id, "/$default"])
        return self.origin

    def _origin(self, stage: Stage) -> str:
        """Returns the origin (scheme, host, port) of the API and the console."""
        if stage.domain:
            return f"https://{stage.domain.name}"
        if stage.endpoint_url:
            # A host other than S3's, so that clients drop the Authorization header when a download redirects.
            return stage.endpoint_url.replace("127.0.0.1", "localhost")
        return self.http_api.api_endpoint

    def _domain_name(self, stage: Stage) -> apigateway.DomainName | None:
        if stage.domain is None:
            return None
        return apigateway.DomainName(
            self,
            "Domain",
            domain_name=stage.domain.name,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", stage.domain.certificate_arn),
        )

    def _stage(self, stage: Stage, domain: apigateway.DomainName | None) -> None:
        """Creates the stage of the API, with access logs that contain no token or path, nor, by default, an address."""
        settings = None
        if not stage.is_local:
            logs = LogGroup(self, "AccessLogs", stage=stage, delivered_by="apis")
            settings = _AccessLog(apigateway.LogGroupLogDestination(logs), names_callers=stage.log_callers)
        apigateway.HttpStage(
            self,
            "DefaultStage",
            http_api=self.http_api,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=settings,
            throttle=apigateway.ThrottleSettings(rate_limit=stage.requests_per_second, burst_limit=stage.request_burst),
            domain_mapping=apigateway.DomainMappingOptions(domain_name=domain) if domain else None,
        )


# What an investigation of stolen passwords needs, and personal data.
_CALLER = {"address": "$context.identity.sourceIp", "user_agent": "$context.identity.userAgent"}


@jsii.implements(apigateway.IAccessLogSettings)
class _AccessLog:
    """Access log settings: the request id (the same as in responses and function logs), route, status and latency."""

    def __init__(self, destination: apigateway.IAccessLogDestination, *, names_callers: bool) -> None:
        self._destination = destination
        self._names_callers = names_callers

    @property
    def destination(self) -> apigateway.IAccessLogDestination:
        return self._destination

    @property
    def format(self) -> AccessLogFormat:
        fields = {
            "request_id": "$context.requestId",
            "route": "$context.routeKey",
            "status": "$context.status",
            "latency_ms": "$context.responseLatency",
            "authorizer_error": "$context.authorizer.error",
            "integration_error": "$context.integrationErrorMessage",
            **(_CALLER if self._names_callers else {}),
        }
        return AccessLogFormat.custom(json.dumps(fields))


# With a route for OPTIONS, API Gateway would require a token for CORS preflight requests instead of answering them.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
_METHODS_EXCEPT_OPTIONS = [
    getattr(apigateway.HttpMethod, method) for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
]


def _cors(stage: Stage) -> apigateway.CorsPreflightOptions | None:
    if not stage.cors_origins:
        return None
    return apigateway.CorsPreflightOptions(
        allow_origins=list(stage.cors_origins),
        allow_methods=[getattr(apigateway.CorsHttpMethod, method) for method in ("GET", "HEAD", "POST", "DELETE")],
        allow_headers=["authorization", "content-type", "idempotency-key", "if-none-match"],
        expose_headers=["etag", "idempotency-replayed", "location", "retry-after", "x-request-id"],
        max_age=Duration.hours(1),
    )


def _statements(
    storage: Storage, workflow: Workflow, exports: Exports, retries: Retries
) -> Sequence[iam.PolicyStatement]:
    table, uploads, results = storage.table.table_arn, storage.uploads, storage.results
    work, result_files, exported = (results.arn_for_objects(prefix) for prefix in ("work/*", "results/*", "exports/*"))
    listings = [f"{table}/index/by_{listing}" for listing in LISTINGS]
    return [
        allow(
            "dynamodb:Query",
            "dynamodb:BatchGetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            on=[table],
        ),
        allow("dynamodb:Query", on=listings),
        # Presigned forms are signed with this role, so they need its permission.
        allow("s3:PutObject", on=[uploads.arn_for_objects("api/*")]),
        allow("s3:DeleteObjectVersion", on=[uploads.arn_for_objects("*")]),
        allow("s3:GetObject", on=[result_files, exported]),
        allow("s3:DeleteObject", on=[work, result_files, exported]),
        allow("s3:ListBucket", on=[results.bucket_arn], key_prefixes=["work/*", "results/*", "exports/*"]),
        allow("states:DescribeExecution", "states:StopExecution", on=[workflow.execution_arns]),
        allow(
            "lambda:InvokeFunction",
            on=[workflow.finalize.arn, workflow.score.arn, exports.function.arn, retries.function.arn],
        ),
        allow("secretsmanager:GetSecretValue", on=[storage.cursor_secret_arn]),
    ]
