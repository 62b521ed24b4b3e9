"""Lambda functions, each with its own role, exact statements and log group. Also log groups for other services."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Duration, Fn, RemovalPolicy, Size, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.encryption import customer_key, key_statements
from infra.findings import acknowledge, acknowledge_serverless, acknowledge_wildcards
from infra.source import RUNTIME, DependencyList, dependency_code, source_code
from infra.stages import Stage

_ONE_PYTHON = "Wheels and bytecode are built for this version of Python; it changes together with .python-version."


def allow(*actions: str, on: Sequence[str], key_prefixes: Sequence[str] = ()) -> iam.PolicyStatement:
    """Returns a statement that allows exactly these actions on exactly these resources.

    `key_prefixes`, patterns such as `work/*`, restricts the listing of a bucket. Without the permission to list a key,
    S3 answers 403 instead of 404 if there is no such object.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    conditions = {"StringLike": {"s3:prefix": list(key_prefixes)}} if key_prefixes else None
    return iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=conditions)


class LogGroup(logs.LogGroup):
    """A log group with the stage's retention and the stack's key, if any. It is deleted with the stack.

    `delivered_by` is the kind of service that writes to it by log delivery, such as `states`.
    """

    def __init__(self, scope: Construct, name: str, *, stage: Stage, delivered_by: str | None = None) -> None:
        super().__init__(
            scope,
            name,
            log_group_name=_vended_name(stage, delivered_by) if delivered_by else None,
            encryption_key=customer_key(scope),
            removal_policy=RemovalPolicy.DESTROY,
        )
        resource = self.node.default_child
        if not isinstance(resource, logs.CfnLogGroup):
            raise TypeError("the log group's default child is its resource")
        # CDK's enumeration has names such as THREE_MONTHS; the resource accepts the number of days.
        resource.retention_in_days = stage.log_retention_days


def _vended_name(stage: Stage, service: str) -> str:
    """Returns a log group name that takes no space in the account's only resource policy for log delivery.

    That policy holds 5,120 characters, and every log group of another name is added to it. The block of the stack's id
    lets a new stack be created while the log group of a deleted one remains.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
    """
    return Fn.join("", ["/aws/vendedlogs/", service, "/", stage.stack_name, "-", stack_block()])


def stack_block() -> str:
    """Returns the first block of the stack's id, which is unique in an account."""
    return Fn.select(0, Fn.split("-", Fn.select(2, Fn.split("/", Aws.STACK_ID))))


class Function(Construct):
    """A Lambda function with its role, policy and log group.

    `name` is its folder under `functions/`, `dependencies` its list under `infra/requirements/`, and `code` its asset
    if it does not use the one that the functions share.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        memory_mib: int,
        timeout: Duration,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
        dependencies: DependencyList | None,
        ephemeral_storage_mib: int = 512,
        reserved_concurrency: int | None = None,
        code: lambda_.Code | None = None,
    ) -> None:
        super().__init__(scope, name.capitalize())
        log_group = LogGroup(self, "Logs", stage=stage)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        granted = [
            allow("logs:CreateLogStream", "logs:PutLogEvents", on=[log_group.log_group_arn]),
            *([] if stage.is_local else [allow("xray:PutTraceSegments", "xray:PutTelemetryRecords", on=["*"])]),
            *statements,
            *key_statements(self, statements),
        ]
        policy = iam.Policy(self, "Policy", roles=[role], statements=granted)
        acknowledge_wildcards(policy, granted)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"functions.{name}.handler.handler",
            code=code or source_code(stage.model_folder),
            layers=[] if dependencies is None or stage.is_local else [_layer(self, dependencies)],
            role=role.without_policy_updates(),
            memory_size=memory_mib,
            timeout=timeout,
            ephemeral_storage_size=Size.mebibytes(ephemeral_storage_mib),
            reserved_concurrent_executions=reserved_concurrency,
            environment={
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": stage.stack_name,
                "LOG_LEVEL": "INFO",
                **environment,
            },
            log_group=log_group,
            # Lambda's built-in tracing; no bundle contains the X-Ray SDK.
            tracing=lambda_.Tracing.DISABLED if stage.is_local else lambda_.Tracing.ACTIVE,
        )
        # The function must not be invoked before its role has permissions.
        self.function.node.add_dependency(policy)
        acknowledge(
            self.function,
            "L1",
            _ONE_PYTHON,
        )
        acknowledge_serverless(self.function, "LambdaLatestVersion", _ONE_PYTHON)
        acknowledge_serverless(
            self.function,
            "LambdaDLQ",
            "Callers, pollers and executions retry; reconcile repeats what was invoked asynchronously.",
        )

    @property
    def name(self) -> str:
        """The function's name in Lambda."""
        return self.function.function_name

    @property
    def arn(self) -> str:
        """The function's ARN."""
        return self.function.function_arn


def _layer(scope: Construct, dependencies: DependencyList) -> lambda_.LayerVersion:
    """Returns the layer of a dependency list, which all functions with that list share."""
    stack = Stack.of(scope)
    construct_id = f"{dependencies.capitalize()}Dependencies"
    layer = stack.node.try_find_child(construct_id)
    if isinstance(layer, lambda_.LayerVersion):
        return layer
    return lambda_.LayerVersion(
        stack,
        construct_id,
        code=dependency_code(dependencies),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[lambda_.Architecture.ARM_64],
    )
