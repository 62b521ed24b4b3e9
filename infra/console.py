"""The web console and the API reference page: static files that the console function serves."""

from collections.abc import Sequence

from aws_cdk import Duration, Fn
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.api import Api
from infra.findings import acknowledge
from infra.function import Function
from infra.identity import Identity
from infra.source import console_code
from infra.stages import Stage
from infra.storage import Storage

# Public: the files contain no data. The console reads data from the API with the user's token.
PATHS = ("/console", "/console/{proxy+}", "/api/v1/docs")


class Console(Construct):
    """The console function and its routes, on the same origin as the API."""

    def __init__(self, scope: Construct, *, stage: Stage, storage: Storage, identity: Identity, api: Api) -> None:
        super().__init__(scope, "Pages")
        self.function = Function(
            self,
            "console",
            stage=stage,
            dependencies=None,
            code=console_code(),
            memory_mib=512,
            timeout=Duration.seconds(10),
            environment={
                "TOKEN_ISSUER": identity.issuer,
                "CONNECT_ORIGINS": " ".join(
                    dict.fromkeys([*_storage_origins(stage, storage), *identity.sign_in_origins])
                ),
                "MULTIPART_MAX_BYTES": str(stage.limits.multipart_max_bytes),
                **({"CONSOLE_CLIENT_ID": identity.console_client_id} if identity.console_client_id else {}),
                **({"SIGN_IN_URL": identity.sign_in_url} if identity.sign_in_url else {}),
            },
            statements=[],
        )
        integration = integrations.HttpLambdaIntegration("Console", self.function.function)
        methods = [getattr(apigateway.HttpMethod, method) for method in ("GET", "HEAD")]
        for path in PATHS:
            for route in api.http_api.add_routes(path=path, methods=methods, integration=integration):
                acknowledge(route, "APIG4", "Pages and scripts are public and contain no data of a tenant.")
        # The console posts large files to one bucket and reads failed rows from the other, both by presigned URL.
        for bucket, method in ((storage.uploads, s3.HttpMethods.POST), (storage.results, s3.HttpMethods.GET)):
            bucket.add_cors_rule(allowed_origins=[api.origin], allowed_methods=[method], allowed_headers=["*"])


def _storage_origins(stage: Stage, storage: Storage) -> Sequence[str]:
    """Returns the origins of presigned URLs. In older regions S3 also uses a host name without the region."""
    if stage.endpoint_url:
        return [stage.endpoint_url]
    return [
        Fn.join("", ["https://", name])
        for bucket in (storage.uploads, storage.results)
        for name in (bucket.bucket_regional_domain_name, bucket.bucket_domain_name)
    ]
