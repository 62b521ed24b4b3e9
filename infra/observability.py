"""The topic that alarms notify, and the dashboard."""

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.alarms import Alarms, oldest_message, own_metric
from infra.api import Api
from infra.async_functions import Exports, Retries
from infra.console import Console
from infra.encryption import customer_key
from infra.events import StatusEvents
from infra.findings import acknowledge_serverless
from infra.identity import Identity
from infra.intake import Intake
from infra.reconcile import Reconcile
from infra.rules import EventRules
from infra.stages import Stage
from infra.storage import Storage
from infra.workflow import Workflow


class Observability(Construct):
    """Alarms on problems that need a person, the topic that they notify, and a dashboard."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        storage: Storage,
        api: Api,
        console: Console,
        identity: Identity,
        intake: Intake,
        workflow: Workflow,
        reconcile: Reconcile,
        retries: Retries,
        events: StatusEvents,
        exports: Exports,
        rules: EventRules,
    ) -> None:
        super().__init__(scope, "Observability")
        self.topic = sns.Topic(self, "Alarms", master_key=customer_key(self), enforce_ssl=not stage.is_local)
        self._admit_alarms()
        if stage.alarm_email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))
            acknowledge_serverless(
                self.topic, "SNSRedrivePolicy", "An e-mail that is lost is in the history of its alarm in CloudWatch."
            )

        functions = {
            "api": api.function,
            "console": console.function,
            "intake": intake.function,
            "plan": workflow.plan,
            "score": workflow.score,
            "finalize": workflow.finalize,
            "reconcile": reconcile.function,
            "retry": retries.function,
            "publish": events.function,
            "export": exports.function,
            **({"claims": identity.claims} if identity.claims else {}),
        }
        alarms = Alarms(self, stage=stage, topic=self.topic)
        alarms.of_functions({name: function.function for name, function in functions.items()})
        alarms.of_deliveries(
            undelivered=rules.undelivered,
            rules=rules.dimensions(),
            publish=events.function.function,
            stream_mapping_id=events.mapping_id,
        )
        alarms.of_jobs(
            machine=workflow.state_machine, queue=intake.queue, dead_letters=intake.dead_letters, table=storage.table
        )
        alarms.of_api(api.http_api)
        self._dashboard(
            stage=stage,
            workflow=workflow,
            api=api,
            backlog=[workflow.state_machine.metric_failed(), oldest_message(intake.queue)],
            errors={name: function.function.metric_errors() for name, function in functions.items()},
            throttles={name: function.function.metric_throttles() for name, function in functions.items()},
        )

    def _admit_alarms(self) -> None:
        """Allows the alarms of this account to publish to the topic.

        A topic policy, which the refusal of plain HTTP also is, replaces the default policy that would allow them.
        https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
        """
        stack = Stack.of(self)
        alarms = f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}:alarm:*"
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": alarms},
                },
            )
        )

    def _dashboard(
        self,
        *,
        stage: Stage,
        workflow: Workflow,
        api: Api,
        backlog: list[cloudwatch.Metric],
        errors: dict[str, cloudwatch.Metric],
        throttles: dict[str, cloudwatch.Metric],
    ) -> None:
        machine, gateway, score = workflow.state_machine, api.http_api, workflow.score.function
        outcomes = ("JobsCompleted", "JobsFailed", "JobsCancelled", "JobsStuck")
        widgets = {
            "Executions": [machine.metric_started(), machine.metric_succeeded(), machine.metric_failed()],
            "Jobs by outcome": [own_metric(stage, "publish", outcome) for outcome in outcomes],
            "Rows per second, per job": [own_metric(stage, "publish", "RowsPerSecond", statistic="Average")],
            "Failed rows, percent per job": [own_metric(stage, "publish", "RowErrorRate", statistic="Average")],
            "Score drift from the training data (PSI), per job": [
                own_metric(stage, "finalize", "PopulationStabilityIndex", statistic="Average")
            ],
            "Rows scored": [own_metric(stage, "score", "ChunkRows")],
            "Failed chunk attempts": [own_metric(stage, "score", "ChunkAttemptsFailed")],
            "Failed executions, age of the oldest message in the intake queue": backlog,
            "API requests and errors": [
                gateway.metric_count(),
                gateway.metric_client_error(),
                gateway.metric_server_error(),
            ],
            "API latency, p95": [gateway.metric_latency(statistic="p95")],
            "Chunk duration in seconds, p95": [own_metric(stage, "score", "ChunkDuration", statistic="p95")],
            "Concurrent executions of score": [score.metric("ConcurrentExecutions", statistic="Maximum")],
            "Function errors": _labeled(errors),
            "Function throttles": _labeled(throttles),
        }
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=stage.stack_name)
        for title, metrics in widgets.items():
            dashboard.add_widgets(cloudwatch.GraphWidget(title=title, left=metrics, width=12))


def _labeled(metrics: dict[str, cloudwatch.Metric]) -> list[cloudwatch.Metric]:
    """Labels each metric with the name of its function. Only for the dashboard: a label makes an alarm metric math."""
    return [metric.with_(label=name) for name, metric in metrics.items()]
