"""Deploys to AWS with the cdk command: `make deploy STAGE=dev`, `make destroy STAGE=dev`.

Checks the credentials, bootstraps the account if necessary, runs a pinned version of the cdk command, and prints the
outputs with the first commands to try. The settings of a stage are CDK context values (infra/stages.py), passed with
`CONTEXT="name=value …"` or kept in cdk.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.node import npm_command, npm_environment

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.project import ROLES, ROOT, project_context
from infra.stages import Stage, stage_from_context

# An older CLI cannot read the cloud assembly of the locked aws-cdk-lib; a newer one may not.
CDK_COMMAND = "aws-cdk@2.1148.1"

ASSEMBLY = ROOT / "cdk.out"
# The running interpreter, which may be in another folder than cdk.json expects.
APP = f"{sys.executable} -m infra.app"


class DeployError(Exception):
    """The deployment cannot proceed. The message says what to do."""


def deploy(stage: Stage, context: Mapping[str, str]) -> None:
    """Creates or updates the stack of a stage and bootstraps the account if necessary. Raises `DeployError`."""
    account, region = _identity()
    if not _is_bootstrapped(region):
        with tempfile.TemporaryDirectory() as elsewhere:
            # In a folder with a cdk.json, bootstrap would synthesize the stack first.
            _run([*_cdk_command(), "bootstrap", f"aws://{account}/{region}"], folder=Path(elsewhere))
    outputs_file = ASSEMBLY / "outputs.json"
    options = ("--require-approval", "never", "--outputs-file", str(outputs_file))
    _run(app_command(context, "deploy", stage.stack_name, *options))
    outputs: dict[str, str] = json.loads(outputs_file.read_text())[stage.stack_name]
    print(f"\nDeployed {stage.stack_name}:")
    for name, value in sorted(outputs.items()):
        print(f"  {name:<18} {value}")
    print(first_steps(outputs, region=region))


def first_steps(outputs: Mapping[str, str], *, region: str) -> str:
    """Returns the commands to paste for a first token and request, for a stack with these outputs."""
    token = (
        _OWN_ISSUER_STEPS
        if "UserPoolId" not in outputs
        else _USER_POOL_STEPS.format(**outputs, region=region, roles=_ROLES_IN_WORDS)
    )
    return token + _FIRST_REQUEST.format(**outputs)


_ROLES_IN_WORDS = f"{', '.join(ROLES[:-1])} and {ROLES[-1]}"
_USER_POOL_STEPS = """
A first user and token (the groups are {roles}):
  aws cognito-idp admin-create-user --region {region} --user-pool-id {UserPoolId} --username jane \\
      --user-attributes Name=custom:organization_id,Value=acme --message-action SUPPRESS
  aws cognito-idp admin-set-user-password --region {region} --user-pool-id {UserPoolId} --username jane --permanent --password "$PASSWORD"
  aws cognito-idp admin-add-user-to-group --region {region} --user-pool-id {UserPoolId} --username jane --group-name org_member
  TOKEN=$(aws cognito-idp initiate-auth --region {region} --client-id {UserPoolClientId} --auth-flow USER_PASSWORD_AUTH \\
      --auth-parameters "USERNAME=jane,PASSWORD=$PASSWORD" --query AuthenticationResult.AccessToken --output text)

The console, as that user: {ConsoleUrl}

The command line, as that user:
  default-risk login --api {ApiUrl} --client-id {UserPoolClientId} --region {region} --user jane --password-stdin <<< "$PASSWORD"
"""  # noqa: E501  commands to paste stay on their lines

_OWN_ISSUER_STEPS = """
Tokens come from your own issuer: an access token with the claims `organization_id` and `role`. Put it into TOKEN."""

_FIRST_REQUEST = """
  curl -s {ApiUrl}/api/v1/predictions/jobs -H "Authorization: Bearer $TOKEN"
