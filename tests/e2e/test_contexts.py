"""Creates and deletes the stack of every context on the local cloud, without the cdk command."""

import json
import time
from collections import Counter
from contextlib import closing
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from infra.local.deployment import put_template
from tests.e2e.account_resources import resources_of
from tests.infra.contexts import CONTEXTS, ON_AWS, is_kept
from tests.synthesized import template

DEADLINE_SECONDS = 60


# Table, buckets and user pool of a stage that keeps its data.
KEPT = {"dynamodb:TableNames": 1, "s3:Buckets": 2, "cognito-idp:UserPools": 1}


def kinds(resources: set[tuple[str, str]]) -> dict[str, int]:
    return dict(Counter(kind for kind, _ in resources))


def wait(cloudformation: Any, stack_id: str, wanted: str) -> dict[str, Any]:
    """Waits until the stack has the wanted status and returns it."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
        if "IN_PROGRESS" not in stack["StackStatus"]:
            assert stack["StackStatus"] == wanted, cloudformation.describe_stack_events(StackName=stack_id)
            return stack
        time.sleep(0.1)
    raise TimeoutError(f"not {wanted} within {DEADLINE_SECONDS} s")


@pytest.mark.parametrize("name", ON_AWS)
def test_stack_of_every_context_is_created_and_deleted_except_kept_data(name: str, cloud: LocalCloud) -> None:
    synthesized = template(**CONTEXTS[name])
    session = cloud.session()
    before = resources_of(session, endpoint_url=cloud.endpoint_url)
    url = put_template(session, endpoint_url=cloud.endpoint_url, name=name, text=json.dumps(synthesized.document))
    with closing(session.client("cloudformation", endpoint_url=cloud.endpoint_url)) as cloudformation:
        stack_id = cloudformation.create_stack(
            # A unique name, because kept resources of an earlier stack have its name.
            StackName=f"default-risk-jobs-{name}",
            TemplateURL=url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )["StackId"]
        stack = wait(cloudformation, stack_id, "CREATE_COMPLETE")
        assert {output["OutputKey"] for output in stack["Outputs"]} == set(synthesized.document["Outputs"])
        made = kinds(resources_of(session, endpoint_url=cloud.endpoint_url) - before)
        assert made["lambda:Functions"] == len(synthesized.resources("AWS::Lambda::Function"))
        cloudformation.delete_stack(StackName=stack_id)
        wait(cloudformation, stack_id, "DELETE_COMPLETE")
    left = kinds(resources_of(session, endpoint_url=cloud.endpoint_url) - before)
    assert left == (KEPT if is_kept(name) else {})
