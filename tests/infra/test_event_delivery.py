"""In every context, alarms and events reach their targets, and those of no other account do."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra.contexts import CONTEXTS
from tests.infra.resource_policies import Statement, as_list, statements_of
from tests.synthesized import Template, template

ACCOUNT, REGION = "123456789012", "eu-central-1"

# Condition keys that name the account or the resource on whose behalf a service acts.
_SOURCES = ("aws:sourceaccount", "aws:sourcearn", "kms:encryptioncontext:aws:logs:arn")


@pytest.fixture(params=CONTEXTS)
def synthesized(request: pytest.FixtureRequest) -> Template:
    return template(**CONTEXTS[request.param])


def allowing(synthesized: Template, service: str, action: str, resource: str) -> list[Statement]:
    """Returns the statements of the policy of a resource that allow the service this action."""
    return [
        statement
        for statement in statements_of(synthesized)
        if (statement.effect, resource in statement.protected) == ("Allow", True)
        and service in statement.services
        and action in statement.actions
    ]


def rules(synthesized: Template) -> dict[str, dict[str, Any]]:
    return synthesized.resources("AWS::Events::Rule")


def test_topic_of_every_alarm_allows_exactly_the_alarms_of_this_account(synthesized: Template) -> None:
    """Once a topic has a policy, CloudWatch needs a statement of its own."""
    alarms = synthesized.resources("AWS::CloudWatch::Alarm").values()
    topics = {topic["Ref"] for alarm in alarms for topic in (*alarm["AlarmActions"], *alarm["OKActions"])}
    assert topics
    for topic in topics:
        (statement,) = allowing(synthesized, "cloudwatch.amazonaws.com", "sns:Publish", topic)
        assert statement.conditions == {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"},
        }
        assert statement.resources == (topic.lower(),)


def test_no_policy_allows_a_service_to_act_for_another_account(synthesized: Template) -> None:
    open_to_services = [
        statement
        for statement in statements_of(synthesized)
        if statement.effect == "Allow" and statement.services and not statement.condition_keys & set(_SOURCES)
    ]
    assert open_to_services == []


def test_no_role_for_events_or_executions_can_be_assumed_for_another_account(synthesized: Template) -> None:
    """A function's role needs no condition: only Lambda assumes it, for functions that may be given the role."""
    services = set()
    for name, role in synthesized.resources("AWS::IAM::Role").items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = statement["Principal"]["Service"]
        services.add(service)
        if service != "lambda.amazonaws.com":
            conditions = synthesized.resolve(statement["Condition"])
            assert conditions["StringEquals"] == {"aws:SourceAccount": ACCOUNT}, name
    assert services == {"lambda.amazonaws.com", "states.amazonaws.com", "events.amazonaws.com"}


def test_every_rule_may_use_its_targets_and_keeps_what_it_cannot_deliver(synthesized: Template) -> None:
    undelivered, _ = synthesized.only("AWS::SQS::Queue", containing="Undelivered")
    for name, rule in rules(synthesized).items():
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [undelivered, "Arn"]}}, name
            (logical_id,) = as_list(target["Arn"].get("Ref") or target["Arn"]["Fn::GetAtt"][0])
            if "RoleArn" in target:
                assert publishes(synthesized, target["RoleArn"]["Fn::GetAtt"][0], logical_id), name
            else:
                kind = synthesized.document["Resources"][logical_id]["Type"]
                action = {"AWS::SQS::Queue": "sqs:SendMessage", "AWS::Lambda::Function": "lambda:InvokeFunction"}[kind]
                assert allowing(synthesized, "events.amazonaws.com", action, logical_id), name
        assert allowing(synthesized, "events.amazonaws.com", "sqs:SendMessage", undelivered), name


def publishes(synthesized: Template, role: str, topic: str) -> bool:
    """Whether a role may publish to exactly this topic."""
    (policy,) = (p for p in synthesized.resources("AWS::IAM::Policy").values() if p["Roles"] == [{"Ref": role}])
    statement, *of_key = policy["PolicyDocument"]["Statement"]
    assert len(of_key) == len(synthesized.resources("AWS::KMS::Key"))
    return bool((statement["Action"], statement["Resource"]) == ("sns:Publish", {"Ref": topic}))


def test_no_topic_policy_names_event_bridge(synthesized: Template) -> None:
    """EventBridge supports no conditions in a topic's policy, so a statement for it would admit every account."""
    for topic in synthesized.resources("AWS::SNS::Topic"):
        assert allowing(synthesized, "events.amazonaws.com", "sns:Publish", topic) == []


