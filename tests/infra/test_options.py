"""Effects of contexts on the template: key, alarms, limits, domain, CORS origins, logs."""

import re
from typing import Any

import pytest

from infra.console import PATHS as PAGES
from infra.encryption import KEY_ACTIONS_OF, key_actions
from infra.project import ROOT
from tests.infra.contexts import CONTEXTS, ON_AWS, is_kept
from tests.synthesized import Template, template

# KMS permissions of each function.
KEY_ACTIONS = {
    "api": {"kms:Decrypt", "kms:GenerateDataKey"},
    "claims": set[str](),
    "console": set[str](),
    "export": {"kms:Decrypt", "kms:GenerateDataKey"},
    "finalize": {"kms:Decrypt", "kms:GenerateDataKey"},
    "intake": {"kms:Decrypt"},
    "plan": {"kms:Decrypt", "kms:GenerateDataKey"},
    "publish": {"kms:Decrypt", "kms:GenerateDataKey"},
    "reconcile": {"kms:Decrypt"},
    "retry": {"kms:Decrypt", "kms:GenerateDataKey"},
    "score": {"kms:Decrypt", "kms:GenerateDataKey"},
}


@pytest.fixture(scope="module")
def kms() -> Template:
    return template(**CONTEXTS["prod-kms"])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements_of(synthesized: Template, role: str) -> list[Any]:
    return [
        statement
        for policy in synthesized.resources("AWS::IAM::Policy").values()
        if policy["Roles"] == [{"Ref": role}]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_every_resource_with_data_is_encrypted_with_the_kms_key(kms: Template) -> None:
    key, properties = kms.only("AWS::KMS::Key")
    assert properties["EnableKeyRotation"] is True
    for kind, encrypted_by in {
        "AWS::S3::Bucket": "BucketEncryption",
        "AWS::DynamoDB::Table": "SSESpecification",
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::Logs::LogGroup": "KmsKeyId",
    }.items():
        resources = kms.resources(kind)
        assert resources
        for name, resource in resources.items():
            assert key in str(resource[encrypted_by]), name
    assert template(stage="dev").resources("AWS::KMS::Key") == {}


def test_every_function_has_exactly_its_listed_kms_permissions(kms: Template) -> None:
    found = {}
    for function in kms.resources("AWS::Lambda::Function").values():
        role = function["Role"]["Fn::GetAtt"][0]
        statements = [s for s in statements_of(kms, role) if any("kms:" in a for a in as_list(s["Action"]))]
        found[function["Handler"].split(".")[1]] = {action for s in statements for action in as_list(s["Action"])}
        for statement in statements:
            assert statement["Resource"] == {"Fn::GetAtt": [kms.only("AWS::KMS::Key")[0], "Arn"]}
    assert found == KEY_ACTIONS


def test_every_action_on_encrypted_resources_is_in_the_kms_tables(kms: Template) -> None:
    """A new action must be added to `KEY_ACTIONS_OF` or to the actions without a key."""
    no_key = {
        *(
            "s3:ListBucket",
            "s3:ListBucketVersions",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:AbortMultipartUpload",
        ),
        *("sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        *("dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
    }
    used = {
        action
        for policy in kms.resources("AWS::IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
        if action.split(":")[0] in {"s3", "sqs", "sns", "dynamodb"}
    }
    assert used - no_key <= set(KEY_ACTIONS_OF)
    assert key_actions(no_key) == []


@pytest.mark.parametrize("name", CONTEXTS)
def test_every_alarm_notifies_the_topic_and_has_a_runbook(name: str) -> None:
    synthesized = template(**CONTEXTS[name])
    topic, _ = synthesized.only("AWS::SNS::Topic", containing="Observability")
    guide = (ROOT / "infra" / "docs" / "operations.md").read_text()
    runbooks = set()
    for properties in synthesized.resources("AWS::CloudWatch::Alarm").values():
        assert properties["AlarmActions"] == properties["OKActions"] == [{"Ref": topic}]
        runbooks.add(properties["AlarmDescription"].rpartition(", ")[2])
        is_heartbeat = properties["ComparisonOperator"] == "LessThanThreshold"
        assert properties["TreatMissingData"] == ("breaching" if is_heartbeat else "notBreaching")
    assert runbooks == set(re.findall(r"^### (\w+)$", guide, re.MULTILINE))


def test_every_runbook_says_what_users_notice_where_to_look_and_what_to_do() -> None:
    guide = (ROOT / "infra" / "docs" / "operations.md").read_text()
    for runbook in re.findall(r"^### \w+\n(.*?)(?=^##)", guide, re.MULTILINE | re.DOTALL):
        assert re.findall(r"^- \*\*(.+?):\*\*", runbook, re.MULTILINE) == ["Users notice", "Look at", "Do"]


def test_alarm_email_is_subscribed_to_the_topic() -> None:
    _, subscription = template(**CONTEXTS["prod"]).only("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "oncall@example.com")
    assert template(stage="dev").resources("AWS::SNS::Subscription") == {}


@pytest.mark.parametrize("name", ON_AWS)
def test_every_log_group_has_a_retention_and_is_deleted_with_the_stack(name: str) -> None:
    document = template(**CONTEXTS[name]).document["Resources"].values()
    groups = [resource for resource in document if resource["Type"] == "AWS::Logs::LogGroup"]
    functions = [resource for resource in document if resource["Type"] == "AWS::Lambda::Function"]
    # Plus the log groups of the state machine and the gateway.
    assert len(groups) == len(functions) + 2
    for group in groups:
        assert group["DeletionPolicy"] == "Delete"
        assert group["Properties"]["RetentionInDays"] == (90 if is_kept(name) else 14)
    for function in functions:
        assert "LogGroup" in function["Properties"]["LoggingConfig"]


def test_stage_that_keeps_no_data_deletes_every_resource() -> None:
    for name in CONTEXTS:
        if is_kept(name):
            continue
        resources = template(**CONTEXTS[name]).document["Resources"]
        kept = {
            key: resource["DeletionPolicy"]
            for key, resource in resources.items()
            if resource.get("DeletionPolicy", "Delete") != "Delete" and resource["Type"] != "AWS::Lambda::LayerVersion"
        }
        assert kept == {}, name


def test_file_limits_reach_the_functions_that_check_files() -> None:
    synthesized = template(stage="dev", csv_max_bytes="5000")
    for function in ("Api", "Plan"):
        _, properties = synthesized.only("AWS::Lambda::Function", containing=function)
        assert properties["Environment"]["Variables"]["CSV_MAX_BYTES"] == "5000"


def test_only_cors_preflights_need_no_token_with_browser_origins() -> None:
    synthesized = template(**CONTEXTS["domain"])
    _, api = synthesized.only("AWS::ApiGatewayV2::Api")
    assert api["CorsConfiguration"]["AllowOrigins"] == ["https://console.example.com"]
    routes = {
        properties["RouteKey"]: properties.get("AuthorizationType", "NONE")
        for properties in synthesized.resources("AWS::ApiGatewayV2::Route").values()
    }
    open_routes = {key for key, kind in routes.items() if kind == "NONE"}
    pages = {f"{method} {path}" for method in ("GET", "HEAD") for path in PAGES}
    assert open_routes == {"GET /api/v1/health", "GET /api/v1/openapi.json"} | pages
    # The gateway responds to a preflight only if no route accepts OPTIONS.
    assert not any(key.startswith(("ANY", "OPTIONS")) for key in routes)
    for name, bucket in synthesized.resources("AWS::S3::Bucket").items():
        rule, *own = bucket["CorsConfiguration"]["CorsRules"]
        assert rule["AllowedOrigins"] == ["https://console.example.com"]
        assert [own_rule["AllowedOrigins"] for own_rule in own] == [["https://jobs.example.com"]], name


def test_custom_domain_is_in_every_url_for_callers() -> None:
    synthesized = template(**CONTEXTS["domain"])
    assert synthesized.document["Outputs"]["ApiUrl"]["Value"] == "https://jobs.example.com"
    assert "DomainTarget" in synthesized.document["Outputs"]
    _, function = synthesized.only("AWS::Lambda::Function", containing="HttpApi")
    assert function["Environment"]["Variables"]["API_ROOT_URL"] == "https://jobs.example.com"
    _, mapping = synthesized.only("AWS::ApiGatewayV2::ApiMapping")
    assert synthesized.resolve(mapping["DomainName"]) == synthesized.only("AWS::ApiGatewayV2::DomainName")[0].lower()


def test_access_logs_have_no_address_or_path_of_a_caller() -> None:
    _, stage = template(stage="prod").only("AWS::ApiGatewayV2::Stage")
    variables = set(re.findall(r"\$context\.[\w.]+", stage["AccessLogSettings"]["Format"]))
    assert variables == {
        "$context.requestId",
        "$context.routeKey",
        "$context.status",
        "$context.responseLatency",
        "$context.authorizer.error",
        "$context.integrationErrorMessage",
    }
