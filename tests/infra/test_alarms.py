"""Every alarm uses an existing metric: a published one of AWS, or one that a handler writes after a failure."""

from dataclasses import replace
from importlib import import_module

import pytest

from functions.publish.status_events import StatusEvents
from shared.jobs.job import JobStatus
from shared.observability import metrics, observed
from shared.scoring.risk_summary import population_stability
from tests.builders import a_job
from tests.fakes import FakeEventBus, FakeJobStore
from tests.invocation import InvocationContext
from tests.log_lines import Written, written
from tests.synthesized import JsonObject, template
from tests.unit.publish.stream_records import stream_record

# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and its like of each service
OF_AWS = {
    ("AWS/ApiGateway", "5xx"),
    ("AWS/DynamoDB", "ReadThrottleEvents"),
    ("AWS/DynamoDB", "WriteThrottleEvents"),
    ("AWS/Events", "FailedInvocations"),
    ("AWS/Lambda", "DroppedEventCount"),
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Invocations"),
    ("AWS/Lambda", "IteratorAge"),
    ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ("AWS/States", "ExecutionsFailed"),
    ("AWS/States", "ExecutionsTimedOut"),
}
STACK = "default-risk-jobs-prod"


class _OutOfMemory:
    def score(self, *_arguments: object) -> None:
        raise MemoryError


def a_chunk_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    function = import_module("functions.score.handler")
    monkeypatch.setattr(function, "_scorer", _OutOfMemory)
    chunk = {"index": 0, "start": 0, "end": 1, "first_row": 1, "row_count": 1}
    with pytest.raises(MemoryError):
        function.handler({"job_id": str(a_job().id), "chunk": chunk}, InvocationContext())


def a_job_gets_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    function = import_module("functions.publish.handler")
    monkeypatch.setattr(function, "_status_events", lambda: StatusEvents(store=FakeJobStore(), bus=FakeEventBus()))
    stuck = replace(a_job(), status=JobStatus.FAILED, error_code="stalled", error_message="No progress")
    function.handler({"Records": [stream_record(JobStatus.PROCESSING, stuck)]}, InvocationContext())


def scores_drift(_monkeypatch: pytest.MonkeyPatch) -> None:
    function = import_module("functions.finalize.handler")
    stability = population_stability([0] * 9 + [5_000], [1_000] * 10)
    summary = {"population_stability": stability, "default_probability": {"mean": 0.4}}

    def finalized(_event: object, _context: object) -> None:
        function._report_drift(summary)

    observed(finalized)({}, InvocationContext())
    assert stability["index"] > 0.25


FAILURES = {
    ("score", "ChunkAttemptsFailed"): a_chunk_fails,
    ("publish", "JobsStuck"): a_job_gets_stuck,
    ("finalize", "PopulationStabilityIndex"): scores_drift,
}


def alarms() -> list[JsonObject]:
    return list(template(stage="prod", alarm_email="oncall@example.com").resources("AWS::CloudWatch::Alarm").values())


def test_every_alarm_uses_a_metric_of_aws_or_one_that_a_handler_writes() -> None:
    found = {(alarm["Namespace"], alarm["MetricName"]) for alarm in alarms() if alarm["Namespace"] != STACK}
    assert found == OF_AWS
    ours = {(alarm["Dimensions"][0]["Value"], alarm["MetricName"]) for alarm in alarms() if alarm["Namespace"] == STACK}
    assert ours == set(FAILURES)


@pytest.mark.parametrize("function", sorted({function for function, _ in FAILURES}))
def test_functions_and_alarms_use_the_same_metric_namespace(function: str) -> None:
    _, properties = template(stage="prod", alarm_email="oncall@example.com").only(
        "AWS::Lambda::Function", containing=function.capitalize()
    )
    variables = properties["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == STACK
    assert variables["POWERTOOLS_SERVICE_NAME"] == function


@pytest.mark.parametrize(("function", "metric"), FAILURES)
def test_handler_writes_the_metric_of_its_alarm_after_a_failure(
    function: str, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics.provider, "namespace", STACK)
    monkeypatch.setattr(metrics.provider, "service", function)
    log: Written
    with written() as log:
        FAILURES[function, metric](monkeypatch)
    assert (STACK, function, metric) in log.metrics
    assert len(log.values(metric)) == 1


def test_every_custom_metric_of_the_dashboard_is_written_by_a_function() -> None:
    _, dashboard = template(stage="prod").only("AWS::CloudWatch::Dashboard")
    body = str(template(stage="prod").resolve(dashboard["DashboardBody"]))
    for name in (
        "JobsCompleted",
        "RowErrorRate",
        "RowsPerSecond",
        "ChunkRows",
        "ChunkDuration",
        "JobsStuck",
        "PopulationStabilityIndex",
    ):
        assert f'"{STACK}","{name}","service"' in body


def test_every_function_that_writes_logs_is_on_the_dashboard() -> None:
    functions = {
        properties["Handler"].split(".")[1] for properties in template().resources("AWS::Lambda::Function").values()
    }
    # What adds claims to tokens, and what serves pages, has no dependency and writes nothing.
    for function in functions - {"claims", "console"}:
        handler = import_module(f"functions.{function}.handler").handler
        assert handler.__wrapped__.__wrapped__.__module__ == f"functions.{function}.handler", function
