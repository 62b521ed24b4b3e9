"""The synthesized template: settings match environments, roles are exact, and only public routes are open."""

import json
from importlib import import_module
from typing import Any, get_args

import pytest

from infra.source import DependencyList
from shared.jobs.events import EVENT_SOURCE, EVENT_TYPE
from shared.settings import Settings, SettingsError
from tests.infra.contexts import CONTEXTS, ON_AWS
from tests.infra.resource_policies import as_list
from tests.synthesized import JsonObject, Template, template

STAGES = ("dev", "prod", "local")

# Actions without a narrower resource than `*`, with their documentation.
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html, .../concepts-xray-tracing.html
_ONLY_ON_EVERYTHING = {
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
}

# All permissions of each role, so that a wider role fails here.
ROLES = {
    "Api": {
        "dynamodb:BatchGetItem",
        "dynamodb:DeleteItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "lambda:InvokeFunction",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "secretsmanager:GetSecretValue",
        "states:DescribeExecution",
        "states:StopExecution",
    },
    "Intake": {
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "s3:DeleteObjectVersion",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "states:StartExecution",
    },
    "Plan": {
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "s3:AbortMultipartUpload",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:PutObject",
    },
    "Score": {
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "lambda:InvokeFunction",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:PutObject",
        "states:DescribeExecution",
        "states:StopExecution",
    },
    "Finalize": {
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:PutObject",
    },
    "Reconcile": {
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "lambda:InvokeFunction",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:ListBucket",
        "states:DescribeExecution",
        "states:StartExecution",
        "states:StopExecution",
    },
    "Export": {
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    },
    "Retry": {
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    },
    "Publish": {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "dynamodb:Query",
        "events:PutEvents",
        "s3:ListBucket",
        "s3:PutObject",
    },
    "Publisher": {"sns:Publish"},
    "Claims": set[str](),
    "Console": set[str](),
    "Jobs": {
        "lambda:InvokeFunction",
        "s3:GetObject",
        "states:DescribeExecution",
        "states:StartExecution",
        "states:StopExecution",
        *_ONLY_ON_EVERYTHING,
    },
}
# The prefixes that each role reads, writes or lists, of the uploads bucket (U) and the results bucket (R).
PREFIXES = {
    "Api": {
        "s3:DeleteObject": {"R:exports/*", "R:results/*", "R:work/*"},
        "s3:DeleteObjectVersion": {"U:*"},
        "s3:GetObject": {"R:exports/*", "R:results/*"},
        "s3:ListBucket": {"R:exports/*", "R:results/*", "R:work/*"},
        "s3:PutObject": {"U:api/*"},
    },
    "Export": {
        "s3:AbortMultipartUpload": {"R:exports/*"},
        "s3:DeleteObject": {"R:exports/*"},
        "s3:GetObject": {"R:results/*"},
        "s3:ListBucket": {"R:results/*"},
        "s3:PutObject": {"R:exports/*"},
    },
    "Finalize": {
        "s3:AbortMultipartUpload": {"R:results/*"},
        "s3:GetObject": {"R:work/*"},
        "s3:GetObjectVersion": {"U:api/*", "U:drop/*"},
        "s3:ListBucket": {"R:results/*", "R:work/*"},
        "s3:ListBucketVersions": {"U:api/*", "U:drop/*"},
        "s3:PutObject": {"R:results/*", "R:work/*"},
    },
    "Intake": {
        "s3:DeleteObjectVersion": {"U:*"},
        "s3:GetObjectVersion": {"U:drop/*"},
        "s3:ListBucket": {"U:drop/*"},
        "s3:ListBucketVersions": {"U:drop/*"},
    },
    "Jobs": {"s3:GetObject": {"R:work/*/manifest.json"}},
    "Plan": {
        "s3:AbortMultipartUpload": {"R:work/*"},
        "s3:GetObjectVersion": {"U:api/*", "U:drop/*"},
        "s3:ListBucket": {"U:api/*", "U:drop/*"},
        "s3:ListBucketVersions": {"U:api/*", "U:drop/*"},
        "s3:PutObject": {"R:work/*"},
    },
    "Publish": {"s3:ListBucket": {"R:aws/lambda/*"}, "s3:PutObject": {"R:aws/lambda/*"}},
    "Reconcile": {
        "s3:DeleteObject": {"R:exports/*", "R:results/*", "R:work/*"},
        "s3:DeleteObjectVersion": {"U:*"},
        "s3:ListBucket": {"R:exports/*", "R:results/*", "R:work/*"},
    },
    "Retry": {
        "s3:AbortMultipartUpload": {"U:api/*"},
        "s3:GetObject": {"R:results/*"},
        "s3:ListBucket": {"R:results/*"},
        "s3:PutObject": {"U:api/*"},
    },
    "Score": {
        "s3:DeleteObject": {"R:results/*/errors/*", "R:work/*"},
        "s3:GetObject": {"R:work/*"},
        "s3:GetObjectVersion": {"U:api/*", "U:drop/*"},
        "s3:ListBucket": {"R:work/*", "U:api/*", "U:drop/*"},
        "s3:ListBucketVersions": {"U:api/*", "U:drop/*"},
        "s3:PutObject": {"R:results/*/errors/*", "R:work/*"},
    },
}
# Every function also has permissions for its log and for tracing.
_OBSERVED = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Template:
    return template(stage=request.param)