"""


def destroy(stage: Stage, context: Mapping[str, str]) -> None:
    """Deletes the stack of a stage. Raises `DeployError`, also for a stage that keeps its data."""
    _identity()
    if stage.keep_data:
        raise DeployError(
            f"{stage.stack_name} keeps its data, so this command does not delete it. To delete it anyway, disable the "
            "termination protection of the stack and the deletion protection of the table, then delete the stack in "
            "CloudFormation. Table, buckets and users are retained."
        )
    _empty_buckets(stage.stack_name)
    # Reuse the assembly of the deployment if it was made in this checkout: that saves the synthesis.
    deployed_from_here = (ASSEMBLY / f"{stage.stack_name}.template.json").exists()
    app = str(ASSEMBLY) if deployed_from_here else APP
    _run(app_command(context, "destroy", stage.stack_name, "--force", app=app))


def _identity() -> tuple[str, str]:
    session = _session()
    if session.region_name is None:
        raise DeployError("No AWS region is set. Set AWS_REGION, or a region in your AWS profile.")
    try:
        account: str = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise DeployError(f"Your AWS credentials are not valid: {error}") from error
    return account, session.region_name


def _session() -> boto3.Session:
    """Returns the session that the AWS CLI would use: boto3 alone does not read AWS_REGION."""
    return boto3.Session(region_name=os.environ.get("AWS_REGION"))


def _is_bootstrapped(region: str) -> bool:
    ssm = _session().client("ssm", region_name=region)
    try:
        ssm.get_parameter(Name="/cdk-bootstrap/hnb659fds/version")
    except ssm.exceptions.ParameterNotFound:
        return False
    return True


def _empty_buckets(stack_name: str) -> None:
    """Deletes all object versions: CloudFormation deletes only empty buckets."""
    try:
        resources = _session().client("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]
    except ClientError as error:
        raise DeployError(f"{stack_name} is not deployed here: {error}") from error
    for resource in resources:
        if resource["ResourceType"] == "AWS::S3::Bucket" and "PhysicalResourceId" in resource:
            _session().resource("s3").Bucket(resource["PhysicalResourceId"]).object_versions.delete()


def app_command(context: Mapping[str, str], *arguments: str, app: str = APP) -> list[str]:
    """Returns a cdk command line. `app` is the command that synthesizes the app, or the folder of an assembly."""
    given = [part for name, value in context.items() for part in ("--context", f"{name}={value}")]
    return [*_cdk_command(), *arguments, *given, "--app", app]


def _cdk_command() -> list[str]:
    """Returns the pinned cdk command, run by the packaged Node.js."""
    return [*npm_command("npx"), "--yes", CDK_COMMAND]


def _run(command: Sequence[str], *, folder: Path = ROOT) -> None:
    # S603: no shell is involved, so context values cannot be executed.
    if subprocess.run(command, cwd=folder, env=npm_environment(), check=False).returncode:  # noqa: S603
        raise DeployError(
            f"cdk failed; see its message above. The first run downloads {CDK_COMMAND} from the npm registry."
        )


def context_of(stage_name: str, given: Sequence[str]) -> dict[str, str]:
    """Returns the context values of a command line, each `name=value`, and the stage. Raises `DeployError`."""
    context = {"stage": stage_name}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise DeployError(f"the context {text!r} is not of the form name=value")
        if name == "stage":
            raise DeployError("set the stage with STAGE=, not as a context value")
        context[name] = value
    return context


def parsed(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Parses the command line: the action, the stage, and the context values."""
    parser = argparse.ArgumentParser(description="Deploy to, or delete from, the AWS account of your credentials.")
    parser.add_argument("action", choices=("deploy", "destroy"))
    parser.add_argument("--stage", default="dev")
    parser.add_argument("context", nargs="*", help="settings of the stage, each name=value")
    # Context values come after an option, where `parse_args` would not accept them.
    return parser.parse_intermixed_args(given)


def main() -> int:
    """Runs the command and returns its exit code."""
    arguments = parsed()
    try:
        context = context_of(arguments.stage, arguments.context)
        stage = stage_from_context({**project_context(), **context})
        {"deploy": deploy, "destroy": destroy}[arguments.action](stage, context)
    except (DeployError, ValueError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
