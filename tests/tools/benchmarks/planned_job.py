"""A job planned by the real handler, ready for scoring, with S3 in a folder and DynamoDB in moto."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID, uuid4

from moto import mock_aws

from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.job import JobStatus
from tests.aws_resources import TABLE, create_table
from tests.builders import a_job, a_stored_input
from tests.flow.system import forget_compositions
from tests.invocation import InvocationContext
from tests.synthesized import template
from tests.tools.benchmarks.disk_s3 import DiskS3
from tests.tools.benchmarks.inputs import company_csv, company_rows

_ROWS_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """A planned job of `rows` rows in a file of `size` bytes, and its chunks as events of the map."""

    id: UUID
    rows: int
    size: int
    chunks: tuple[dict[str, Any], ...]
    plan_seconds: float
    s3: DiskS3
    table: JobsTable

    def score(self, chunk: dict[str, Any]) -> None:
        """Scores a chunk with the real handler."""
        invoke("score", {"job_id": str(self.id), "chunk": chunk})

    def finalize(self) -> None:
        """Finalizes the job with the real handler."""
        invoke("finalize", {"job_id": str(self.id)})


def invoke(function: str, event: dict[str, Any]) -> Any:
    """Calls the handler of a function and returns its response."""
    return import_module(f"functions.{function}.handler").handler(event, InvocationContext())


@contextmanager
def planned_job(rows: int, folder: Path) -> Iterator[PlannedJob]:
    """Yields a planned job of at least `rows` rows; inside the block the handlers can be called."""
    path = folder / "input.csv"
    written = write_rows(path, rows)
    s3 = DiskS3(folder)
    job_id = uuid4()
    stored = a_stored_input(job_id, size=path.stat().st_size)
    s3.adopt(stored.key, path)
    environment = {**template().environment(), "TABLE_NAME": TABLE}
    with mock_aws(), patch.dict(os.environ, environment), stored_in(s3):
        create_table()
        table = JobsTable(client=clients.dynamodb, table=TABLE)
        table.create(a_job(id=job_id, status=JobStatus.QUEUED, stored_input=stored, file_size=stored.size))
        forget_compositions()
        started = perf_counter()
        manifest_key = invoke("plan", {"job_id": str(job_id)})["manifest_key"]
        planned = perf_counter()
        with closing(s3.get_object(Key=manifest_key)["Body"]) as manifest:
            chunks = tuple(json.loads(manifest.read()))
        yield PlannedJob(
            id=job_id,
            rows=written,
            size=stored.size,
            chunks=chunks,
            plan_seconds=planned - started,
            s3=s3,
            table=table,
        )


@contextmanager
def stored_in(s3: DiskS3) -> Iterator[None]:
    """Makes the adapters of both buckets use this S3."""
    with ExitStack() as patches:
        for adapter in (UploadBucket, ResultsBucket):
            patches.enter_context(patch.dict(adapter.__init__.__kwdefaults__, client=lambda: s3))
        yield


def write_rows(path: Path, rows: int) -> int:
    """Writes a file of at least `rows` rows without holding it in memory, and returns its number of rows."""
    header, _, records = company_csv(company_rows(min(rows, _ROWS_AT_ONCE))).partition(b"\n")
    times = -(-rows // _ROWS_AT_ONCE)
    with path.open("wb") as file:
        file.write(header + b"\n")
        for _ in range(times):
            file.write(records)
    return times * min(rows, _ROWS_AT_ONCE)
