"""Arguments and messages of the deploy command; tests/e2e runs it."""

import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from infra import deploy as command
from infra.account import DeployError
from infra.deploy import APP, app_arguments, context_of, deploy, destroy, first_steps, parsed
from infra.project import ROOT
from infra.settings import settings_of
from infra.stages import stage_from_context
from shared.training.__main__ import main as train_models
from shared.training.compare import main as compare_models
from tests.infra.fake_account import FakeAws

OUTPUTS = {"ApiUrl": "https://api.example.com", "ConsoleUrl": "https://api.example.com/console"}


class RecordedCdk:
    """Replaces the cdk command; `failures` of its runs fail, and a deployment has outputs."""

    def __init__(self, failures: int = 0) -> None:
        self.runs: list[tuple[str, ...]] = []
        self._failures = failures

    def __call__(self, *arguments: str, folder: Path = ROOT) -> None:  # noqa: ARG002
        self.runs.append(arguments)
        if self._failures:
            self._failures -= 1
            raise DeployError("cdk failed")
        if arguments[0] == "deploy":
            file = Path(arguments[arguments.index("--outputs-file") + 1])
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps({arguments[1]: OUTPUTS}))


@pytest.fixture
def cdk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RecordedCdk:
    recorded = RecordedCdk()
    monkeypatch.setattr(command, "run_cdk", recorded)
    monkeypatch.setattr(command, "ASSEMBLY", tmp_path)
    return recorded


def stack_with(context: dict[str, str]) -> FakeAws:
    """Returns an account with a stack that was deployed with this context."""
    return FakeAws(outputs={**OUTPUTS, "Settings": json.dumps(settings_of(stage_from_context(context)))})


def test_app_arguments_have_the_given_contexts() -> None:
    context = context_of("prod", ["kms=true", "audience=a=b"])
    assert context == {"stage": "prod", "kms": "true", "audience": "a=b"}
    arguments = " ".join(app_arguments(context, "deploy"))
    assert "--context stage=prod --context kms=true --context audience=a=b" in arguments


