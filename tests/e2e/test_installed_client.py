"""The client as outsiders have it: a wheel, installed into an environment of its own, against the local cloud."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.cloud import LocalCloud
from infra.project import REQUIREMENTS, ROOT
from tests.tools.benchmarks.inputs import company_csv, company_rows

_UV = str(Path(sys.executable).with_name("uv"))
_SECONDS = 300
_PROGRAM = """
from pathlib import Path
import sys
from default_risk_jobs import JobsClient
from default_risk_jobs.types import JobSummary

with JobsClient(sys.argv[1], token=sys.argv[2]) as client:
    job: JobSummary = client.wait(client.upload_file("annual", Path("companies.csv"))["job_id"])
    print(job["status"], b"default_probability" in client.download(job["id"], "successful"))
"""


def run(*command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command as a user who has nothing of this checkout."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "VIRTUAL_ENV"} and not name.startswith("DEFAULT_RISK_")
    }
    return subprocess.run(  # noqa: S603
        command,
        cwd=folder,
        env={**kept, **variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )


def must_run(*command: str, folder: Path) -> None:
    ran = run(*command, folder=folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("installed")
    # Built from a copy, because setuptools writes into the project folder. The links in it lead to the same places.
    project = folder / "source" / "shared" / "client"
    shutil.copytree(
        ROOT / "shared" / "client",
        project,
        symlinks=True,
        ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"),
    )
    shutil.copy(ROOT / "shared" / "api_types.py", project.parent)
    shutil.copy(ROOT / "LICENSE", project.parent.parent)
    build = (_UV, "build", "--wheel", "--offline", "--no-build-isolation", "--python", sys.executable)
    must_run(*build, "--out-dir", str(folder), str(project), folder=folder)
    (wheel,) = folder.glob("*.whl")
    must_run(_UV, "venv", "--offline", "--python", sys.executable, str(folder / "environment"), folder=folder)
    python = str(folder / "environment" / "bin" / "python")
    install = (_UV, "pip", "install", "--python", python, "--constraint", str(REQUIREMENTS / "dev.txt"), str(wheel))
    # The cache of uv has these versions if it made this checkout's environment; where it was emptied, they are fetched.
    if run(*install, "--offline", folder=folder).returncode != 0:
        must_run(*install, folder=folder)
    return folder / "environment"


def test_wheel_installs_only_the_package_default_risk_jobs(environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    assert (packages / "default_risk_jobs" / "py.typed").is_file()
    installed = packages / "default_risk_jobs" / "types.py"
    assert not installed.is_symlink()
    assert installed.read_bytes() == (ROOT / "shared" / "api_types.py").read_bytes()
    assert not {"infra", "functions", "shared"} & {path.name for path in packages.iterdir()}
    (record,) = packages.glob("default_risk_jobs-*.dist-info/RECORD")
    folders = {line.split("/")[0] for line in record.read_text().splitlines()}
    assert folders == {"..", "default_risk_jobs", record.parent.name}


def test_installed_command_uploads_a_file_and_watches_its_job(
    environment: Path, cloud: LocalCloud, tmp_path: Path
) -> None:
    (tmp_path / "companies.csv").write_bytes(company_csv(company_rows(20)))
    access = {"DEFAULT_RISK_API": cloud.api_url, "DEFAULT_RISK_TOKEN": cloud.users["acme_member"]["token"]}
    command = str(environment / "bin" / "default-risk")
    ran = run(command, "upload", "companies.csv", "--watch", "--json", folder=tmp_path, **access)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    last = json.loads(ran.stdout.splitlines()[-1])
    assert (last["status"], last["successful_rows"]) == ("completed", 20)


def test_installed_package_scores_a_file(environment: Path, cloud: LocalCloud, tmp_path: Path) -> None:
    (tmp_path / "companies.csv").write_bytes(company_csv(company_rows(20)))
    arguments = (cloud.api_url, cloud.users["acme_member"]["token"])
    ran = run(str(environment / "bin" / "python"), "-I", "-c", _PROGRAM, *arguments, folder=tmp_path)
    assert (ran.stdout, ran.stderr) == ("completed True\n", "")


def test_type_checker_of_a_user_reads_the_types_of_responses(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(f"{_PROGRAM}    rows: str = job['total_rows']\n")
    python = str(environment / "bin" / "python")
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "--no-color-output", "program.py")
    ran = run(*mypy, folder=tmp_path)
    assert re.findall(r"error: (.*)", ran.stdout) == [
        'Incompatible types in assignment (expression has type "int", variable has type "str")  [assignment]'
    ], ran.stdout + ran.stderr


def test_installed_package_without_pandas_says_how_to_install_it(environment: Path, tmp_path: Path) -> None:
    program = (
        "from default_risk_jobs import JobsClient; JobsClient('https://api.example', token=None).results_frame('1')"
    )
    ran = run(str(environment / "bin" / "python"), "-I", "-c", program, folder=tmp_path)
    assert "MissingPandasError" in ran.stderr
    assert "pip install 'default-risk-jobs[pandas]'" in ran.stderr


def test_installed_command_reports_that_the_local_cloud_needs_a_checkout(environment: Path, tmp_path: Path) -> None:
    ran = run(str(environment / "bin" / "default-risk"), "local", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "runs from a checkout of the project" in ran.stderr