def folder_of(properties: JsonObject) -> str:
    return str(properties["Handler"].split(".")[1])


def settings_of(folder: str) -> Any:
    """The class at the top of the function's handler; some read the environment without our own base class."""
    module = import_module(f"functions.{folder}.handler")
    (found,) = [
        member
        for name, member in vars(module).items()
        if name.endswith("Settings") and member is not Settings and hasattr(member, "from_environment")
    ]
    return found


def statements(synthesized: Template) -> list[tuple[str, JsonObject]]:
    """Returns every statement of every identity policy with the logical id of its role."""
    found = []
    for properties in synthesized.resources("AWS::IAM::Policy").values():
        (role,) = properties["Roles"]
        found += [(role["Ref"], statement) for statement in properties["PolicyDocument"]["Statement"]]
    return found


def actions_of(statement: JsonObject) -> list[str]:
    action = statement["Action"]
    return action if isinstance(action, list) else [action]


def test_every_function_has_the_environment_of_its_settings(stage: Template) -> None:
    functions = stage.resources("AWS::Lambda::Function")
    assert {folder_of(properties) for properties in functions.values()} == {
        "api",
        "claims",
        "console",
        "export",
        "finalize",
        "intake",
        "plan",
        "publish",
        "reconcile",
        "retry",
        "score",
    }
    for properties in functions.values():
        folder = folder_of(properties)
        assert callable(import_module(f"functions.{folder}.handler").handler)
        environment = stage.resolve(properties["Environment"]["Variables"])
        settings_of(folder).from_environment(environment)


def test_settings_without_one_of_their_variables_are_refused() -> None:
    environment = {"TABLE_NAME": "jobs", "UPLOADS_BUCKET": "uploads"}
    with pytest.raises(SettingsError, match="RESULTS_BUCKET"):
        settings_of("score").from_environment(environment)


def test_environment_variable_has_the_same_value_in_every_function(stage: Template) -> None:
    seen: dict[str, Any] = {}
    for properties in stage.resources("AWS::Lambda::Function").values():
        for name, value in stage.resolve(properties["Environment"]["Variables"]).items():
            if name != "POWERTOOLS_SERVICE_NAME":
                assert seen.setdefault(name, value) == value


def test_no_statement_allows_a_wildcard_action_or_every_resource(stage: Template) -> None:
    for role, statement in statements(stage):
        for action in actions_of(statement):
            assert "*" not in action, f"{role} may {action}"
            resources = stage.resolve(statement["Resource"])
            everything = "*" in (resources if isinstance(resources, list) else [resources])
            assert everything == (action in _ONLY_ON_EVERYTHING), f"{role}: {action} on {resources}"


def role_name(logical_id: str) -> str:
    """Returns the name of a role in `ROLES`."""
    (name,) = [name for name in ROLES if f"{name}Role" in logical_id] or ["Publisher"]
    assert name in logical_id
    return name