def test_app_runs_from_a_folder_with_a_space_in_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cdk gives the command of the app to a shell."""
    python = tmp_path / "my projects" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    app = importlib.reload(command).APP.replace("infra.app", "this")
    try:
        ran = subprocess.run(  # noqa: S603
            ["sh", "-c", app],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
        )
        assert "Zen of Python" in ran.stdout
    finally:
        monkeypatch.undo()
        importlib.reload(command)
        assert command.APP == APP


@pytest.mark.parametrize(
    ("deployed", "wanted", "confirmed", "line"),
    [
        ({"kms": "true"}, {}, (), "kms: true becomes false. What is stored with the key cannot be read without it."),
        ({"alarm_email": "a@b.example"}, {}, (), "alarm_email: a@b.example becomes not set."),
        ({}, {"map_concurrency": "50"}, (), "map_concurrency: 100 becomes 50."),
        ({"kms": "true", "map_concurrency": "50"}, {}, ("kms",), "map_concurrency: 50 becomes 100."),
    ],
)
def test_other_settings_than_the_deployed_ones_are_refused(
    cdk: RecordedCdk, deployed: dict[str, str], wanted: dict[str, str], confirmed: tuple[str, ...], line: str
) -> None:
    with pytest.raises(DeployError, match=re.escape(line)) as refused:
        deploy(stack_with(deployed).account(), stage_from_context(wanted), wanted, confirmed=confirmed)
    assert "CONFIRM=" in str(refused.value)
    assert cdk.runs == []


@pytest.mark.parametrize("deployed", [{}, {"kms": "true", "map_concurrency": "50"}])
def test_same_or_confirmed_settings_are_deployed(cdk: RecordedCdk, deployed: dict[str, str]) -> None:
    deploy(stack_with(deployed).account(), stage_from_context({}), {}, confirmed=list(deployed))
    assert [run[0] for run in cdk.runs] == ["deploy"]


def test_confirmation_of_a_setting_that_does_not_change_is_refused(cdk: RecordedCdk) -> None:
    with pytest.raises(DeployError, match="do not change: kms"):
        deploy(stack_with({}).account(), stage_from_context({}), {}, confirmed=["kms"])
    assert cdk.runs == []


def test_new_account_is_bootstrapped_with_the_qualifier(cdk: RecordedCdk) -> None:
    context = {"qualifier": "team"}
    deploy(FakeAws().account(), stage_from_context(context), context)
    bootstrap, _ = cdk.runs
    assert bootstrap == (
        "bootstrap",
        "aws://123456789012/eu-central-1",
        *("--qualifier", "team", "--toolkit-stack-name", "CDKToolkit-team"),
    )


def test_stack_that_got_objects_while_it_was_deleted_is_deleted_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recorded = RecordedCdk(failures=1)
    monkeypatch.setattr(command, "run_cdk", recorded)
    monkeypatch.setattr(command, "ASSEMBLY", tmp_path)
    aws = FakeAws(
        resources={"Uploads": ("AWS::S3::Bucket", "uploads")},
        buckets={"uploads": ["late"]},
        statuses=["CREATE_COMPLETE", "CREATE_COMPLETE", "DELETE_FAILED"],
    )
    destroy(aws.account(), stage_from_context({}), {})
    assert [run[0] for run in recorded.runs] == ["destroy", "destroy"]
    assert aws.buckets == {"uploads": []}


def test_settings_of_a_deployed_stack_decide_whether_it_keeps_its_data(cdk: RecordedCdk) -> None:
    with pytest.raises(DeployError, match="keeps its data"):
        destroy(stack_with({"keep_data": "true"}).account(), stage_from_context({}), {})
    assert cdk.runs == []


@pytest.mark.parametrize("text", ["kms", "kms=", "="])
def test_context_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(DeployError, match="name=value"):
        context_of("dev", [text])


def test_context_cannot_change_the_named_stage() -> None:
    with pytest.raises(DeployError, match="STAGE="):
        context_of("dev", ["stage=prod"])


def test_make_passes_every_context_to_the_command() -> None:
    actions = ("deploy", "diff", "outputs", "destroy")
    shown = subprocess.run(  # noqa: S603
        ["make", "-n", *actions, "STAGE=prod", "CONTEXT=kms=true alarm_email=oncall@example.com"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = [line for line in shown.splitlines() if "-m infra.deploy " in line]
    for line, action in zip(lines, actions, strict=True):
        arguments = parsed(shlex.split(line.partition("-m infra.deploy ")[2]))
        assert (arguments.action, arguments.stage) == (action, "prod")
        assert arguments.context == ["kms=true", "alarm_email=oncall@example.com"]


def test_first_steps_with_a_user_pool_end_with_a_request() -> None:
    said = first_steps(OUTPUTS | {"UserPoolId": "pool", "UserPoolClientId": "client"}, region="eu-central-1")
    assert "--user-pool-id pool" in said
    assert "--client-id client" in said
    assert "default-risk login --api https://api.example.com --client-id client --region eu-central-1" in said
    assert said.rstrip().endswith(
        'curl -s https://api.example.com/api/v1/predictions/jobs -H "Authorization: Bearer $TOKEN"'
    )


def test_first_steps_with_an_external_issuer_have_no_user_pool() -> None:
    said = first_steps(OUTPUTS, region="eu-central-1")
    assert "your own issuer" in said
    assert "cognito" not in said
    assert "curl -s https://api.example.com/" in said


def test_stage_that_keeps_its_data_is_not_destroyed(cdk: RecordedCdk) -> None:
    with pytest.raises(DeployError, match="keeps its data"):
        destroy(FakeAws().account(), stage_from_context({"stage": "prod"}), {"stage": "prod"})
    assert cdk.runs == []


def test_commands_of_the_guide_for_an_own_model_are_valid(tmp_path: Path) -> None:
    guide = (ROOT / "infra" / "docs" / "operations.md").read_text()
    (block,) = [block for block in re.findall(r"```bash\n(.*?)```", guide, re.DOTALL) if "make train" in block]
    train, deploy = block.strip().splitlines()
    shown = make_shows(train)
    arguments = shlex.split(shown.partition("-m shared.training ")[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        # The command parses its arguments and fails at the missing data.
        assert train_models(arguments) == 2
    given = parsed(shlex.split(make_shows(deploy).partition("-m infra.deploy ")[2]))
    stage = stage_from_context(context_of(given.stage, given.context))
    assert (stage.name, stage.model_folder) == ("prod", arguments[arguments.index("--out") + 1])


def test_command_of_the_guide_for_comparing_models_is_valid(tmp_path: Path) -> None:
    guide = (ROOT / "infra" / "docs" / "operations.md").read_text()
    (line,) = re.findall(r"^make compare .*$", guide, re.MULTILINE)
    arguments = shlex.split(make_shows(line).partition("-m shared.training.compare ")[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        # The command parses its arguments and fails at the missing file.
        assert compare_models(arguments) == 2


def make_shows(line: str) -> str:
    """Returns the command that make would run for a line of a document."""
    command, *arguments = shlex.split(line)
    return subprocess.run(  # noqa: S603
        [command, "-n", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
