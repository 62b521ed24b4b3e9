"""What the deploy command reads of an account before it deploys, and what it deletes before a stack."""

import pytest

from infra.account import DeployError
from infra.stages import stage_from_context
from tests.infra.fake_account import FakeAws
from tests.synthesized import template


def test_buckets_beyond_the_hundredth_resource_are_emptied() -> None:
    """CloudFormation deletes only empty buckets, and sorted by name they come late in this stack."""
    resources = {
        name: (resource["Type"], name.lower()) for name, resource in sorted(template().document["Resources"].items())
    }
    buckets = [name for kind, name in resources.values() if kind == "AWS::S3::Bucket"]
    assert len(buckets) == 2
    assert list(resources).index(next(name for name in resources if name.lower() == buckets[0])) >= 100
    aws = FakeAws(resources=resources, buckets={name: ["a", "unfinished upload"] for name in buckets})
    aws.account().empty_buckets("stack")
    assert aws.buckets == {name: [] for name in buckets}


def test_account_without_the_bootstrap_of_the_qualifier_is_not_bootstrapped() -> None:
    account = FakeAws().account()
    assert account.is_bootstrapped("hnb659fds") is True
    assert account.is_bootstrapped("team") is False


def test_deployer_who_may_not_read_parameters_can_deploy() -> None:
    assert FakeAws(denies=frozenset({"ssm"})).account().is_bootstrapped("hnb659fds") is None


def test_certificate_of_another_region_is_refused_before_the_deployment() -> None:
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d"
    stage = stage_from_context({"domain_name": "jobs.example.com", "certificate_arn": certificate})
    with pytest.raises(DeployError, match="is in us-east-1, and the stack in eu-central-1"):
        FakeAws().account().check_certificate(stage)
    FakeAws().account(region="us-east-1").check_certificate(stage)
    FakeAws().account().check_certificate(stage_from_context({}))


@pytest.mark.parametrize(
    ("context", "quota", "unreserved", "sentence"),
    [
        ({"stage": "prod"}, 1000, 1000, "At most 500 score chunks, of all jobs together"),
        ({"stage": "dev"}, 1000, 1000, "One job scores up to 100 chunks at once"),
        ({"stage": "dev"}, 10, 10, "Set map_concurrency to 5 or less. A higher quota"),
        ({"stage": "dev", "map_concurrency": "5"}, 10, 10, "One job scores up to 5 chunks at once"),
    ],
)
def test_deployment_says_what_the_concurrency_of_the_account_means(
    context: dict[str, str], quota: int, unreserved: int, sentence: str
) -> None:
    said = FakeAws(quota=quota, unreserved=unreserved).account().check_concurrency(stage_from_context(context), {})
    assert f"This account may run {quota:,} functions at once" in said
    assert sentence in said


@pytest.mark.parametrize(
    ("quota", "unreserved", "advice"), [(10, 10, "Set score_concurrency to 0"), (550, 550, "to at most 450, or to 0")]
)
def test_reservation_that_lambda_would_refuse_is_refused_before_the_deployment(
    quota: int, unreserved: int, advice: str
) -> None:
    with pytest.raises(DeployError, match=advice):
        FakeAws(quota=quota, unreserved=unreserved).account().check_concurrency(
            stage_from_context({"stage": "prod"}), {}
        )


def test_reservation_of_the_deployed_stack_counts_as_available() -> None:
    account = FakeAws(quota=1000, unreserved=500).account()
    account.check_concurrency(stage_from_context({"stage": "prod"}), {"score_concurrency": 500})


def test_deployer_who_may_not_read_the_quota_can_deploy() -> None:
    said = FakeAws(denies=frozenset({"lambda"})).account().check_concurrency(stage_from_context({"stage": "prod"}), {})
    assert "may not read the Lambda concurrency" in said