@pytest.mark.parametrize("name", ON_AWS)
def test_every_role_has_exactly_its_listed_permissions(name: str) -> None:
    synthesized = template(**CONTEXTS[name])
    roles = {role: actions for role, actions in ROLES.items() if role != "Claims" or "issuer" not in CONTEXTS[name]}
    allowed: dict[str, set[str]] = {role: set() for role in roles}
    for logical_id, statement in statements(synthesized):
        role = role_name(logical_id)
        # tests/infra/test_options.py has the permissions on the key.
        actions = {action for action in actions_of(statement) if not action.startswith("kms:")}
        allowed[role] |= actions - (set() if role == "Jobs" else _OBSERVED)
    assert allowed == roles


@pytest.mark.parametrize("name", ON_AWS)
def test_role_reaches_only_prefixes_that_it_uses(name: str) -> None:
    synthesized = template(**CONTEXTS[name])
    reached: dict[str, dict[str, set[str]]] = {}
    for logical_id, statement in statements(synthesized):
        for action in actions_of(statement):
            if action.startswith("s3:"):
                actions = reached.setdefault(role_name(logical_id), {})
                actions.setdefault(action, set()).update(prefixes_of(synthesized, statement))
    assert reached == PREFIXES


def prefixes_of(synthesized: Template, statement: JsonObject) -> set[str]:
    """Returns bucket and prefix of the objects, or of the listings, that a statement allows."""
    found = set()
    for resource in as_list(synthesized.resolve(statement["Resource"])):
        bucket, _, keys = resource.removeprefix("arn:aws:s3:::").partition("/")
        letter = "U" if "uploads" in bucket else "R"
        prefixes = [keys] if keys else as_list(statement["Condition"]["StringLike"]["s3:prefix"])
        found |= {f"{letter}:{prefix}" for prefix in prefixes}
    return found


