"""`make deploy` and `make destroy` with the real cdk command, on the local cloud instead of an account."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from infra.account import DeployError
from infra.deploy import cdk_command, first_steps
from infra.local.cloud import LocalCloud, root_session
from infra.local.emulator import REGION, ROOT_CREDENTIALS, Emulator
from infra.project import ROOT
from tests.e2e.account_resources import resources_of


def environment(endpoint_url: str) -> dict[str, str]:
    """Returns a deployer's environment with credentials and endpoint of the local cloud."""
    return {**os.environ, **ROOT_CREDENTIALS, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": endpoint_url}


def make(*arguments: str, endpoint_url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        ["make", *arguments],  # noqa: S607
        cwd=ROOT,
        env=environment(endpoint_url),
        check=False,
        capture_output=True,
        text=True,
        timeout=400,
    )


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Emulator]:
    """An account without bootstrapping. It does not enforce roles, as MiniStack cannot evaluate those of cdk."""
    emulator = Emulator(folder=tmp_path, enforces_roles=False)
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture
def _cdk_command() -> None:
    """Skips the test if the cdk command is neither installed nor available from the npm registry."""
    try:
        cdk_command()
    except DeployError as error:
        pytest.skip(f"deploying is untested: {error}")


@pytest.mark.xdist_group("cdk-command")
@pytest.mark.usefixtures("_cdk_command")
def test_stage_is_deployed_to_a_new_account_and_destroyed_completely(
    account: Emulator,
) -> None:
    endpoint_url = account.endpoint_url
    session = root_session()
    before = resources_of(session, endpoint_url=endpoint_url)

    deployed = make("deploy", "STAGE=dev", "CONTEXT=kms=true alarm_email=oncall@example.com", endpoint_url=endpoint_url)
    assert deployed.returncode == 0, deployed.stderr
    # cdk prints its progress to stderr, or to stdout if the variable CI is set.
    assert f"Environment aws://000000000000/{REGION} bootstrapped" in deployed.stderr + deployed.stdout
    outputs = dict(re.findall(r"^  (\w+) +(\S+)$", deployed.stdout, re.MULTILINE))
    assert outputs["ApiUrl"].startswith("http")
    assert deployed.stdout.endswith(first_steps(outputs, region=REGION) + "\n")
    with closing(session.client("s3", endpoint_url=endpoint_url)) as s3:
        for bucket in ("UploadsBucket", "ResultsBucket"):
            s3.put_object(Bucket=outputs[bucket], Key="left", Body=b"not of the stack")
    with closing(session.client("sns", endpoint_url=endpoint_url)) as sns:
        (subscription,) = sns.list_subscriptions_by_topic(TopicArn=outputs["AlarmTopicArn"])["Subscriptions"]
    assert subscription["Endpoint"] == "oncall@example.com"

    shown = make("outputs", "STAGE=dev", endpoint_url=endpoint_url)
    assert dict(re.findall(r"^  (\w+) +(\S+)$", shown.stdout, re.MULTILINE)) == outputs
    forgotten = make("deploy", "STAGE=dev", endpoint_url=endpoint_url)
    assert forgotten.returncode != 0
    assert "CONFIRM=alarm_email,kms" in forgotten.stderr

    with closing(session.client("kms", endpoint_url=endpoint_url)) as kms:
        (key,) = kms.list_keys()["Keys"]
        destroyed = make("destroy", "STAGE=dev", endpoint_url=endpoint_url)
        assert destroyed.returncode == 0, destroyed.stderr
        # A key is deleted after some days only.
        assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    # Bootstrap resources belong to the account and are kept.
    left = resources_of(session, endpoint_url=endpoint_url) - before
    assert {(kind, name) for kind, name in left if not name.startswith("cdk-hnb659fds-")} == set()


def test_printed_first_steps_return_a_token_and_a_response(cloud: LocalCloud, tmp_path: Path) -> None:
    session = cloud.session()
    with closing(session.client("cloudformation", endpoint_url=cloud.endpoint_url)) as cloudformation:
        (stack,) = cloudformation.describe_stacks(StackName="default-risk-jobs-local")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    # URLs on AWS contain no dollar sign.
    steps = first_steps({**outputs, "ApiUrl": cloud.api_url.replace("$", "\\$")}, region=REGION)
    commands = "\n".join(line for line in steps.splitlines() if line.startswith("  "))
    (tmp_path / "aws").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.e2e.aws_command "$@"\n')
    # The region identifies a user pool on AWS, but not on the local cloud.
    command = Path(sys.executable).with_name("default-risk")
    (tmp_path / "default-risk").write_text(f'#!/bin/sh\nexec "{command}" "$@" --sign-in-url "{cloud.endpoint_url}"\n')
    for name in ("aws", "default-risk"):
        (tmp_path / name).chmod(0o755)
    ran = subprocess.run(  # noqa: S603
        ["bash", "-euo", "pipefail", "-c", commands],  # noqa: S607
        cwd=ROOT,
        env={
            **environment(cloud.endpoint_url),
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "PASSWORD": "Correct-horse-7-battery",
            "DEFAULT_RISK_HOME": str(tmp_path / "home"),
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Signed in to default as jane" in ran.stdout + ran.stderr
    answer = httpx.Response(200, content=ran.stdout.strip().splitlines()[-1]).json()
    assert answer["success"] is True
    assert isinstance(answer["jobs"], list)
