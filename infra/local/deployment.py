"""Deploys the stack to the local cloud with boto3, as the cdk command does on AWS."""

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from infra.local.emulator import REGION, LocalCloudError
from infra.project import ROOT

STACK = "default-risk-jobs-local"
_QUALIFIER = "hnb659fds"
_BOOTSTRAP_VERSION = "30"
_SYNTHESIS_SECONDS = 300.0
_DEPLOY_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The outputs of the stack."""

    api_url: str
    uploads_bucket: str
    results_bucket: str
    table: str
    state_machine_arn: str
    user_pool_id: str
    user_pool_client_id: str


def deploy(session: boto3.Session, *, endpoint_url: str, folder: Path) -> Deployed:
    """Synthesizes the local stage, uploads its assets and creates the stack.

    Raises `LocalCloudError` that names the first resource that failed.
    """
    template = _synthesize(endpoint_url, folder / "cdk.out") / f"{STACK}.template.json"
    _put_assets(session, endpoint_url, template.with_name(f"{STACK}.assets.json"))
    template_url = put_template(session, endpoint_url=endpoint_url, name=STACK, text=template.read_text())
    with closing(session.client("ssm", endpoint_url=endpoint_url)) as ssm:
        ssm.put_parameter(
            Name=f"/cdk-bootstrap/{_QUALIFIER}/version", Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
        )
    with closing(session.client("cloudformation", endpoint_url=endpoint_url)) as cloudformation:
        cloudformation.create_stack(
            StackName=STACK, TemplateURL=template_url, Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
        )
        outputs = _wait_for_outputs(cloudformation)
    return Deployed(
        api_url=outputs["ApiUrl"],
        uploads_bucket=outputs["UploadsBucket"],
        results_bucket=outputs["ResultsBucket"],
        table=outputs["Table"],
        state_machine_arn=outputs["StateMachineArn"],
        user_pool_id=outputs["UserPoolId"],
        user_pool_client_id=outputs["UserPoolClientId"],
    )


def _synthesize(endpoint_url: str, assembly: Path) -> Path:
    """Writes the cloud assembly in a subprocess, because the Node.js process of CDK runs until its parent exits."""
    context = {"stage": "local", "endpoint_url": endpoint_url, "aws:cdk:bundling-stacks": []}
    try:
        synthesis = subprocess.run(
            [sys.executable, "-m", "infra.app"],
            cwd=ROOT,
            env={**os.environ, "CDK_OUTDIR": str(assembly), "CDK_CONTEXT_JSON": json.dumps(context)},
            check=False,
            capture_output=True,
            text=True,
            timeout=_SYNTHESIS_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise LocalCloudError(f"The stack was not synthesized within {_SYNTHESIS_SECONDS:.0f} s.") from error
    if synthesis.returncode:
        raise LocalCloudError(f"The stack could not be synthesized:\n{synthesis.stderr.strip()}")
    return assembly


def put_template(session: boto3.Session, *, endpoint_url: str, name: str, text: str) -> str:
    """Uploads a template and returns its URL. CloudFormation accepts at most 51,200 bytes in a request."""
    bucket, key = _bootstrap_bucket(session, endpoint_url), f"{name}.template.json"
    with closing(session.client("s3", endpoint_url=endpoint_url)) as s3:
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    return f"{endpoint_url}/{bucket}/{key}"


def _bootstrap_bucket(session: boto3.Session, endpoint_url: str) -> str:
    with closing(session.client("sts", endpoint_url=endpoint_url)) as sts:
        return f"cdk-{_QUALIFIER}-assets-{sts.get_caller_identity()['Account']}-{REGION}"


def _put_assets(session: boto3.Session, endpoint_url: str, manifest: Path) -> None:
    bucket = _bootstrap_bucket(session, endpoint_url)
    with closing(session.client("s3", endpoint_url=endpoint_url)) as s3:
        s3.create_bucket(Bucket=bucket)
        for asset in json.loads(manifest.read_text())["files"].values():
            path = manifest.parent / asset["source"]["path"]
            body = _zipped(path) if asset["source"]["packaging"] == "zip" else path.read_bytes()
            for destination in asset["destinations"].values():
                s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=body)


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    return buffer.getvalue()


def _wait_for_outputs(cloudformation: Any) -> dict[str, str]:
    deadline = time.monotonic() + _DEPLOY_SECONDS
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        status = stack["StackStatus"]
        if status == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if "FAILED" in status or "ROLLBACK" in status:
            raise LocalCloudError(f"The stack could not be created: {_first_failure(cloudformation)}")
        time.sleep(0.2)
    raise LocalCloudError(f"The stack was not created within {_DEPLOY_SECONDS:.0f} s.")


def _first_failure(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failures = [event for event in events if "FAILED" in event["ResourceStatus"]]
    if not failures:
        return "no resource says why"
    first = failures[-1]
    return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason given')}"
