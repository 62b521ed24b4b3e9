"""Deploys to AWS with the cdk command: `make deploy STAGE=dev`, and `make diff`, `make outputs`, `make destroy`.

Checks credentials, quotas and what would change, bootstraps the account if necessary, runs the pinned cdk command, and
prints the outputs with the first commands to try. The settings of a stage are CDK context values (infra/stages.py),
passed with `CONTEXT="name=value …"` or kept in cdk.json.
"""

import argparse
import hashlib
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from infra.node import node, npm_environment

from botocore.exceptions import BotoCoreError, ClientError

from infra.account import Account, DeployError
from infra.npm.packages import FOLDER as NPM_LISTS
from infra.npm.packages import NpmError, install
from infra.project import ROLES, ROOT, project_context
from infra.settings import differences, settings_of
from infra.stages import DEFAULT_QUALIFIER, Stage, stage_from_context

ASSEMBLY = ROOT / "cdk.out"
# The running interpreter, which may be in another folder than cdk.json expects. cdk gives the text to a shell.
APP = shlex.join([sys.executable, "-m", "infra.app"])

_DELETE_ATTEMPTS = 3


def deploy(account: Account, stage: Stage, context: Mapping[str, str], *, confirmed: Collection[str] = ()) -> None:
    """Creates or updates the stack of a stage and bootstraps the account if necessary. Raises `DeployError`.

    `confirmed` names the settings that may differ from those of the deployed stack.
    """
    account.check_certificate(stage)
    deployed = account.settings(stage.stack_name)
    _refuse_unconfirmed(differences(deployed, settings_of(stage)), stage, confirmed)
    print(account.check_concurrency(stage, deployed))
    is_bootstrapped = account.is_bootstrapped(stage.qualifier)
    if is_bootstrapped is None:
        print("Your credentials may not read whether the account is bootstrapped; cdk looks with its own role.")
    if is_bootstrapped is False:
        with tempfile.TemporaryDirectory() as elsewhere:
            # In a folder with a cdk.json, bootstrap would synthesize the stack first.
            run_cdk(*_bootstrap_arguments(account, stage), folder=Path(elsewhere))
    outputs_file = ASSEMBLY / "outputs.json"
    # At a terminal, the deployer of a stage that keeps data confirms wider permissions.
    approval = "broadening" if stage.keep_data and sys.stdin.isatty() else "never"
    options = ("--require-approval", approval, "--outputs-file", str(outputs_file))
    run_cdk(*app_arguments(context, "deploy", stage.stack_name, *options))
    outputs: dict[str, str] = json.loads(outputs_file.read_text())[stage.stack_name]
    print(f"\nDeployed {stage.stack_name}:")
    print_outputs(outputs)
    print(first_steps(outputs, region=account.region))


def diff(account: Account, stage: Stage, context: Mapping[str, str]) -> None:
    """Prints what a deployment would change: settings, then resources. Raises `DeployError`."""
    for line in differences(account.settings(stage.stack_name), settings_of(stage)).values():
        print(line)
    run_cdk(*app_arguments(context, "diff", stage.stack_name))


def show_outputs(account: Account, stage: Stage) -> None:
    """Prints the outputs of the deployed stack. Raises `DeployError`."""
    outputs = account.outputs(stage.stack_name)
    if not outputs:
        raise DeployError(f"{stage.stack_name} is not deployed in {account.number}, {account.region}.")
    print_outputs(outputs)


def print_outputs(outputs: Mapping[str, str]) -> None:
    """Prints outputs, one a line."""
    for name, value in sorted(outputs.items()):
        print(f"  {name:<18} {value}")


def _refuse_unconfirmed(changes: Mapping[str, str], stage: Stage, confirmed: Collection[str]) -> None:
    if unknown := set(confirmed) - set(changes):
        raise DeployError(f"CONFIRM names settings that do not change: {', '.join(sorted(unknown))}")
    if set(changes) <= set(confirmed):
        return
    lines = "\n".join(f"  {line}" for line in changes.values())
    raise DeployError(
        f"{stage.stack_name} is deployed with other settings:\n{lines}\nRepeat them in CONTEXT, keep them in cdk.json, "
        f"or confirm the change with CONFIRM={','.join(changes)}"
    )


