"""Who can sign in, what can be deleted, and how much anybody can request, in every context."""

import json
import re
import tempfile
from pathlib import Path

import pytest

from infra.app import synthesize
from tests.infra.contexts import CONTEXTS, is_kept
from tests.synthesized import NO_BUNDLES, Template, template

PROGRAMS = "nightly=acme:org_member,audit-log=acme:org_member,sync=globex:user"


@pytest.fixture(params=CONTEXTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def synthesized(name: str) -> Template:
    return template(**CONTEXTS[name])


def test_no_stranger_can_sign_up(synthesized: Template, name: str) -> None:
    pools = synthesized.resources("AWS::Cognito::UserPool").values()
    assert len(pools) == (0 if "issuer" in CONTEXTS[name] else 1)
    for pool in pools:
        assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert synthesized.resources("AWS::Cognito::IdentityPool") == {}
    for client in synthesized.resources("AWS::Cognito::UserPoolClient").values():
        assert client.get("SupportedIdentityProviders", ["COGNITO"]) == ["COGNITO"]


def test_users_of_kept_data_cannot_be_deleted_by_accident(synthesized: Template, name: str) -> None:
    for pool in synthesized.resources("AWS::Cognito::UserPool").values():
        assert pool.get("DeletionProtection", "INACTIVE") == ("ACTIVE" if is_kept(name) else "INACTIVE")
    _, table = synthesized.only("AWS::DynamoDB::Table")
    assert table["DeletionProtectionEnabled"] is is_kept(name)


def test_requests_of_all_callers_together_are_limited(synthesized: Template) -> None:
    _, stage = synthesized.only("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 500, "ThrottlingBurstLimit": 1000}


def test_custom_domain_is_the_only_address_of_the_api(synthesized: Template, name: str) -> None:
    _, api = synthesized.only("AWS::ApiGatewayV2::Api")
    assert api.get("DisableExecuteApiEndpoint", False) is ("domain_name" in CONTEXTS[name])


def test_no_arn_or_address_names_a_partition(synthesized: Template) -> None:
    """Parts of the template that name the region by a reference must not name the partition by a word."""
    literal = re.findall(r"arn:aws:[a-z-]*:|\.amazonaws\.com[/:]", json.dumps(synthesized.document["Resources"]))
    # The certificate's ARN is a setting.
    assert [found for found in literal if found != "arn:aws:acm:"] == []


def test_stack_is_tagged_for_cost_allocation() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = synthesize(outdir=Path(folder), context={"stage": "dev", **NO_BUNDLES})
        manifest = json.loads((path.parent / "manifest.json").read_text())
    tags = manifest["artifacts"]["default-risk-jobs-dev"]["properties"]["tags"]
    assert tags == {"project": "default-risk-jobs", "stage": "dev"}


def test_each_program_signs_in_with_a_secret_for_one_organization_and_role() -> None:
    synthesized = template(stage="dev", programs=PROGRAMS)
    _, server = synthesized.only("AWS::Cognito::UserPoolResourceServer")
    assert {scope["ScopeName"] for scope in server["Scopes"]} == {"acme:org_member", "globex:user"}
    granted = {}
    for logical_id, client in synthesized.resources("AWS::Cognito::UserPoolClient").items():
        if "Program" in logical_id:
            assert client["GenerateSecret"] is True
            assert client["AllowedOAuthFlows"] == ["client_credentials"]
            assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
            (scope,) = synthesized.resolve(client["AllowedOAuthScopes"])
            granted[logical_id] = scope.rpartition("/")[2]
    assert sorted(granted.values()) == ["acme:org_member", "acme:org_member", "globex:user"]
    _, authorizer = synthesized.only("AWS::ApiGatewayV2::Authorizer")
    audience = {entry["Ref"] for entry in authorizer["JwtConfiguration"]["Audience"]}
    assert granted.keys() < audience
    _, pool = synthesized.only("AWS::Cognito::UserPool")
    # Version 2 of the trigger is not invoked for programs.
    assert pool["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaVersion"] == "V3_0"
    assert "ProgramAuditLogClientId" in synthesized.document["Outputs"]


def test_users_may_register_an_authenticator_app_if_the_stage_says_so() -> None:
    _, pool = template(stage="dev", mfa="true").only("AWS::Cognito::UserPool")
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"])


def test_access_logs_name_callers_only_if_the_stage_says_so() -> None:
    _, stage = template(stage="dev", log_callers="true").only("AWS::ApiGatewayV2::Stage")
    assert {"$context.identity.sourceIp", "$context.identity.userAgent"} <= set(
        json.loads(stage["AccessLogSettings"]["Format"]).values()
    )
