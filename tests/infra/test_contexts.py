"""Every context passes cdk-nag and cfn-lint, and its template equals its reviewed snapshot."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks

from infra.encryption import Encryption
from infra.findings import acknowledge_wildcards
from infra.function import allow
from infra.stages import stage_from_context
from tests.infra.contexts import CONTEXTS, ON_AWS
from tests.infra.snapshots import FOLDER, as_text, differences, snapshot
from tests.synthesized import template

# cdk-nag runs while a stage for AWS is synthesized: with a finding `template` raises.


@pytest.mark.parametrize("name", ON_AWS)
def test_template_equals_its_snapshot(name: str) -> None:
    document, dev = template(**CONTEXTS[name]).document, template(**CONTEXTS["dev"]).document
    kept = (FOLDER / f"{name}.json").read_text()
    assert as_text(snapshot(name, document, dev)) == kept, "read the difference, then: make snapshot"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {}),
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 4, "d": 3, "e": 5}}, {"/b/c": 4, "/b/e": 5}),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}, 4]}, {"/a/1/b": 3, "/a/2": 4}),
        ({"a": {"Ref": "A"}, "b": [1]}, {"a": {"Fn::GetAtt": ["A", "Arn"]}, "b": {"c": 1}}, None),
        ({"a/b~": 1}, {"a/b~": 2}, {"/a~1b~0": 2}),
    ],
)
def test_difference_names_each_place_that_differs(old: Any, new: Any, found: dict[str, Any] | None) -> None:
    whole = {f"/{key}": value for key, value in new.items()}
    assert dict(differences(old, new)) == (whole if found is None else found)


def test_snapshot_of_a_variant_lists_what_it_removes() -> None:
    dev = {"Resources": {"Key": {"Type": "K"}, "Log": {"Type": "L", "Metadata": {}, "Days": [1, 2]}}}
    variant = {"Resources": {"Log": {"Type": "L", "Days": [1]}, "New": {"Type": "N"}}}
    assert snapshot("kms", variant, dev) == {
        "AddedOrChanged": {"/Resources/New": {"Type": "N"}},
        "Removed": ["/Resources/Key", "/Resources/Log/Days/1"],
    }


@pytest.mark.parametrize("name", ON_AWS)
def test_template_passes_cfn_lint(name: str, tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(template(**CONTEXTS[name]).document))
    # W3005: CDK writes a dependency on a role and its policy where a reference already implies the first.
    found = subprocess.run(  # noqa: S603  our own template
        [str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", "W3005", "--", str(path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("granted", "is_found"), [("arn:aws:s3:::files/*", True), ("arn:aws:s3:::files/work/*", False)]
)
def test_wildcard_beyond_the_acknowledged_one_makes_synthesis_fail(
    tmp_path: Path, granted: str, *, is_found: bool
) -> None:
    app = App(outdir=str(tmp_path))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stack = Stack(app, "Widened")
    Encryption(stack, stage=stage_from_context({}))
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    policy = iam.Policy(stack, "Policy", roles=[role], statements=[allow("s3:GetObject", on=[granted])])
    acknowledge_wildcards(policy, [allow("s3:GetObject", on=["arn:aws:s3:::files/work/*"])])
    if is_found:
        with pytest.raises(RuntimeError, match=re.escape(f"IAM5[Resource::{granted}]")):
            app.synth()
    else:
        app.synth()
