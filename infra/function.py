"""Lambda functions, each with its own role, exact statements and log group. Also log groups for other services."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.encryption import customer_key, key_statements
from infra.findings import acknowledge, acknowledge_wildcards
from infra.source import RUNTIME, DependencyList, dependency_code, source_code
from infra.stages import Stage


def allow(*actions: str, on: Sequence[str]) -> iam.PolicyStatement:
    """Returns a statement that allows exactly these actions on exactly these resources."""
    return iam.PolicyStatement(actions=list(actions), resources=list(on))


class LogGroup(logs.LogGroup):
    """A log group with the stage's retention and the stack's key, if any. It is deleted with the stack."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage) -> None:
        super().__init__(scope, name, encryption_key=customer_key(scope), removal_policy=RemovalPolicy.DESTROY)
        resource = self.node.default_child
        if not isinstance(resource, logs.CfnLogGroup):
            raise TypeError("the log group's default child is its resource")
        # CDK's enumeration has names such as THREE_MONTHS; the resource accepts the number of days.
        resource.retention_in_days = stage.log_retention_days


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
            "Wheels and bytecode are built for this version of Python; it changes together with .python-version.",
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
