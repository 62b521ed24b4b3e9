"""The state machine of a job: Plan, a distributed map that runs Score for each chunk, Finalize."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.encryption import key_statements
from infra.findings import acknowledge_wildcards
from infra.function import Function, LogGroup, allow
from infra.project import KEEP_FREED_MEMORY
from infra.stages import Stage
from infra.storage import INPUT_PREFIXES, Storage

PLAN_TIMEOUT = Duration.minutes(15)
# Express executions are limited to five minutes; a chunk needs a margin for retries.
SCORE_TIMEOUT = Duration.minutes(4)
FINALIZE_TIMEOUT = Duration.minutes(15)
EXECUTION_TIMEOUT = Duration.hours(12)
# Retries of throttled invocations: about an hour's worth, and for chunks less than the five minutes of an Express
# execution.
_THROTTLE_RETRIES = 240
_CHUNK_THROTTLE_RETRIES = 10
# A timeout, and in the second also another end of the sandbox without an error of the function, such as too little
# memory: https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
_TIMEOUTS = ("Sandbox.Timedout", "Lambda.Unknown", "States.Timeout")


class Workflow(Construct):
    """The state machine that runs a job, and its three functions."""

    def __init__(self, scope: Construct, *, stage: Stage, storage: Storage) -> None:
        super().__init__(scope, "Workflow")
        environment = {
            "TABLE_NAME": storage.table.table_name,
            "UPLOADS_BUCKET": storage.uploads.bucket_name,
            "RESULTS_BUCKET": storage.results.bucket_name,
        }
        table, uploads, results = storage.table.table_arn, storage.uploads, storage.results
        self._name = stage.stack_name
        work = results.arn_for_objects("work/*")
        result_files = results.arn_for_objects("results/*")
        read_input = allow("s3:GetObjectVersion", on=[uploads.arn_for_objects(prefix) for prefix in INPUT_PREFIXES])
        find_input = allow(
            "s3:ListBucket", "s3:ListBucketVersions", on=[uploads.bucket_arn], key_prefixes=INPUT_PREFIXES
        )
        self.plan = Function(
            self,
            "plan",
            stage=stage,
            dependencies="numeric",
            memory_mib=3008,
            timeout=PLAN_TIMEOUT,
            # A workbook and its rows as CSV, the UTF-8 copy of a file in another encoding, or an unpacked gzip file are
            # written to disk.
            ephemeral_storage_mib=6144,
            environment={
                **environment,
                "CSV_MAX_BYTES": str(stage.limits.csv_max_bytes),
                "XLSX_MAX_BYTES": str(stage.limits.xlsx_max_bytes),
            },
            statements=[
                allow("dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:PutItem", on=[table]),
                read_input,
                find_input,
                allow("s3:PutObject", "s3:AbortMultipartUpload", on=[work]),
            ],
        )
        self.finalize = Function(
            self,
            "finalize",
            stage=stage,
            dependencies="numeric",
            memory_mib=1769,
            timeout=FINALIZE_TIMEOUT,
            environment=environment,
            statements=[
                allow("dynamodb:Query", "dynamodb:UpdateItem", on=[table]),
                read_input,
                # It looks for the input before it copies it.
                allow("s3:ListBucketVersions", on=[uploads.bucket_arn], key_prefixes=INPUT_PREFIXES),
                allow("s3:GetObject", "s3:PutObject", on=[work]),
                allow("s3:PutObject", "s3:AbortMultipartUpload", on=[result_files]),
                allow("s3:ListBucket", on=[results.bucket_arn], key_prefixes=["work/*", "results/*"]),
            ],
        )
        self.score = Function(
            self,
            "score",
            stage=stage,
            dependencies="numeric",
            memory_mib=1769,  # one full core
            timeout=SCORE_TIMEOUT,
            # Caps all jobs together, so that scoring leaves concurrency to the API and the sign-in.
            reserved_concurrency=stage.score_concurrency or None,
            environment={
                **environment,
                **KEEP_FREED_MEMORY,
                "STATE_MACHINE_ARN": self.state_machine_arn,
                "FINALIZE_FUNCTION_NAME": self.finalize.name,
            },
            statements=[
                allow("dynamodb:Query", "dynamodb:UpdateItem", on=[table]),
                read_input,
                find_input,
                allow("s3:GetObject", on=[work]),
                allow("s3:ListBucket", on=[results.bucket_arn], key_prefixes=["work/*"]),
                allow("s3:PutObject", "s3:DeleteObject", on=[work, results.arn_for_objects("results/*/errors/*")]),
                # The worker that sees too many failed rows (`max_failed_percent`) ends the job.
                allow("states:DescribeExecution", "states:StopExecution", on=[self.execution_arns]),
                allow("lambda:InvokeFunction", on=[self.finalize.arn]),
            ],
        )
        # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
        own_account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        role = iam.Role(
            self, "JobsRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com", conditions=own_account)
        )
        self.state_machine = sfn.StateMachine(
            self,
            "Jobs",
            # An explicit name breaks the cycle: the functions it invokes need its ARN.
            state_machine_name=self._name,
            role=role.without_policy_updates(),
            definition_body=sfn.DefinitionBody.from_chainable(self._definition(stage, storage)),
            timeout=EXECUTION_TIMEOUT,
            tracing_enabled=not stage.is_local,
            logs=sfn.LogOptions(
                destination=LogGroup(self, "Executions", stage=stage, delivered_by="states"),
                level=sfn.LogLevel.ALL,
                # State input and output hold only ids today; logging them would make that a promise.
                include_execution_data=False,
            )
            if not stage.is_local
            else None,
        )

        granted = self._role_statements(stage, work)
        for statement in granted:
            role.add_to_policy(statement)
        acknowledge_wildcards(role, granted)
        # In a policy of its own: the state machine depends on the first one, and these statements name its ARN.
        children = [
            allow("states:StartExecution", on=[self.state_machine.state_machine_arn]),
            allow("states:DescribeExecution", "states:StopExecution", on=[self.execution_arns]),
        ]
        map_policy = iam.Policy(self, "ChildExecutions", roles=[role], statements=children)
        map_policy.node.add_dependency(self.state_machine)
        acknowledge_wildcards(map_policy, children)
        # CDK also creates a policy for the map. With `without_policy_updates` it is attached to no role, so remove it.
        self.state_machine.node.try_remove_child("DistributedMapPolicy")

    def _role_statements(self, stage: Stage, work: str) -> list[iam.PolicyStatement]:
        functions = [self.plan.arn, self.score.arn, self.finalize.arn]
        statements = [allow("lambda:InvokeFunction", on=functions), allow("s3:GetObject", on=[f"{work}/manifest.json"])]
        statements += key_statements(self, statements)
        if not stage.is_local:
            # CloudWatch Logs and X-Ray require these actions, which do not support resource-level permissions.
            # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
            statements += [
                allow(
                    "logs:CreateLogDelivery",
                    "logs:GetLogDelivery",
                    "logs:UpdateLogDelivery",
                    "logs:DeleteLogDelivery",
                    "logs:ListLogDeliveries",
                    "logs:PutResourcePolicy",
                    "logs:DescribeResourcePolicies",
                    "logs:DescribeLogGroups",
                    on=["*"],
                ),
                allow(
                    "xray:PutTraceSegments",
                    "xray:PutTelemetryRecords",
                    "xray:GetSamplingRules",
                    "xray:GetSamplingTargets",
                    on=["*"],
                ),
            ]
        return statements

    @property
    def state_machine_arn(self) -> str:
        """The ARN of the state machine, built from its name because its functions are created first."""
        stack = Stack.of(self)
        return f"arn:{stack.partition}:states:{stack.region}:{stack.account}:stateMachine:{self._name}"

    @property
    def execution_arns(self) -> str:
        """The ARN pattern that matches the executions of the state machine."""
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:*"

    def _definition(self, stage: Stage, storage: Storage) -> sfn.IChainable:
        job: dict[str, object] = {name: sfn.JsonPath.string_at(f"$.{name}") for name in ("job_id", "organization_id")}
        finalize = self._task("Finalize", self.finalize.function, job)
        score_chunks = sfn.DistributedMap(
            self,
            "ScoreChunks",
            label="ScoreChunks",
            # A chunk takes about a second; Express children cost a fraction of Standard ones.
            map_execution_type=sfn.StateMachineType.EXPRESS,
            max_concurrency=stage.map_concurrency,
            # A failed chunk does not stop the others; Finalize detects missing chunks and fails the job.
            tolerated_failure_percentage=100,
            item_reader=sfn.S3JsonItemReader(bucket=storage.results, key=sfn.JsonPath.string_at("$.manifest_key")),
            item_selector={
                **job,
                "chunk": sfn.JsonPath.object_at("$$.Map.Item.Value"),
            },
            result_path=sfn.JsonPath.DISCARD,
        )
        # Score returns null, so the size of the execution's state does not depend on the number of chunks.
        score_chunks.item_processor(
            self._task(
                "Score",
                self.score.function,
                {**job, "chunk": sfn.JsonPath.object_at("$.chunk")},
                throttle_retries=_CHUNK_THROTTLE_RETRIES,
            )
        )
        # A file that takes all of the time takes it again, while other jobs wait.
        plan = self._task("Plan", self.plan.function, job, retries_timeouts=False)
        return plan.next(
            sfn.Choice(self, "IsPlanned")
            .when(sfn.Condition.string_equals("$.outcome", "planned"), score_chunks.next(finalize))
            .otherwise(finalize)
        )

    def _task(
        self,
        name: str,
        function: lambda_.IFunction,
        payload: dict[str, object],
        *,
        throttle_retries: int = _THROTTLE_RETRIES,
        retries_timeouts: bool = True,
    ) -> tasks.LambdaInvoke:
        task = tasks.LambdaInvoke(
            self,
            f"{name}Task",
            state_name=name,
            lambda_function=function,
            payload=sfn.TaskInput.from_object(payload),
            payload_response_only=True,
            # The retry on States.ALL below covers these.
            retry_on_service_exceptions=False,
        )
        # Other jobs may use up the account's concurrency for a long time.
        task.add_retry(
            errors=["Lambda.TooManyRequestsException"],
            max_attempts=throttle_retries,
            interval=Duration.seconds(2),
            backoff_rate=2,
            max_delay=Duration.seconds(30),
            jitter_strategy=sfn.JitterType.FULL,
        )
        if not retries_timeouts:
            task.add_retry(errors=list(_TIMEOUTS), max_attempts=0)
        task.add_retry(
            errors=["States.ALL"],
            max_attempts=3,
            interval=Duration.seconds(2),
            backoff_rate=2,
            max_delay=Duration.seconds(30),
            jitter_strategy=sfn.JitterType.FULL,
        )
        return task
