"""Clients built from the documentation only: shell commands of old clients, and one generated from OpenAPI."""

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from default_risk_jobs import JobsClient
from infra.local.cloud import LocalCloud
from infra.project import ROOT
from shared.inputs.schema import template_csv
from shared.vocabulary import JobType

pytestmark = pytest.mark.e2e

# Commands of old clients, unchanged except for host and token.
DETAILS = """
curl -X GET "https://api.example.com/api/v1/predictions/jobs/550e8400-e29b-41d4-a716-446655440000?include_errors=true" \\
  -H "Authorization: Bearer $JWT_TOKEN"
"""  # noqa: E501
MONITOR = """
  curl -s -X GET "https://api.example.com/api/v1/predictions/jobs/$JOB_ID" \\
    -H "Authorization: Bearer $JWT_TOKEN" | \\
    jq '.job.progress.progress_percentage, .job.performance.estimated_completion_time'
"""
CANCEL = """
curl -X POST "https://api.example.com/api/v1/predictions/jobs/550e8400-e29b-41d4-a716-446655440000/cancel" \\
  -H "Authorization: Bearer $JWT_TOKEN"
"""
CLEAN_UP = """
# List completed jobs
COMPLETED_JOBS=$(curl -s -X GET "https://api.example.com/api/v1/predictions/jobs?status=completed&limit=100" \\
  -H "Authorization: Bearer $JWT_TOKEN" | jq -r '.jobs[].id')

# Delete each completed job
for job_id in $COMPLETED_JOBS; do
  curl -X DELETE "https://api.example.com/api/v1/predictions/jobs/$job_id" \\
    -H "Authorization: Bearer $JWT_TOKEN"
done
"""

# A minimal jq for the commands above, for machines without it.
_JQ = """#!{python}
import json, sys
read = json.load(sys.stdin)
if sys.argv[1] == "-r":
    print(*(job["id"] for job in read["jobs"]), sep="\\n")
else:
    print(json.dumps(read["job"]["progress"]["progress_percentage"]))
    print(json.dumps(read["job"]["performance"]["estimated_completion_time"]))
"""


class Shell:
    """A user's shell; this one has no organization and so sees its own jobs only."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self._cloud = cloud
        path = os.environ["PATH"]
        if shutil.which("jq") is None:
            substitute = folder / "jq"
            substitute.write_text(_JQ.format(python=sys.executable))
            substitute.chmod(0o755)
            path = f"{folder}:{path}"
        self._environment = {"PATH": path, "JWT_TOKEN": cloud.token("solo_user")}

    def run(self, lines: str, *, job_id: str = "") -> str:
        """Runs the lines and returns their output."""
        lines = lines.replace("https://api.example.com", self._cloud.api_url.replace("$", "\\$"))
        lines = lines.replace("550e8400-e29b-41d4-a716-446655440000", job_id)
        done = subprocess.run(  # noqa: S603
            ["bash", "-c", lines],  # noqa: S607
            env={**self._environment, "JOB_ID": job_id},
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.stdout


@pytest.fixture
def shell(cloud: LocalCloud, tmp_path: Path) -> Shell:
    return Shell(cloud, tmp_path)


def test_shell_commands_of_old_clients_still_work(shell: Shell, client_of: Any) -> None:
    user: JobsClient = client_of("solo_user")
    body = template_csv(JobType.ANNUAL).replace("1840.5", "unknown").encode()
    job_id = user.upload("annual", "old.csv", body)["job_id"]
    user.wait(job_id)

    details = json.loads(shell.run(DETAILS, job_id=job_id))
    assert details["success"] is True
    assert details["job"]["errors"]["error_details"]["errors"][0]["error"] == "Invalid market cap value"
    percentage, remaining = shell.run(MONITOR, job_id=job_id).split()
    assert (float(percentage), remaining) == (100, "null")
    refusal = json.loads(shell.run(CANCEL, job_id=job_id))
    assert refusal["detail"] == (
        "Cannot cancel job with status 'completed'. Only pending or processing jobs can be cancelled."
    )
    waiting = user.http.post("annual/bulk-upload-async", json={"filename": "never.csv"}).json()["job_id"]
    assert json.loads(shell.run(CANCEL, job_id=waiting))["message"] == f"Job {waiting} cancelled successfully"

    assert f"Job {job_id} deleted successfully" in shell.run(CLEAN_UP)
    assert user.jobs(status="completed")["jobs"] == []
    assert shell.run(CLEAN_UP) == ""


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Generates a client package from openapi.json and adds it to the path for the session."""
    folder = tmp_path_factory.mktemp("generated")
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"post_hooks": []}))
    made = subprocess.run(  # noqa: S603
        [
            str(Path(sys.executable).with_name("openapi-python-client")),
            "generate",
            "--fail-on-warning",
            f"--path={ROOT / 'openapi.json'}",
            f"--config={settings}",
            f"--output-path={folder / 'generated_jobs_client'}",
            "--meta=none",
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield lambda name: import_module(f"generated_jobs_client.{name}")


def test_generated_client_uploads_polls_and_downloads(cloud: LocalCloud, generated: Any) -> None:
    client = generated("client").AuthenticatedClient(
        base_url=cloud.api_url, token=cloud.token("acme_member"), timeout=60
    )
    models = generated("models")
    with client:
        file = generated("types").File(
            payload=BytesIO(template_csv(JobType.ANNUAL).encode()), file_name="generated.csv"
        )
        form = models.UploadAnnualFilesFileForm(file=file)
        accepted = generated("api.uploads.upload_annual").sync(client=client, body=form)
        assert isinstance(accepted, models.UploadResponse), accepted
        job_id = str(accepted.job_id)

        status_of = generated("api.jobs.get_job_status")
        for _ in range(600):
            answer = status_of.sync(job_id, client=client)
            assert isinstance(answer, models.JobStatusResponse), answer
            if answer.job.status in {"completed", "failed"}:
                break
        assert (answer.job.status, answer.job.successful_rows) == ("completed", 3)

        details = generated("api.jobs.get_job").sync(job_id, client=client)
        assert details.job.progress.total_rows == 3
        redirect = generated("api.results.download_results").sync_detailed(job_id, client=client)
        assert redirect.status_code == 303
        assert "default_probability" in httpx.get(redirect.headers["location"], timeout=30).text

        listed = generated("api.jobs.list_jobs").sync(client=client, limit=100)
        assert job_id in {str(job.id) for job in listed.jobs}
        unknown = generated("api.jobs.get_job_status").sync("no-job", client=client)
        assert (unknown.code, unknown.detail) == ("job_not_found", "Job not found or access denied")
        assert generated("api.models.list_models").sync(client=client).models[0].features
