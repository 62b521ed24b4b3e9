"""What installing the package gives: the command, its packages, and completion in the shell."""

import os
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from infra.project import ROOT
from shared.cli.environment import FOLDER_VARIABLE
from shared.cli.settings import Deployment, Settings
from tests.unit.cli.conftest import CommandLine

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def complete(folder: Path, words: str) -> set[str]:
    """What a shell is offered for the last word."""
    completed = subprocess.run(  # noqa: S603
        [str(Path(sys.executable).with_name("default-risk"))],
        env={
            **os.environ,
            FOLDER_VARIABLE: str(folder),
            "_DEFAULT_RISK_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        },
        check=True,
        capture_output=True,
        text=True,
    )
    return set(completed.stdout.split())


def test_the_wheel_has_the_command_with_all_it_is_made_of() -> None:
    patterns = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]

    def is_included(package: str) -> bool:
        return any(fnmatch(package, pattern) for pattern in patterns)

    assert is_included("shared.cli")
    assert is_included("shared.client")
    assert not is_included("tests.unit")
    assert PROJECT["project"]["scripts"]["default-risk"] == "shared.cli.main:main"
    wanted = {dependency.partition(">")[0] for dependency in PROJECT["project"]["dependencies"]}
    assert wanted == {"httpx", "rich", "typer"}


def test_a_shell_completes_commands_and_deployments(tmp_path: Path) -> None:
    assert complete(tmp_path, "default-risk up") == {"upload"}
    for name in ("prod", "test"):
        Settings(tmp_path).keep(Deployment(name=name, api_url="https://api.example"))
    assert complete(tmp_path, "default-risk jobs -d p") == {"prod"}


def test_the_local_cloud_without_a_checkout_says_what_it_needs(
    newcomer: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.cli.local._CHECKOUT", tmp_path)
    ran = newcomer("local")
    assert (ran.code, ran.out) == (2, "")
    assert "runs from a checkout" in ran.err
