"""The real planner on files in memory."""

import io
import json
from dataclasses import dataclass, field
from typing import IO, Any, cast
from uuid import UUID, uuid4

from functions.plan.planner import Planner
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.job import Job, JobStatus, Retry, StoredInput, UploadOptions
from shared.jobs.processing import Planning
from shared.vocabulary import FileFormat, JobType
from tests.builders import a_job, a_stored_input
from tests.fake_job_store import FakeJobStore

MAX_CSV_BYTES = 4 << 20
MAX_XLSX_BYTES = 1 << 20


@dataclass
class Planned:
    """The record of a job after planning, its plan and chunks, and the bytes that are scored."""

    job: Job
    plan: dict[str, Any] | None
    chunks: list[dict[str, Any]]
    scored_input: bytes
    is_rewritten: bool

    @property
    def refusal(self) -> tuple[str | None, str | None]:
        """The code and the sentence with which the job failed."""
        return self.job.error_code, self.job.error_message


@dataclass
class _Uploads:
    body: bytes

    def read_range(self, _stored_input: StoredInput, start: int, end: int) -> bytes:
        return self.body[start:end]

    def open(self, _stored_input: StoredInput) -> IO[bytes]:
        return io.BytesIO(self.body)


@dataclass
class _Results:
    rewritten: bytes | None = None
    plan: dict[str, Any] | None = None
    chunks: list[dict[str, Any]] = field(default_factory=list)

    def put_rewritten(self, _job_id: UUID, body: IO[bytes]) -> None:
        self.rewritten = body.read()

    def put_plan(self, _job_id: UUID, plan: dict[str, Any]) -> None:
        self.plan = json.loads(json.dumps(plan))

    def put_manifest(self, _job_id: UUID, chunks: list[dict[str, Any]]) -> str:
        self.chunks = chunks
        return "manifest"


def planned(
    body: bytes,
    filename: str = "figures.csv",
    *,
    job_type: JobType = JobType.ANNUAL,
    retry: Retry | None = None,
    **options: Any,
) -> Planned:
    """Returns what planning makes of an upload, or of the file of a retry."""
    store, uploads, results = FakeJobStore(), _Uploads(body), _Results()
    job_id = uuid4()
    job = a_job(
        id=job_id,
        status=JobStatus.QUEUED,
        job_type=job_type,
        original_filename=filename,
        options=UploadOptions(**options),
        retry=retry,
        stored_input=a_stored_input(job_id, size=len(body)),
    )
    store.add(job)
    planner = Planner(
        planning=Planning(store=store),
        uploads=cast("UploadBucket", uploads),
        results=cast("ResultsBucket", results),
        max_bytes={FileFormat.CSV: MAX_CSV_BYTES, FileFormat.XLSX: MAX_XLSX_BYTES},
    )
    manifest_key = planner.plan(job.id)
    view = store.get(job.id)
    assert view is not None
    assert (manifest_key is None) == (view.job.status is JobStatus.FAILED)
    return Planned(
        job=view.job,
        plan=results.plan,
        chunks=results.chunks,
        scored_input=body if results.rewritten is None else results.rewritten,
        is_rewritten=results.rewritten is not None,
    )
