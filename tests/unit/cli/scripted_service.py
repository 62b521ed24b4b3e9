"""`default-risk` in a separate process, with a service whose jobs advance with each status request.

python -m tests.unit.cli.scripted_service watch JOB...
"""

import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import httpx

from default_risk_jobs.cli.environment import API_VARIABLE, FOLDER_VARIABLE, TOKEN_VARIABLE, Environment
from default_risk_jobs.cli.main import app
from default_risk_jobs.types import JobPerformance, JobSummary

ROWS = 1_000
ROWS_PER_STATUS = 20
# The duration of a response, long enough for a progress bar to appear.
_RESPONSE_SECONDS = 0.1


class ScriptedService(httpx.BaseTransport):
    """Jobs by id; each status request advances a job until it ends."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobSummary] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        time.sleep(_RESPONSE_SECONDS)
        job_id, _, action = request.url.path.partition("/jobs/")[2].partition("/")
        job = self._jobs.setdefault(job_id, _new_job(job_id))
        if action == "status":
            _advance(job)
            return _response({"job": job}, ETag=f'"{job["processed_rows"]}"')
        if action == "cancel":
            job.update(
                {"status": "failed", "phase": "done", "cancelled": True, "error_message": "Job cancelled by user"}
            )
            return _response({"message": "cancelled"})
        speed: JobPerformance = {
            "processing_time_seconds": 5.0,
            "rows_per_second": 200.0,
            "estimated_completion_time": "1m 25s" if job["status"] == "processing" else None,
        }
        return _response({"job": {**job, "performance": speed}})


def _response(body: dict[str, Any], **headers: str) -> httpx.Response:
    return httpx.Response(200, json={"success": True, **body}, headers=headers)


def _new_job(job_id: str) -> JobSummary:
    return {
        "id": job_id,
        "status": "processing",
        "phase": "scoring",
        "job_type": "annual",
        "original_filename": f"{job_id}.csv",
        "total_rows": ROWS,
        "processed_rows": 0,
        "successful_rows": 0,
        "failed_rows": 0,
        "progress_percentage": 0.0,
        "created_at": "2026-03-02T12:00:00.000Z",
        "started_at": "2026-03-02T12:00:00.000Z",
        "completed_at": None,
        "error_message": None,
        "error_details": None,
        "celery_task_id": job_id,
        "celery_status": "PROGRESS",
        "celery_meta": None,
        "cancelled": False,
        "notes_count": 0,
    }


def _advance(job: JobSummary) -> None:
    if job["status"] != "processing":
        return
    processed = min(ROWS, job["processed_rows"] + ROWS_PER_STATUS)
    job.update({"processed_rows": processed, "successful_rows": processed - 1, "failed_rows": 1})
    job["progress_percentage"] = processed * 100 / ROWS
    if processed == ROWS:
        job.update({"status": "completed", "phase": "done"})


if __name__ == "__main__":
    settings = {
        FOLDER_VARIABLE: str(Path(mkdtemp())),
        API_VARIABLE: "https://api.example",
        TOKEN_VARIABLE: "token",
    }
    app(obj=Environment(variables=settings, transport=ScriptedService()), prog_name="default-risk")
