"""Arguments and messages of the deploy command; tests/e2e runs it."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from infra.deploy import DeployError, app_command, context_of, destroy, first_steps, parsed
from infra.project import ROOT
from infra.stages import stage_from_context
from shared.training.__main__ import main as train_models
from shared.training.compare import main as compare_models

OUTPUTS = {"ApiUrl": "https://api.example.com", "ConsoleUrl": "https://api.example.com/console"}


def test_packaged_node_runs_the_packaged_npx() -> None:
    node, npx, *_ = app_command({}, "deploy")
    ran = subprocess.run([node, npx, "--version"], check=True, capture_output=True, text=True)  # noqa: S603
    assert int(ran.stdout.split(".")[0]) >= 10
    assert Path(npx).is_file()


def test_app_command_has_the_given_contexts() -> None:
    context = context_of("prod", ["kms=true", "audience=a=b"])
    assert context == {"stage": "prod", "kms": "true", "audience": "a=b"}
    command = " ".join(app_command(context, "deploy"))
    assert "--context stage=prod --context kms=true --context audience=a=b" in command


@pytest.mark.parametrize("text", ["kms", "kms=", "="])
def test_context_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(DeployError, match="name=value"):
        context_of("dev", [text])


def test_context_cannot_change_the_named_stage() -> None:
    with pytest.raises(DeployError, match="STAGE="):
        context_of("dev", ["stage=prod"])


def test_make_passes_every_context_to_the_command() -> None:
    shown = subprocess.run(
        ["make", "-n", "deploy", "destroy", "STAGE=prod", "CONTEXT=kms=true alarm_email=oncall@example.com"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for line, action in zip(shown.splitlines(), ("deploy", "destroy"), strict=True):
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


def test_stage_that_keeps_its_data_is_not_destroyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.deploy._identity", lambda: ("123456789012", "eu-central-1"))
    monkeypatch.setattr("infra.deploy._run", lambda *_: pytest.fail("cdk was run"))
    monkeypatch.setattr("infra.deploy._empty_buckets", lambda *_: pytest.fail("buckets were emptied"))
    with pytest.raises(DeployError, match="keeps its data"):
        destroy(stage_from_context({"stage": "prod"}), {"stage": "prod"})


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
