"""The reconcile function, invoked on a schedule and by status events of executions, which arrive sooner."""

from aws_cdk import Duration
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.async_functions import Retries
from infra.function import Function, allow
from infra.rules import EventRules
from infra.stages import Stage
from infra.storage import Storage
from infra.workflow import Workflow

_INTERVAL = Duration.minutes(5)


class Reconcile(Construct):
    """The function that repairs stuck jobs, with its schedule and its event rule."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        storage: Storage,
        workflow: Workflow,
        retries: Retries,
        rules: EventRules,
    ) -> None:
        super().__init__(scope, "Reconcile")
        table, uploads, results = storage.table.table_arn, storage.uploads, storage.results
        self.function = Function(
            self,
            "reconcile",
            stage=stage,
            dependencies="worker",
            memory_mib=512,
            timeout=Duration.minutes(5),
            environment={
                "TABLE_NAME": storage.table.table_name,
                "UPLOADS_BUCKET": uploads.bucket_name,
                "RESULTS_BUCKET": results.bucket_name,
                "STATE_MACHINE_ARN": workflow.state_machine_arn,
                "FINALIZE_FUNCTION_NAME": workflow.finalize.name,
                "RETRY_FUNCTION_NAME": retries.function.name,
            },
            statements=[
                allow("dynamodb:Query", "dynamodb:GetItem", "dynamodb:UpdateItem", on=[table]),
                allow("dynamodb:Query", on=[f"{table}/index/by_due_at"]),
                allow("s3:DeleteObjectVersion", on=[uploads.arn_for_objects("*")]),
                allow("s3:ListBucket", on=[results.bucket_arn], key_prefixes=["work/*", "results/*", "exports/*"]),
                allow(
                    "s3:DeleteObject",
                    on=[results.arn_for_objects(prefix) for prefix in ("work/*", "results/*", "exports/*")],
                ),
                allow("states:StartExecution", on=[workflow.state_machine_arn]),
                allow("states:DescribeExecution", "states:StopExecution", on=[workflow.execution_arns]),
                allow("lambda:InvokeFunction", on=[workflow.finalize.arn, retries.function.arn]),
            ],
        )
        target = targets.LambdaFunction(self.function.function, dead_letter_queue=rules.undelivered)
        rules.on_schedule(self, "Schedule", interval=_INTERVAL, target=target)
        rules.on_event(
            self,
            "ExecutionEnded",
            source="aws.states",
            detail_type="Step Functions Execution Status Change",
            detail={
                "stateMachineArn": [workflow.state_machine_arn],
                "status": ["FAILED", "TIMED_OUT", "ABORTED"],
            },
            target=target,
        )
