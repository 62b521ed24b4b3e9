"""The installed client: its requirements, shell completion, and the command that needs a checkout."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from grimp import build_graph

from default_risk_jobs.cli.environment import FOLDER_VARIABLE
from default_risk_jobs.cli.settings import Deployment, Settings
from infra.project import ROOT
from tests.unit.cli.conftest import CommandLine

SERVICE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CLIENT = tomllib.loads((ROOT / "shared" / "client" / "pyproject.toml").read_text())["project"]


def complete(folder: Path, words: str) -> set[str]:
    """Returns the completions of the last word."""
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


def test_client_and_service_have_the_same_version() -> None:
    # They are released together.
    assert CLIENT["version"] == SERVICE["version"]


def test_distribution_depends_on_what_its_modules_import() -> None:
    graph = build_graph("default_risk_jobs", include_external_packages=True, cache_dir=None)
    imported = {
        module
        for importer in graph.modules
        if importer.startswith("default_risk_jobs")
        for module in graph.find_modules_directly_imported_by(importer)
        if not module.startswith("default_risk_jobs")
    }
    declared = [*CLIENT["dependencies"], *CLIENT["optional-dependencies"]["pandas"]]
    assert imported - sys.stdlib_module_names == {requirement.partition(">")[0] for requirement in declared}


def test_shell_completes_commands_and_deployments(tmp_path: Path) -> None:
    assert complete(tmp_path, "default-risk up") == {"upload"}
    for name in ("prod", "test"):
        Settings(tmp_path).save(Deployment(name=name, api_url="https://api.example"))
    assert complete(tmp_path, "default-risk jobs -d p") == {"prod"}


@pytest.mark.parametrize("folder", ["site-packages/default_risk_jobs", "checkout/shared/client/default_risk_jobs"])
def test_installed_command_says_that_the_local_cloud_needs_a_checkout(
    newcomer: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setattr("default_risk_jobs.cli.local._PACKAGE", tmp_path / folder)
    ran = newcomer("local")
    assert (ran.code, ran.out) == (2, "")
    assert "runs from a checkout" in ran.err


def test_checkout_without_its_environment_names_the_command_that_makes_it(
    newcomer: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("default_risk_jobs.cli.local.find_spec", lambda _: None)
    ran = newcomer("local")
    assert (ran.code, ran.out) == (2, "")
    assert f"run `make local` in {ROOT}" in ran.err