def _bootstrap_arguments(account: Account, stage: Stage) -> list[str]:
    arguments = ["bootstrap", f"aws://{account.number}/{account.region}"]
    if stage.qualifier == DEFAULT_QUALIFIER:
        return arguments
    return [*arguments, "--qualifier", stage.qualifier, "--toolkit-stack-name", f"CDKToolkit-{stage.qualifier}"]


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


def destroy(account: Account, stage: Stage, context: Mapping[str, str]) -> None:
    """Deletes the stack of a stage. Raises `DeployError`, also for a stage that keeps its data.

    Objects may arrive while the stack is deleted, so a deletion that fails is tried again.
    """
    keeps_data = account.settings(stage.stack_name).get("keep_data", stage.keep_data)
    if keeps_data:
        raise DeployError(
            f"{stage.stack_name} keeps its data, so this command does not delete it. To delete it anyway, disable the "
            "termination protection of the stack and the deletion protection of the table and the user pool, then "
            "delete the stack in CloudFormation. Table, buckets and users are retained."
        )
    if account.status(stage.stack_name) is None:
        raise DeployError(f"{stage.stack_name} is not deployed in {account.number}, {account.region}.")
    # Reuse the assembly of the deployment if it was made in this checkout: that saves the synthesis.
    deployed_from_here = (ASSEMBLY / f"{stage.stack_name}.template.json").exists()
    app = str(ASSEMBLY) if deployed_from_here else APP
    for attempt in range(1, _DELETE_ATTEMPTS + 1):
        account.empty_buckets(stage.stack_name)
        try:
            run_cdk(*app_arguments(context, "destroy", stage.stack_name, "--force", app=app))
        except DeployError:
            if account.status(stage.stack_name) != "DELETE_FAILED" or attempt == _DELETE_ATTEMPTS:
                raise
            print(f"Deleting {stage.stack_name} failed; trying again.")
        else:
            return


def app_arguments(context: Mapping[str, str], *arguments: str, app: str = APP) -> list[str]:
    """Returns arguments of cdk. `app` is the command that synthesizes the app, or the folder of an assembly."""
    given = [part for name, value in context.items() for part in ("--context", f"{name}={value}")]
    return [*arguments, *given, "--app", app]


def cdk_command() -> list[str]:
    """Returns the cdk command of infra/npm/cdk, run by the packaged Node.js; installs it first if necessary.

    An older one cannot read the cloud assembly of the locked aws-cdk-lib, a newer one may not. Raises `DeployError`.
    """
    lock = (NPM_LISTS / "cdk" / "package-lock.json").read_bytes()
    target = ROOT / ".cache" / f"cdk-{hashlib.sha256(lock).hexdigest()[:12]}"
    program = target / "node_modules" / "aws-cdk" / "bin" / "cdk"
    if not program.exists():
        try:
            install("cdk", target)
        except NpmError as error:
            raise DeployError(f"The cdk command could not be installed from the npm registry. {error}") from error
    return [str(node()), str(program)]


def run_cdk(*arguments: str, folder: Path = ROOT) -> None:
    """Runs the cdk command. Raises `DeployError` if it fails."""
    # S603: no shell is involved, so context values cannot be executed.
    if subprocess.run([*cdk_command(), *arguments], cwd=folder, env=npm_environment(), check=False).returncode:  # noqa: S603
        raise DeployError("cdk failed; see its message above.")


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
    """Parses the command line: the action, the stage, the context values and the confirmed settings."""
    parser = argparse.ArgumentParser(description="Deploy to, or delete from, the AWS account of your credentials.")
    parser.add_argument("action", choices=("deploy", "diff", "outputs", "destroy"))
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--confirm", default="", help="settings that may change, comma-separated")
    parser.add_argument("context", nargs="*", help="settings of the stage, each name=value")
    # Context values come after an option, where `parse_args` would not accept them.
    return parser.parse_intermixed_args(given)


def main() -> int:
    """Runs the command and returns its exit code."""
    arguments = parsed()
    try:
        context = context_of(arguments.stage, arguments.context)
        stage = stage_from_context({**project_context(), **context})
        account = Account.of_credentials()
        match arguments.action:
            case "deploy":
                deploy(account, stage, context, confirmed=[name for name in arguments.confirm.split(",") if name])
            case "diff":
                diff(account, stage, context)
            case "outputs":
                show_outputs(account, stage)
            case "destroy":
                destroy(account, stage, context)
    except (DeployError, ValueError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
