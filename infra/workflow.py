"""The state machine: Plan, a distributed map of Score over the chunks, Finalize."""

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
from infra.storage import Storage

PLAN_TIMEOUT = Duration.minutes(15)
# Express executions end after five minutes, so a chunk must be done well before.
SCORE_TIMEOUT = Duration.minutes(4)
FINALIZE_TIMEOUT = Duration.minutes(15)
EXECUTION_TIMEOUT = Duration.hours(12)
# How often Lambda may refuse a task: for about an hour; and for less than the five minutes of an Express execution.
_REFUSALS = 240
_REFUSALS_OF_A_CHUNK = 10


class Workflow(Construct):
    """What runs a job once its file is there."""

    def __init__(self, scope: Construct, *, stage: Stage, storage: Storage) -> None:
        super().__init__(scope, "Workflow")
        environment = {
            "TABLE_NAME": storage.table.table_name,
            "UPLOADS_BUCKET": storage.uploads.bucket_name,
            "RESULTS_BUCKET": storage.results.bucket_name,
        }
        table, uploads, results = storage.table.table_arn, storage.uploads, storage.results
        self._name = f"default-risk-jobs-{stage.name}"
        work = results.arn_for_objects("work/*")
        result_files = results.arn_for_objects("results/*")
        read_input = allow("s3:GetObjectVersion", on=[uploads.arn_for_objects("*")])
        self.plan = Function(
            self,
            "plan",
            stage=stage,
            dependencies="numeric",
            memory_mib=3008,
            timeout=PLAN_TIMEOUT,
            # A workbook and its rows as CSV, or a file in another encoding, pass over the disk.
            ephemeral_storage_mib=6144,
            environment={
                **environment,
                "CSV_MAX_BYTES": str(stage.limits.csv_max_bytes),
                "XLSX_MAX_BYTES": str(stage.limits.xlsx_max_bytes),
            },
            statements=[
                allow("dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:PutItem", on=[table]),
                read_input,
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
                allow("s3:GetObject", "s3:PutObject", on=[work]),
                allow("s3:PutObject", "s3:AbortMultipartUpload", on=[result_files]),
                allow("s3:ListBucket", on=[results.bucket_arn]),
                # To tell an input that is gone from one that may not be read.
                allow("s3:ListBucketVersions", on=[uploads.bucket_arn]),
            ],
        )
        self.score = Function(
            self,
            "score",
            stage=stage,
            dependencies="numeric",
            memory_mib=1769,  # one full core
            timeout=SCORE_TIMEOUT,
            environment={
                **environment,
                **KEEP_FREED_MEMORY,
                "STATE_MACHINE_ARN": self.state_machine_arn,
                "FINALIZE_FUNCTION_NAME": self.finalize.name,
            },
            statements=[
                allow("dynamodb:Query", "dynamodb:UpdateItem", on=[table]),
                read_input,
                allow("s3:GetObject", on=[work]),
                allow("s3:PutObject", "s3:DeleteObject", on=[work, results.arn_for_objects("results/*/errors/*")]),
                # A job of which too many rows fail is ended by the worker that finds it so.
                allow("states:DescribeExecution", "states:StopExecution", on=[self.execution_arns]),
                allow("lambda:InvokeFunction", on=[self.finalize.arn]),
            ],
        )
        role = iam.Role(self, "JobsRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        self.state_machine = sfn.StateMachine(
            self,
            "Jobs",
            # Named, so that the functions it runs can name it too.
            state_machine_name=self._name,
            role=role.without_policy_updates(),
            definition_body=sfn.DefinitionBody.from_chainable(self._definition(stage, storage)),
            timeout=EXECUTION_TIMEOUT,
            tracing_enabled=not stage.is_local,
            logs=sfn.LogOptions(
                destination=LogGroup(self, "Executions", stage=stage),
                level=sfn.LogLevel.ALL,
                # What the states pass on has job ids alone, but that is for them to change.
                include_execution_data=False,
            )
            if not stage.is_local
            else None,
        )

        granted = self._role_statements(stage, work)
        for statement in granted:
            role.add_to_policy(statement)
        acknowledge_wildcards(role, granted)
        # Apart from the role's first policy, which the state machine waits for: these name the state machine itself.
        children = [
            allow("states:StartExecution", on=[self.state_machine.state_machine_arn]),
            allow("states:DescribeExecution", "states:StopExecution", on=[self.execution_arns]),
        ]
        map_policy = iam.Policy(self, "ChildExecutions", roles=[role], statements=children)
        map_policy.node.add_dependency(self.state_machine)
        acknowledge_wildcards(map_policy, children)
        # CDK makes a policy of its own for the map, and attaches it to no role that takes none: it is in no template.
        self.state_machine.node.try_remove_child("DistributedMapPolicy")

    def _role_statements(self, stage: Stage, work: str) -> list[iam.PolicyStatement]:
        functions = [self.plan.arn, self.score.arn, self.finalize.arn]
        statements = [allow("lambda:InvokeFunction", on=functions), allow("s3:GetObject", on=[f"{work}/manifest.json"])]
        statements += key_statements(self, statements)
        if not stage.is_local:
            # What CloudWatch Logs and X-Ray ask of state machines; neither knows narrower resources.
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
        """The state machine's ARN, made from its name: its own functions come before it."""
        return f"arn:aws:states:{Stack.of(self).region}:{Stack.of(self).account}:stateMachine:{self._name}"

    @property
    def execution_arns(self) -> str:
        """The ARN pattern of the state machine's executions."""
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:*"

    def _definition(self, stage: Stage, storage: Storage) -> sfn.IChainable:
        job: dict[str, object] = {name: sfn.JsonPath.string_at(f"$.{name}") for name in ("job_id", "organization_id")}
        finalize = self._task("Finalize", self.finalize.function, job)
        score_chunks = sfn.DistributedMap(
            self,
            "ScoreChunks",
            label="ScoreChunks",
            # A chunk takes about a second, and Express children cost a fraction of Standard ones.
            map_execution_type=sfn.StateMachineType.EXPRESS,
            max_concurrency=stage.map_concurrency,
            # A chunk that failed for good does not stop the others: Finalize sees what is missing and fails the job.
            tolerated_failure_percentage=100,
            item_reader=sfn.S3JsonItemReader(bucket=storage.results, key=sfn.JsonPath.string_at("$.manifest_key")),
            item_selector={
                **job,
                "chunk": sfn.JsonPath.object_at("$$.Map.Item.Value"),
            },
            result_path=sfn.JsonPath.DISCARD,
        )
        # Score answers null: nothing of the size of a chunk, or of their number, passes through the execution.
        score_chunks.item_processor(
            self._task(
                "Score",
                self.score.function,
                {**job, "chunk": sfn.JsonPath.object_at("$.chunk")},
                refusals=_REFUSALS_OF_A_CHUNK,
            )
        )
        plan = self._task("Plan", self.plan.function, job)
        return plan.next(
            sfn.Choice(self, "IsPlanned")
            .when(sfn.Condition.string_equals("$.outcome", "planned"), score_chunks.next(finalize))
            .otherwise(finalize)
        )

    def _task(
        self, name: str, function: lambda_.IFunction, payload: dict[str, object], *, refusals: int = _REFUSALS
    ) -> tasks.LambdaInvoke:
        task = tasks.LambdaInvoke(
            self,
            f"{name}Task",
            state_name=name,
            lambda_function=function,
            payload=sfn.TaskInput.from_object(payload),
            payload_response_only=True,
            # The one retry below covers these too.
            retry_on_service_exceptions=False,
        )
        # Refused while other jobs use up the account's concurrency, which may last.
        task.add_retry(
            errors=["Lambda.TooManyRequestsException"],
            max_attempts=refusals,
            interval=Duration.seconds(2),
            backoff_rate=2,
            max_delay=Duration.seconds(30),
            jitter_strategy=sfn.JitterType.FULL,
        )
        task.add_retry(
            errors=["States.ALL"],
            max_attempts=3,
            interval=Duration.seconds(2),
            backoff_rate=2,
            max_delay=Duration.seconds(30),
            jitter_strategy=sfn.JitterType.FULL,
        )
        return task
