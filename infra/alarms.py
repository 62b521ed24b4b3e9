"""Alarms. Each names a section of infra/docs/operations.md; alarms on the same problem share one."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.stages import Stage

_FIVE_MINUTES = Duration.minutes(5)
_TEN_MINUTES_SECONDS = 600
# By convention, a population stability index of 0.25 or more means that the population has shifted.
_PSI_SHIFTED = 0.25
# Callers wait for the response of these functions.
_SYNCHRONOUS = ("api", "claims", "console")


class Alarms(Construct):
    """Alarms that notify a topic when they start and when they end."""

    def __init__(self, scope: Construct, *, stage: Stage, topic: sns.Topic) -> None:
        super().__init__(scope, "Alarm")
        self._stage = stage
        self._topic = topic

    def of_functions(self, functions: Mapping[str, lambda_.IFunction]) -> None:
        """Adds alarms on the errors of every function, on throttling, and on a schedule that stopped."""
        for name, function in functions.items():
            errors = _sum(function.metric_errors())
            match name:
                case "reconcile":
                    self._add(
                        "ReconcileFailing",
                        errors,
                        "The reconcile function failed in two consecutive periods, so stuck jobs stay stuck",
                        periods=2,
                    )
                case "export":
                    self._add("ExportsFailing", errors, "The export of a result file to Parquet or XLSX failed")
                case "score":
                    description = "The score function failed ten or more times in each of three consecutive periods"
                    self._add("ScoreFailing", errors, description, runbook="FunctionFailing", threshold=10, periods=3)
                case _:
                    description = f"The {name} function failed"
                    self._add(f"{name.capitalize()}Failing", errors, description, runbook="FunctionFailing")
            if name in _SYNCHRONOUS:
                description = f"Lambda throttled the {name} function, for whose response a user waits"
                throttles = _sum(function.metric_throttles())
                self._add(f"{name.capitalize()}Throttled", throttles, description, runbook="FunctionThrottled")
        self._add(
            "ScoringThrottled",
            _sum(functions["score"].metric_throttles()),
            "Lambda throttled the score function in three consecutive periods",
            periods=3,
        )
        self._add(
            "ReconcileNotRunning",
            _sum(functions["reconcile"].metric_invocations()),
            "The reconcile function did not run for fifteen minutes, so stuck jobs stay stuck",
            periods=3,
            is_heartbeat=True,
        )
        self._add(
            "ChunkAttemptsFailing",
            own_metric(self._stage, "score", "ChunkAttemptsFailed"),
            "Ten or more attempts to score a chunk failed in each of three consecutive periods",
            threshold=10,
            periods=3,
        )

    def of_deliveries(
        self,
        *,
        undelivered: sqs.Queue,
        rules: Mapping[str, Mapping[str, str]],
        publish: lambda_.IFunction,
        stream_mapping_id: str,
    ) -> None:
        """Adds alarms on events that do not reach their targets. `rules` has the dimensions of each rule's metrics."""
        self._add(
            "UndeliveredEvents",
            _messages(undelivered),
            "EventBridge gave up delivering an event to the intake queue, to reconcile or to the status topic",
        )
        for name, dimensions in rules.items():
            failed = _aws_metric("AWS/Events", "FailedInvocations", dimensions)
            description = f"EventBridge could not invoke the target of the rule {name}"
            self._add(f"{name}Failing", failed, description, runbook="RuleFailing")
        self._add(
            "StatusEventsLate",
            publish.metric("IteratorAge", period=_FIVE_MINUTES, statistic="Maximum"),
            "A change of a job waited ten minutes for its status event",
            threshold=1000 * _TEN_MINUTES_SECONDS,
        )
        mapping = {"EventSourceMappingUUID": stream_mapping_id}
        for name, metric in (
            ("StatusEventsUnpublished", "OnFailureDestinationDeliveredEventCount"),
            ("StatusEventsDropped", "DroppedEventCount"),
        ):
            self._add(
                name,
                _aws_metric("AWS/Lambda", metric, mapping),
                "Job status events could not be published to the event bus within an hour",
                runbook="StatusEventsUnpublished",
            )

    def of_jobs(
        self, *, machine: sfn.StateMachine, queue: sqs.Queue, dead_letters: sqs.Queue, table: dynamodb.Table
    ) -> None:
        """Adds alarms on jobs that do not start, fail or get stuck, and on what jobs are stored in."""
        self._add(
            "IntakeDeadLetters",
            _messages(dead_letters),
            "Intake failed to create a job for an uploaded file and gave up retrying",
        )
        self._add(
            "IntakeBacklog",
            oldest_message(queue),
            "The oldest uploaded file has waited in the intake queue for ten minutes",
            threshold=_TEN_MINUTES_SECONDS,
        )
        for name, metric in (
            ("ExecutionsFailed", machine.metric_failed()),
            ("ExecutionsTimedOut", machine.metric_timed_out()),
        ):
            description = "The execution of a job failed; reconcile marks the job as failed"
            self._add(name, _sum(metric), description, runbook="ExecutionsFailed")
        self._add(
            "JobsStuck",
            own_metric(self._stage, "publish", "JobsStuck"),
            "Reconcile failed a job that made no progress or whose execution had ended",
        )
        for name, metric_name in (("ReadsThrottled", "ReadThrottleEvents"), ("WritesThrottled", "WriteThrottleEvents")):
            throttled = _aws_metric("AWS/DynamoDB", metric_name, {"TableName": table.table_name})
            description = "DynamoDB throttled requests to the jobs table in three consecutive periods"
            self._add(name, throttled, description, runbook="TableThrottled", periods=3)
        self._add(
            "ScoreDrift",
            own_metric(self._stage, "finalize", "PopulationStabilityIndex", statistic="Average").with_(
                period=Duration.days(1)
            ),
            "The grades of one day's jobs are distributed differently from the training data of the model",
            threshold=_PSI_SHIFTED,
        )

    def of_api(self, http_api: apigateway.HttpApi) -> None:
        """Adds an alarm on failed requests."""
        errors = http_api.metric_server_error(period=_FIVE_MINUTES, statistic="Sum")
        self._add("ApiServerErrors", errors, "The API returned five or more 5xx responses", threshold=5)

    def _add(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        description: str,
        *,
        runbook: str | None = None,
        threshold: float = 1,
        periods: int = 1,
        is_heartbeat: bool = False,
    ) -> None:
        """Adds an alarm on values at or above the threshold; on a heartbeat, on values below it or none at all."""
        comparison = cloudwatch.ComparisonOperator
        missing = cloudwatch.TreatMissingData
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            alarm_description=f"{description}. Runbook: infra/docs/operations.md, {runbook or name}",
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=(
                comparison.LESS_THAN_THRESHOLD if is_heartbeat else comparison.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
            ),
            treat_missing_data=missing.BREACHING if is_heartbeat else missing.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        alarm.add_ok_action(actions.SnsAction(self._topic))


def own_metric(stage: Stage, function: str, name: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
    """Returns a metric that a function writes to its log; `shared/observability.py` sets namespace and dimension."""
    return cloudwatch.Metric(
        namespace=stage.stack_name,
        metric_name=name,
        dimensions_map={"service": function},
        period=_FIVE_MINUTES,
        statistic=statistic,
    )


def oldest_message(queue: sqs.Queue) -> cloudwatch.Metric:
    """Returns the age in seconds of the oldest message of a queue."""
    return queue.metric_approximate_age_of_oldest_message(period=_FIVE_MINUTES, statistic="Maximum")


def _messages(queue: sqs.Queue) -> cloudwatch.Metric:
    return queue.metric_approximate_number_of_messages_visible(period=_FIVE_MINUTES, statistic="Maximum")


def _aws_metric(namespace: str, name: str, dimensions: Mapping[str, str]) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        period=_FIVE_MINUTES,
        statistic="Sum",
    )


def _sum(metric: cloudwatch.Metric) -> cloudwatch.Metric:
    return metric.with_(period=_FIVE_MINUTES, statistic="Sum")