def test_no_role_has_a_managed_policy(stage: Template) -> None:
    for properties in stage.resources("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in properties


def test_every_route_except_public_ones_needs_a_token(stage: Template) -> None:
    routes = {
        properties["RouteKey"]: properties.get("AuthorizationType", "NONE")
        for properties in stage.resources("AWS::ApiGatewayV2::Route").values()
    }
    assert routes == {
        "GET /api/v1/health": "NONE",
        "GET /api/v1/openapi.json": "NONE",
        "GET /api/v1/docs": "NONE",
        "HEAD /api/v1/docs": "NONE",
        "GET /console": "NONE",
        "HEAD /console": "NONE",
        "GET /console/{proxy+}": "NONE",
        "HEAD /console/{proxy+}": "NONE",
        "ANY /{proxy+}": "JWT",
    }


def test_public_routes_invoke_only_console_and_api(stage: Template) -> None:
    """Without a token, only health and the OpenAPI document reach a function with permissions."""
    (console,) = [name for name in stage.resources("AWS::Lambda::Function") if "Console" in name]
    integrations = stage.resources("AWS::ApiGatewayV2::Integration")
    for properties in stage.resources("AWS::ApiGatewayV2::Route").values():
        if properties.get("AuthorizationType", "NONE") == "NONE":
            target = integrations[properties["Target"]["Fn::Join"][1][1]["Ref"]]["IntegrationUri"]["Fn::GetAtt"][0]
            is_page = "console" in properties["RouteKey"] or "docs" in properties["RouteKey"]
            assert (target == console) == is_page, properties["RouteKey"]


def test_only_the_console_uses_the_authorization_code_flow(stage: Template) -> None:
    _, client = stage.only("AWS::Cognito::UserPoolClient", containing="Console")
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["AllowedOAuthScopes"] == ["openid"]
    assert "ClientSecret" not in client
    assert client.get("GenerateSecret") is not True
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    console_url = stage.resolve(stage.document["Outputs"]["ConsoleUrl"]["Value"])
    assert stage.resolve(client["CallbackURLs"]) == stage.resolve(client["LogoutURLs"]) == [console_url]
    _, authorizer = stage.only("AWS::ApiGatewayV2::Authorizer")
    assert len(authorizer["JwtConfiguration"]["Audience"]) == 2
    _, other = stage.only("AWS::Cognito::UserPoolClient", containing="Callers")
    assert not other.get("AllowedOAuthFlowsUserPoolClient")
    assert "AllowedOAuthFlows" not in other


def test_cors_allows_only_post_to_uploads_and_get_from_results(stage: Template) -> None:
    console_url = stage.resolve(stage.document["Outputs"]["ConsoleUrl"]["Value"])
    allowed = {}
    for name, properties in stage.resources("AWS::S3::Bucket").items():
        (rule,) = properties["CorsConfiguration"]["CorsRules"]
        allowed[name.removeprefix("Storage")[:7]] = rule["AllowedMethods"]
        assert [console_url] == [f"{origin}/console" for origin in stage.resolve(rule["AllowedOrigins"])]
    assert allowed == {"Uploads": ["POST"], "Results": ["GET"]}


def test_buckets_are_private_and_encrypted_and_require_tls() -> None:
    synthesized = template(stage="prod")
    for name, properties in synthesized.resources("AWS::S3::Bucket").items():
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, name
        assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"], name
    refused = [
        statement["Condition"]
        for properties in synthesized.resources("AWS::S3::BucketPolicy").values()
        for statement in properties["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
    ]
    assert refused == [{"Bool": {"aws:SecureTransport": "false"}}] * 2


def test_production_keeps_its_data_when_the_stack_is_deleted() -> None:
    resources = template(stage="prod").document["Resources"].values()
    kept = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool"}
    for resource in resources:
        if resource["Type"] in kept:
            assert resource["DeletionPolicy"] == "Retain", resource["Type"]


def test_users_cannot_change_the_organization_in_their_tokens(stage: Template) -> None:
    clients = stage.resources("AWS::Cognito::UserPoolClient")
    assert len(clients) == 2
    for client in clients.values():
        assert client["WriteAttributes"] == ["email", "name"]
    _, pool = stage.only("AWS::Cognito::UserPool")
    assert pool["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaVersion"] == "V3_0"


def test_map_runs_express_executions_and_tolerates_failed_chunks(stage: Template) -> None:
    _, machine = stage.only("AWS::StepFunctions::StateMachine")
    states = json.loads(stage.resolve(machine["DefinitionString"]))["States"]
    score = states["ScoreChunks"]
    assert score["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    assert score["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
    assert score["ToleratedFailurePercentage"] == 100
    assert score["Next"] == states["IsPlanned"]["Default"] == "Finalize"
    for task in (states["Plan"], states["Finalize"], score["ItemProcessor"]["States"]["Score"]):
        refused, *_, failed = task["Retry"]
        assert refused["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
        assert (failed["ErrorEquals"], failed["MaxAttempts"], failed["JitterStrategy"]) == (["States.ALL"], 3, "FULL")


def test_plan_that_timed_out_is_not_retried(stage: Template) -> None:
    _, machine = stage.only("AWS::StepFunctions::StateMachine")
    states = json.loads(stage.resolve(machine["DefinitionString"]))["States"]
    score = states["ScoreChunks"]["ItemProcessor"]["States"]["Score"]
    for error in ("Sandbox.Timedout", "Lambda.Unknown", "States.Timeout", "States.TaskFailed"):
        retries = [retries_of(task, error) for task in (states["Plan"], states["Finalize"], score)]
        assert retries == [3 if error == "States.TaskFailed" else 0, 3, 3]


def retries_of(task: JsonObject, error: str) -> int:
    """Returns how often a task is retried after an error: the first rule that names it applies."""
    rule = next(rule for rule in task["Retry"] if {error, "States.ALL"} & set(rule["ErrorEquals"]))
    return int(rule["MaxAttempts"])


def longest_waits(retry: JsonObject) -> list[float]:
    """Returns the longest wait before each retry in seconds; jitter halves it on average."""
    return [
        min(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt, retry["MaxDelaySeconds"])
        for attempt in range(retry["MaxAttempts"])
    ]


@pytest.mark.parametrize("task", ["Plan", "Finalize"])
def test_throttled_tasks_are_retried_for_an_hour(stage: Template, task: str) -> None:
    _, machine = stage.only("AWS::StepFunctions::StateMachine")
    states = json.loads(stage.resolve(machine["DefinitionString"]))["States"]
    assert sum(longest_waits(states[task]["Retry"][0])) / 2 >= 3_500


def test_throttled_chunk_is_retried_until_its_execution_times_out(stage: Template) -> None:
    _, machine = stage.only("AWS::StepFunctions::StateMachine")
    states = json.loads(stage.resolve(machine["DefinitionString"]))["States"]
    waits = longest_waits(states["ScoreChunks"]["ItemProcessor"]["States"]["Score"]["Retry"][0])
    # The last minute of an Express execution's five is many times the duration of a chunk.
    assert 180 <= sum(waits) <= 240


def test_queue_visibility_exceeds_intake_and_dead_letters_are_kept(stage: Template) -> None:
    _, queue = stage.only("AWS::SQS::Queue", containing="Arrivals")
    _, intake = stage.only("AWS::Lambda::Function", containing="Intake")
    assert queue["VisibilityTimeout"] >= 6 * intake["Timeout"]
    _, mapping = stage.only("AWS::Lambda::EventSourceMapping", containing="Intake")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_stream_publishes_job_changes(stage: Template) -> None:
    _, table = stage.only("AWS::DynamoDB::Table")
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    _, mapping = stage.only("AWS::Lambda::EventSourceMapping", containing="Publish")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    (pattern,) = [json.loads(entry["Pattern"]) for entry in mapping["FilterCriteria"]["Filters"]]
    assert pattern == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {
            "Keys": {"sk": {"S": ["JOB"]}},
            "NewImage": {"status": {"S": [{"exists": True}]}},
        },
    }


def test_topic_receives_the_events_of_the_publish_function(stage: Template) -> None:
    _, rule = stage.only("AWS::Events::Rule", containing="StatusChanged")
    pattern = rule["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == ([EVENT_SOURCE], [EVENT_TYPE])
    assert stage.resolve(rule["EventBusName"]) == stage.resolve({"Ref": stage.only("AWS::Events::EventBus")[0]})
    (target,) = rule["Targets"]
    topic, _ = stage.only("AWS::SNS::Topic", containing="StatusEvents")
    assert target["Arn"] == {"Ref": topic}
    outputs = {name: stage.resolve(output["Value"]) for name, output in stage.document["Outputs"].items()}
    assert outputs["StatusTopicArn"] == stage.resolve({"Ref": topic})


def test_functions_run_on_arm_with_the_python_of_the_project(stage: Template) -> None:
    for name, properties in stage.resources("AWS::Lambda::Function").items():
        assert (properties["Architectures"], properties["Runtime"]) == (["arm64"], "python3.13"), name


def test_only_the_local_stage_has_no_layers() -> None:
    for stage in STAGES:
        layers = template(stage=stage).resources("AWS::Lambda::LayerVersion")
        assert len(layers) == (0 if stage == "local" else len(get_args(DependencyList))), stage


def test_external_issuer_replaces_the_user_pool() -> None:
    synthesized = template(**CONTEXTS["own-issuer"])
    assert synthesized.resources("AWS::Cognito::UserPool") == {}
    _, console = synthesized.only("AWS::Lambda::Function", containing="Console")
    assert "CONSOLE_CLIENT_ID" not in console["Environment"]["Variables"]
    with_client = template(**CONTEXTS["own-issuer"], console_client_id="console")
    _, console = with_client.only("AWS::Lambda::Function", containing="Console")
    variables = with_client.resolve(console["Environment"]["Variables"])
    assert variables["CONSOLE_CLIENT_ID"] == "console"
    assert "SIGN_IN_URL" not in variables
    assert variables["CONNECT_ORIGINS"].split()[-1] == "https://login.example.com"
    _, authorizer = synthesized.only("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {"Issuer": "https://login.example.com", "Audience": ["jobs", "console"]}
    _, api = synthesized.only("AWS::Lambda::Function", containing="Api")
    assert api["Environment"]["Variables"]["JWKS_URL"] == "https://login.example.com/keys"
