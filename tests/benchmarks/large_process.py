"""A process that takes a job of so many rows through the real handlers, and says what that took and its peak."""

import json
import os
import sys
import tempfile
from contextlib import closing, redirect_stdout
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from unittest.mock import patch
from uuid import uuid4

from moto import mock_aws

from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.jobs.model import JobStatus
from tests.aws_resources import TABLE, create_table
from tests.benchmarks.disk_s3 import DiskS3
from tests.benchmarks.inputs import company_csv, company_rows
from tests.benchmarks.peak_memory import peak_bytes
from tests.builders import a_job, a_stored_input
from tests.invocation import InvocationContext
from tests.synthesised import template

_ROWS_AT_ONCE: Final = 5_000


def write_rows(path: Path, rows: int) -> int:
    """Write a file of at least so many rows without holding it, and give how many it has."""
    header, _, records = company_csv(company_rows(min(rows, _ROWS_AT_ONCE))).partition(b"\n")
    times = -(-rows // _ROWS_AT_ONCE)
    with path.open("wb") as file:
        file.write(header + b"\n")
        for _ in range(times):
            file.write(records)
    return times * min(rows, _ROWS_AT_ONCE)


def run(rows: int, folder: Path) -> dict[str, Any]:
    """Plan, score chunk by chunk and finalize; the seconds of each. Raises AssertionError unless every row counted."""
    path = folder / "input.csv"
    written = write_rows(path, rows)
    s3 = DiskS3(folder)
    job_id = uuid4()
    stored = a_stored_input(job_id, size=path.stat().st_size)
    s3.adopt(stored.key, path)
    environment = {**template().environment(), "TABLE_NAME": TABLE}
    with mock_aws(), patch.dict(os.environ, environment), patch.object(clients, "s3", lambda: s3):
        create_table()
        table = JobsTable(client=clients.dynamodb, table=TABLE)
        table.create(a_job(id=job_id, status=JobStatus.QUEUED, stored_input=stored, file_size=stored.size))
        plan, score, finalize = (import_module(f"functions.{name}.handler").handler for name in _FUNCTIONS)
        context = InvocationContext()
        started = perf_counter()
        manifest_key = plan({"job_id": str(job_id)}, context)["manifest_key"]
        planned = perf_counter()
        with closing(s3.get_object(Key=manifest_key)["Body"]) as manifest:
            chunks = json.loads(manifest.read())
        for chunk in chunks:
            score({"job_id": str(job_id), "chunk": chunk}, context)
        scored = perf_counter()
        finalize({"job_id": str(job_id)}, context)
        ended = perf_counter()
        view = table.get(job_id)
    assert view is not None
    job = view.job
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert (job.final_successful_rows or 0) + (job.final_failed_rows or 0) == written
    return {
        "rows": written,
        "bytes": stored.size,
        "chunks": job.chunk_count,
        "plan": planned - started,
        "score": scored - planned,
        "finalize": ended - scored,
        "peak": peak_bytes(),
        "result_bytes": s3.size(f"results/{job_id}/all.csv"),
    }


_FUNCTIONS: Final = ("plan", "score", "finalize")


def main(rows: int) -> None:
    """Print what it took as JSON."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
    ):
        found = run(rows, Path(folder))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
