"""Alarms and the dashboard. Each alarm has a section of the same name in infra/docs/operations.md."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.api import Api
from infra.async_functions import Exports, Retries
from infra.encryption import customer_key
from infra.events import StatusEvents
from infra.intake import Intake
from infra.reconcile import Reconcile
from infra.stages import Stage
from infra.workflow import Workflow

# By convention, a population stability index of 0.25 or more means that the population has shifted.
_PSI_SHIFTED = 0.25
_FIVE_MINUTES = Duration.minutes(5)


class Observability(Construct):
    """Alarms on problems that need a person, the topic that they notify, and a dashboard."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        api: Api,
        intake: Intake,
        workflow: Workflow,
        reconcile: Reconcile,
        retries: Retries,
        events: StatusEvents,
        exports: Exports,
    ) -> None:
        super().__init__(scope, "Observability")
        self.topic = sns.Topic(self, "Alarms", master_key=customer_key(self), enforce_ssl=not stage.is_local)
        if stage.alarm_email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))

        functions = {
            "api": api.function,
            "intake": intake.function,
            "plan": workflow.plan,
            "score": workflow.score,
            "finalize": workflow.finalize,
            "reconcile": reconcile.function,
            "retry": retries.function,
            "publish": events.function,
            "export": exports.function,
        }
        failed = workflow.state_machine.metric_failed(period=_FIVE_MINUTES, statistic="Sum")
        queue_age = intake.queue.metric_approximate_age_of_oldest_message(period=_FIVE_MINUTES, statistic="Maximum")
        server_errors = api.http_api.metric_server_error(period=_FIVE_MINUTES, statistic="Sum")
        errors = {
            name: function.function.metric_errors(period=_FIVE_MINUTES, statistic="Sum")
            for name, function in functions.items()
        }
        throttles = {
            name: function.function.metric_throttles(period=_FIVE_MINUTES, statistic="Sum")
            for name, function in functions.items()
        }

        self._alarm(
            "IntakeDeadLetters",
            intake.dead_letters.metric_approximate_number_of_messages_visible(
                period=_FIVE_MINUTES, statistic="Maximum"
            ),
            "Intake failed to create a job for an uploaded file and gave up retrying",
        )
        self._alarm(
            "StatusEventDeadLetters",
            events.dead_letters.metric_approximate_number_of_messages_visible(
                period=_FIVE_MINUTES, statistic="Maximum"
            ),
            "A job status event could not be published to the event bus and retries are exhausted",
        )
        self._alarm("ExecutionsFailed", failed, "The execution of a job failed; reconcile marks the job as failed")
        self._alarm(
            "IntakeBacklog",
            queue_age,
            "The oldest uploaded file has waited in the intake queue for ten minutes",
            threshold=600,
        )
        self._alarm(
            "ReconcileFailing",
            errors["reconcile"],
            "The reconcile function failed in two consecutive periods, so stuck jobs stay stuck",
            evaluation_periods=2,
        )
        self._alarm("ExportsFailing", errors["export"], "The export of a result file to Parquet or XLSX failed")
        self._alarm("ApiServerErrors", server_errors, "The API returned five or more 5xx responses", threshold=5)
        self._alarm(
            "ScoringThrottled",
            throttles["score"],
            "Lambda throttled the score function in three consecutive periods",
            evaluation_periods=3,
        )
        self._alarm(
            "JobsStuck",
            _own_metric(stage, "publish", "JobsStuck"),
            "Reconcile failed a job that made no progress or whose execution had ended",
        )
        self._alarm(
            "ChunkAttemptsFailing",
            _own_metric(stage, "score", "ChunkAttemptsFailed"),
            "Ten or more attempts to score a chunk failed in each of three consecutive periods",
            threshold=10,
            evaluation_periods=3,
        )
        self._alarm(
            "ScoreDrift",
            _own_metric(stage, "finalize", "PopulationStabilityIndex", statistic="Average").with_(
                period=Duration.days(1)
            ),
            "The grades of one day's jobs are distributed differently from the training data of the model",
            threshold=_PSI_SHIFTED,
        )
        self._dashboard(
            stage=stage,
            workflow=workflow,
            api=api,
            backlog=[failed, queue_age],
            errors=errors,
            throttles=throttles,
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        description: str,
        *,
        threshold: float = 1,
        evaluation_periods: int = 1,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            alarm_description=f"{description}. Runbook: infra/docs/operations.md, {name}",
            threshold=threshold,
            evaluation_periods=evaluation_periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))

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
            "Jobs by outcome": [_own_metric(stage, "publish", outcome) for outcome in outcomes],
            "Rows per second, per job": [_own_metric(stage, "publish", "RowsPerSecond", statistic="Average")],
            "Failed rows, percent per job": [_own_metric(stage, "publish", "RowErrorRate", statistic="Average")],
            "Score drift from the training data (PSI), per job": [
                _own_metric(stage, "finalize", "PopulationStabilityIndex", statistic="Average")
            ],
            "Rows scored": [_own_metric(stage, "score", "ChunkRows")],
            "Failed chunk attempts": [_own_metric(stage, "score", "ChunkAttemptsFailed")],
            "Failed executions, age of the oldest message in the intake queue": backlog,
            "API requests and errors": [
                gateway.metric_count(),
                gateway.metric_client_error(),
                gateway.metric_server_error(),
            ],
            "API latency, p95": [gateway.metric_latency(statistic="p95")],
            "Chunk duration in seconds, p95": [_own_metric(stage, "score", "ChunkDuration", statistic="p95")],
            "Concurrent executions of score": [score.metric("ConcurrentExecutions", statistic="Maximum")],
            "Function errors": _labeled(errors),
            "Function throttles": _labeled(throttles),
        }
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=stage.stack_name)
        for title, metrics in widgets.items():
            dashboard.add_widgets(cloudwatch.GraphWidget(title=title, left=metrics, width=12))


def _own_metric(stage: Stage, function: str, name: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
    """Returns a metric that a function writes to its log; `shared/observability.py` sets namespace and dimension."""
    return cloudwatch.Metric(
        namespace=stage.stack_name,
        metric_name=name,
        dimensions_map={"service": function},
        period=_FIVE_MINUTES,
        statistic=statistic,
    )


def _labeled(metrics: dict[str, cloudwatch.Metric]) -> list[cloudwatch.Metric]:
    """Labels each metric with the name of its function. Only for the dashboard: a label makes an alarm metric math."""
    return [metric.with_(label=name) for name, metric in metrics.items()]
