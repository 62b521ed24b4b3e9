"""The HTTP API and its function."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.function import Function, allow
from infra.identity import Identity
from infra.stages import Stage
from infra.storage import LISTINGS, Storage
from infra.workflow import Workflow

# What anyone may read without a token.
PUBLIC_PATHS = ("/api/v1/health", "/api/v1/docs", "/api/v1/openapi.json")


class Api(Construct):
    """API Gateway in front of the api function. The gateway refuses bad tokens first; the function checks again."""

    def __init__(
        self, scope: Construct, *, stage: Stage, storage: Storage, workflow: Workflow, identity: Identity
    ) -> None:
        super().__init__(scope, "Http")
        self.function = Function(
            self,
            "api",
            stage=stage,
            memory_mib=1024,
            timeout=Duration.seconds(29),  # the gateway waits no longer
            environment={
                "TABLE_NAME": storage.table.table_name,
                "UPLOADS_BUCKET": storage.uploads.bucket_name,
                "RESULTS_BUCKET": storage.results.bucket_name,
                "STATE_MACHINE_ARN": workflow.state_machine_arn,
                "FINALIZE_FUNCTION_NAME": workflow.finalize.name,
                "SCORE_FUNCTION_NAME": workflow.score.name,
                "CURSOR_SECRET_ARN": storage.cursor_secret.secret_arn,
                "TOKEN_ISSUER": identity.issuer,
                "TOKEN_AUDIENCE": ",".join(identity.audience),
                "JWKS_URL": identity.jwks_url,
            },
            statements=_statements(storage, workflow),
        )
        integration = integrations.HttpLambdaIntegration("Function", self.function.function)
        self.http_api = apigateway.HttpApi(self, "Gateway", api_name=f"default-risk-jobs-{stage.name}")
        for path in PUBLIC_PATHS:
            self.http_api.add_routes(path=path, methods=[apigateway.HttpMethod.GET], integration=integration)
        self.http_api.add_routes(
            path="/{proxy+}",
            methods=[apigateway.HttpMethod.ANY],
            integration=integration,
            authorizer=authorizers.HttpJwtAuthorizer("Tokens", identity.issuer, jwt_audience=identity.audience),
        )


def _statements(storage: Storage, workflow: Workflow) -> Sequence[iam.PolicyStatement]:
    table, uploads, results = storage.table.table_arn, storage.uploads, storage.results
    work, result_files = results.arn_for_objects("work/*"), results.arn_for_objects("results/*")
    listings = [f"{table}/index/by_{listing}" for listing in LISTINGS if listing != "unsettled"]
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
        # A presigned form carries this role's right to put the one object it names.
        allow("s3:PutObject", on=[uploads.arn_for_objects("api/*")]),
        allow("s3:DeleteObjectVersion", on=[uploads.arn_for_objects("*")]),
        allow("s3:GetObject", "s3:DeleteObject", on=[work, result_files]),
        allow("s3:ListBucket", on=[results.bucket_arn]),
        allow("states:DescribeExecution", "states:StopExecution", on=[workflow.execution_arns]),
        allow("lambda:InvokeFunction", on=[workflow.finalize.arn, workflow.score.arn]),
        allow("secretsmanager:GetSecretValue", on=[storage.cursor_secret.secret_arn]),
    ]