def test_publisher_role_serves_only_rules_of_the_status_bus(synthesized: Template) -> None:
    _, role = synthesized.only("AWS::IAM::Role", containing="Publisher")
    _, bus = synthesized.only("AWS::Events::EventBus")
    conditions = synthesized.resolve(role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"])
    rules_of_bus = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{bus['Name']}/*"
    assert conditions["ArnLike"] == {"aws:SourceArn": rules_of_bus}


def test_no_rule_matches_a_replayed_event(synthesized: Template) -> None:
    for name, rule in rules(synthesized).items():
        if "ScheduleExpression" not in rule:
            assert rule["EventPattern"]["replay-name"] == [{"exists": False}], name


def test_every_rule_and_dead_letter_queue_has_an_alarm(synthesized: Template) -> None:
    alarms = [synthesized.resolve(alarm) for alarm in synthesized.resources("AWS::CloudWatch::Alarm").values()]
    watched = {
        dimension["Value"]
        for alarm in alarms
        if alarm["MetricName"] in {"FailedInvocations", "ApproximateNumberOfMessagesVisible"}
        for dimension in alarm["Dimensions"]
    }
    dead_letter_queues = {
        f"{name.lower()}-queuename" for name in synthesized.resources("AWS::SQS::Queue") if "Arrivals" not in name
    }
    assert {name.lower() for name in rules(synthesized)} | dead_letter_queues <= watched
    (bus,) = (name.lower() for name in synthesized.resources("AWS::Events::EventBus"))
    on_bus = [alarm for alarm in alarms if {"Name": "EventBusName", "Value": bus} in alarm["Dimensions"]]
    assert len(on_bus) == sum("EventBusName" in rule for rule in rules(synthesized).values()) == 1


def test_every_function_has_an_alarm_on_its_errors(synthesized: Template) -> None:
    functions = {name.lower() for name in synthesized.resources("AWS::Lambda::Function")}
    assert watched(synthesized, "AWS/Lambda", "Errors") == functions


def watched(synthesized: Template, namespace: str, metric: str) -> set[str]:
    """Returns the values of the dimensions of all alarms on a metric."""
    return {
        synthesized.resolve(dimension["Value"])
        for alarm in synthesized.resources("AWS::CloudWatch::Alarm").values()
        if (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
        for dimension in alarm["Dimensions"]
    }


def test_alarm_reports_a_reconcile_schedule_that_stopped(synthesized: Template) -> None:
    (function,) = (name for name in synthesized.resources("AWS::Lambda::Function") if "Reconcile" in name)
    (alarm,) = (
        alarm
        for alarm in synthesized.resources("AWS::CloudWatch::Alarm").values()
        if alarm["MetricName"] == "Invocations"
    )
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    # Without invocations Lambda writes no value.
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 900


def test_unpublished_status_events_are_kept_whole(synthesized: Template) -> None:
    """A queue would get the position of the records, which the stream forgets after a day."""
    _, mapping = synthesized.only("AWS::Lambda::EventSourceMapping", containing="Publish")
    results, bucket = synthesized.only("AWS::S3::Bucket", containing="Results")
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": [results, "Arn"]}
    # Retries are bounded by age, not by number: a number is used up within minutes.
    assert mapping["MaximumRecordAgeInSeconds"] == 3600
    assert "MaximumRetryAttempts" not in mapping
    kept = expirations(bucket)["aws/lambda/"]
    assert kept == 14
    assert mapping["MetricsConfig"] == {"Metrics": ["EventCount"]}
    names = {"OnFailureDestinationDeliveredEventCount", "DroppedEventCount"}
    assert all(len(watched(synthesized, "AWS/Lambda", name)) == 1 for name in names)


def expirations(bucket: Mapping[str, Any]) -> dict[str, int]:
    """Returns the days until objects expire by prefix."""
    found = bucket["LifecycleConfiguration"]["Rules"]
    return {rule.get("Prefix", ""): rule["ExpirationInDays"] for rule in found if "ExpirationInDays" in rule}


def test_subscribers_can_have_thirty_days_of_events_replayed(synthesized: Template) -> None:
    archives = synthesized.resources("AWS::Events::Archive")
    is_local = synthesized.document == template(stage="local").document
    # The local cloud has no archives.
    assert len(archives) == (0 if is_local else 1)
    for archive in archives.values():
        assert archive["RetentionDays"] == 30
        assert archive["EventPattern"]["source"] == ["default-risk.jobs"]


def test_saturated_account_dead_letters_no_upload(synthesized: Template) -> None:
    """A receive counts even if Lambda then has no concurrency for the message."""
    _, queue = synthesized.only("AWS::SQS::Queue", containing="Arrivals")
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 20
    _, mapping = synthesized.only("AWS::Lambda::EventSourceMapping", containing="Intake")
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 10}


def test_unfinished_multipart_uploads_are_aborted_under_every_prefix(synthesized: Template) -> None:
    for name, bucket in synthesized.resources("AWS::S3::Bucket").items():
        whole = [
            rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
            for rule in bucket["LifecycleConfiguration"]["Rules"]
            if "AbortIncompleteMultipartUpload" in rule and not rule.get("Prefix")
        ]
        assert whole == [2], name


def test_log_groups_of_delivered_logs_take_no_space_in_the_resource_policy_of_the_account(
    synthesized: Template,
) -> None:
    functions = synthesized.resources("AWS::Lambda::Function").values()
    of_functions = {function["LoggingConfig"]["LogGroup"]["Ref"] for function in functions}
    names = {
        synthesized.resolve(group["LogGroupName"])
        for name, group in synthesized.resources("AWS::Logs::LogGroup").items()
        if name not in of_functions
    }
    stack = next(iter(synthesized.resources("AWS::Events::EventBus").values()))["Name"]
    is_local = stack.endswith("-local")
    # The local cloud delivers no logs.
    assert names == (set() if is_local else {f"/aws/vendedlogs/{kind}/{stack}-0a1b2c3d" for kind in ("apis", "states")})


def test_scoring_leaves_concurrency_to_the_functions_that_users_wait_for(synthesized: Template) -> None:
    reserved = {
        name: function["ReservedConcurrentExecutions"]
        for name, function in synthesized.resources("AWS::Lambda::Function").items()
        if "ReservedConcurrentExecutions" in function
    }
    settings = json.loads(synthesized.document["Outputs"]["Settings"]["Value"])
    # New accounts allow ten concurrent executions and no reservation, so dev has none.
    wanted = [500] if settings["keep_data"] else []
    assert list(reserved.values()) == wanted
    assert all("Score" in name for name in reserved)
    assert settings["score_concurrency"] in {0, 500}
    assert settings["map_concurrency"] <= 500
