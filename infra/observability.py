"""Alarms and dashboard. Each alarm has a section of its name in infra/docs/operations.md."""

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

# By convention a population stability index from 0.25 on is a shift that asks for another look at the model.
_PSI_SHIFTED = 0.25
_FIVE_MINUTES = Duration.minutes(5)


class Observability(Construct):
    """Alarms on what only people can mend, a topic that tells them, and a dashboard."""

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
            "UploadsNotTakenIn",
            intake.dead_letters.metric_approximate_number_of_messages_visible(
                period=_FIVE_MINUTES, statistic="Maximum"
            ),
            "An uploaded file could not be made into a job after several deliveries",
        )
        self._alarm(
            "StatusEventsGivenUp",
            events.dead_letters.metric_approximate_number_of_messages_visible(
                period=_FIVE_MINUTES, statistic="Maximum"
            ),
            "A change of a job's status could not be put on the event bus after several attempts",
        )
        self._alarm("ExecutionsFailed", failed, "A job's execution failed; reconcile fails the job with the reason")
        self._alarm(
            "UploadsWaiting",
            queue_age,
            "Uploaded files have waited for ten minutes to be made into jobs",
            threshold=600,
        )
        self._alarm(
            "ReconcileFailing",
            errors["reconcile"],
            "Reconcile, which guarantees an end of every job, failed twice in a row",
            evaluation_periods=2,
        )
        self._alarm("ExportsFailing", errors["export"], "A result file could not be made in the format asked for")
        self._alarm("ApiFailing", server_errors, "Callers got server errors", threshold=5)
        self._alarm(
            "ScoringThrottled",
            throttles["score"],
            "Lambda refused chunks for want of concurrency in three periods in a row",
            evaluation_periods=3,
        )
        self._alarm(
            "JobsStuck",
            _own_metric(stage, "publish", "JobsStuck"),
            "Reconcile failed a job that had stopped moving",
        )
        self._alarm(
            "ChunksRetried",
            _own_metric(stage, "score", "ChunkAttemptsFailed"),
            "Attempts at chunks failed in three periods in a row",
            threshold=10,
            evaluation_periods=3,
        )
        self._alarm(
            "ScoresDrifting",
            _own_metric(stage, "finalize", "PopulationStabilityIndex", statistic="Average").with_(
                period=Duration.days(1)
            ),
            "The scores of a day's jobs lie far from those of the model's training data",
            threshold=_PSI_SHIFTED,
        )
        self._dashboard(
            stage=stage,
            workflow=workflow,
            api=api,
            faults=[failed, queue_age],
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
        faults: list[cloudwatch.Metric],
        errors: dict[str, cloudwatch.Metric],
        throttles: dict[str, cloudwatch.Metric],
    ) -> None:
        machine, gateway, score = workflow.state_machine, api.http_api, workflow.score.function
        outcomes = ("JobsCompleted", "JobsFailed", "JobsCancelled", "JobsStuck")
        widgets = {
            "Executions": [machine.metric_started(), machine.metric_succeeded(), machine.metric_failed()],
            "Jobs by outcome": [_own_metric(stage, "publish", outcome) for outcome in outcomes],
            "Rows a second, by job": [_own_metric(stage, "publish", "RowsPerSecond", statistic="Average")],
            "Rows that failed, percent of a job": [_own_metric(stage, "publish", "RowErrorRate", statistic="Average")],
            "Distance of scores from the training data (PSI), by job": [
                _own_metric(stage, "finalize", "PopulationStabilityIndex", statistic="Average")
            ],
            "Rows scored": [_own_metric(stage, "score", "ChunkRows")],
            "Attempts at chunks that failed": [_own_metric(stage, "score", "ChunkAttemptsFailed")],
            "Failed executions, age of the oldest upload waiting": faults,
            "Requests and their errors": [
                gateway.metric_count(),
                gateway.metric_client_error(),
                gateway.metric_server_error(),
            ],
            "Latency of the API, p95": [gateway.metric_latency(statistic="p95")],
            "Chunks: seconds, p95": [_own_metric(stage, "score", "ChunkDuration", statistic="p95")],
            "Chunks at once": [score.metric("ConcurrentExecutions", statistic="Maximum")],
            "Errors of functions": _labelled(errors),
            "Throttles of functions": _labelled(throttles),
        }
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=stage.stack_name)
        for title, metrics in widgets.items():
            dashboard.add_widgets(cloudwatch.GraphWidget(title=title, left=metrics, width=12))


def _own_metric(stage: Stage, function: str, name: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
    """A metric that a function writes into its log; `shared/observability.py` gives it namespace and dimension."""
    return cloudwatch.Metric(
        namespace=stage.stack_name,
        metric_name=name,
        dimensions_map={"service": function},
        period=_FIVE_MINUTES,
        statistic=statistic,
    )


def _labelled(metrics: dict[str, cloudwatch.Metric]) -> list[cloudwatch.Metric]:
    """Under the functions' own names, on the dashboard alone: an alarm on a labelled metric is one on metric math."""
    return [metric.with_(label=name) for name, metric in metrics.items()]
