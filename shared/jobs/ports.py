"""Ports of the domain: protocols of its stores, and the types of its callables.

The adapters in `shared.aws` and the fakes of the tests provide them. `tests/contract` runs the same tests against both.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypedDict
from uuid import UUID

from shared.api_types import JobNote
from shared.jobs.access import Scope
from shared.jobs.job import Export, ExportKind, FileFormat, Job, Note, Outcome, StoredInput
from shared.jobs.listing import JobCount, JobFilter, JobPage
from shared.jobs.progress import ChunkCount, JobView
from shared.vocabulary import DECIMAL_POINT, DecimalConvention

# Lambda's own limit is 15 minutes: nothing that an earlier invocation began is still at work after this.
LONGEST_WORKER = timedelta(minutes=16)

Clock = Callable[[], datetime]

# Asynchronous requests to other functions. Each raises `UnavailableError`.
RequestAssembly = Callable[[UUID], None]
RequestRetryFile = Callable[[UUID], None]
# The last argument is the time at which the export was claimed.
RequestExport = Callable[[UUID, ExportKind, datetime], None]


class GivenRows(TypedDict):
    """Rows of a request, in the form in which a job reads them.

    `layout` is the JSON that says how to read them, `data` their records as CSV without a header, `next_year` the last
    reporting year accepted, and `notes` what was assumed about them.
    """

    layout: str
    data: str
    row_count: int
    next_year: int
    notes: list[JobNote]


# Returns results and row errors, with counts, profile, model version and notes. Raises `UnavailableError` if there is
# no result in time, and `RateLimitedError`.
ScoreRows = Callable[[GivenRows], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A deleted job, until its objects are removed."""

    id: UUID
    deleted_at: datetime
    stored_input: StoredInput | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The results of planning in a job's record."""

    planned_at: datetime
    total_rows: int
    chunk_count: int
    profile: str
    model_version: str
    notes: tuple[Note, ...]
    decimal: DecimalConvention = DECIMAL_POINT


@dataclass(frozen=True, slots=True, kw_only=True)
class DueJob:
    """A job or tombstone that reconcile has to look at since `due_at`."""

    id: UUID
    due_at: datetime


class JobStore(Protocol):
    """The jobs table. Every change is conditional; a refused one raises `TransitionRefusedError`."""

    def create(self, job: Job) -> None:
        """Adds a job. Refused if its id exists or was deleted."""

    def get(self, job_id: UUID) -> JobView | None:
        """Returns the job with its progress, read consistently; None if it is unknown or deleted."""

    def tombstone(self, job_id: UUID) -> Tombstone | None:
        """Returns what is left of the job if it was deleted."""

    def earlier_with_content(self, job: Job) -> UUID | None:
        """Returns the oldest earlier job of the same owner and job type whose file had the same SHA-256.

        The owner is the organization, or the user if there is none.
        """

    def queue(self, job: Job, *, stored_input: StoredInput, execution_arn: str, now: datetime) -> None:
        """pending → queued: the file has arrived."""

    def start(self, job: Job, *, now: datetime) -> None:
        """queued → processing, phase planning. A no-op if it is in that phase already."""

    def record_plan(self, job: Job, plan: Plan, *, now: datetime) -> None:
        """Records the plan and creates the shards in one transaction; phase planning → scoring."""

    def commit_chunk(self, job_id: UUID, count: ChunkCount, *, shard: int, now: datetime) -> None:
        """Counts a chunk once. Raises `CommitRefusedError`."""

    def enter_finalizing(self, job: Job, *, now: datetime) -> None:
        """Moves a processing job to phase finalizing. A no-op if it is in that phase already."""

    def complete(self, job: Job, *, successful: int, failed: int, now: datetime, notes: Sequence[Note] = ()) -> None:
        """processing → completed with final counts, results ready and shards closed, in one transaction.

        `notes` are added to those of the plan.
        """

    def fail(self, job: Job, *, error_code: str | None, error_message: str, cancelled: bool, now: datetime) -> None:
        """Changes any live status to failed and closes the shards, in one transaction.

        Also refused if the job got its shards after it was read: they would stay open.
        """

    def note_stopped(self, job: Job, *, now: datetime) -> None:
        """Records that cancelling the job stopped a running execution."""

    def record_assembly(
        self,
        job: Job,
        *,
        successful: int,
        failed: int,
        now: datetime,
        error_message: str | None = None,
        notes: Sequence[Note] = (),
    ) -> None:
        """Records the final counts of a failed job, that its files are ready, and its error message if that changed.

        `notes` are added to those of the plan.
        """

    def change_export(self, job_id: UUID, kind: ExportKind, *, expected: Export | None, changed: Export | None) -> None:
        """Changes the state of an export from `expected` to `changed`; None means no state.

        Refused if the state is not as expected, and if the job has no result files or was deleted.
        """

    def delete(self, job: Job, *, now: datetime) -> None:
        """Replaces the job by a tombstone and removes its shards, in one transaction. Refused while processing."""

    def forget(self, job_id: UUID) -> None:
        """Removes a tombstone from the jobs to reconcile: its files are gone."""

    def page(self, scope: Scope, job_filter: JobFilter, *, after: str | None, offset: int, limit: int) -> JobPage:
        """Returns jobs in order of creation, from `after` and then `offset`."""

    def count(self, scope: Scope, job_filter: JobFilter, *, at_most: int) -> JobCount:
        """Counts jobs, no further than one past `at_most`."""

    def due(self, now: datetime) -> Iterable[DueJob]:
        """Returns the jobs that reconcile has to look at, the longest due first.

        These are live jobs, failed ones without result files, and tombstones, each from the time that
        `shared.jobs.deadlines` gives.
        """

    def look_again(self, job: DueJob, *, at: datetime) -> None:
        """Makes the job due at another time. Refused if it became due at another time since, or is settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadForm:
    """A presigned S3 POST: send `fields`, then the file, to `url`."""

    url: str
    fields: dict[str, str]


class UploadStore(Protocol):
    """The uploads bucket."""

    def put(self, job_id: UUID, body: bytes) -> None:
        """Stores the file of a job under the key made from its id."""

    def presign(
        self, job_id: UUID, *, max_bytes: int, expires_in_seconds: int, content_sha256: str | None
    ) -> UploadForm:
        """Returns a form that uploads this one object, and only with this SHA-256 if there is one."""

    def metadata(self, stored_input: StoredInput) -> Mapping[str, str]:
        """Returns the user metadata of that version of the object. Raises FileNotFoundError if it was deleted."""

    def delete(self, stored_input: StoredInput) -> None:
        """Removes that version of the object, no other."""


class ResultStore(Protocol):
    """The objects of a job in the results bucket."""

    def download_link(
        self, job_id: UUID, outcome: Outcome, *, filename: str, file_format: FileFormat = FileFormat.CSV
    ) -> str | None:
        """Returns a link that downloads the result file under `filename`; None if there is no such file."""

    def read_errors(self, job_id: UUID, chunk: int, offset: int, length: int) -> bytes:
        """Returns bytes of the JSON lines of a chunk's row errors. Raises `ResultsGoneError`."""

    def read_result(self, job_id: UUID, outcome: Outcome, offset: int, length: int) -> bytes:
        """Returns bytes of the outcome's CSV. Raises `ResultsGoneError`."""

    def get_summary(self, job_id: UUID) -> dict[str, Any] | None:
        """Returns the risk summary stored with the result files; None if the job has none."""

    def delete_all(self, job_id: UUID) -> None:
        """Removes everything of the job."""


class ExecutionState(StrEnum):
    """The state of a workflow execution."""

    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A workflow execution as its engine reports it; `cause` is for the log."""

    state: ExecutionState
    cause: str | None = None


class Workflow(Protocol):
    """The engine that runs jobs. An execution is named after its job, so there is at most one."""

    def execution_arn(self, job_id: UUID) -> str:
        """Returns the address of the execution, which is known before it starts."""

    def start(self, job: Job) -> None:
        """Starts the execution of the job; a second start of the same job is a no-op."""

    def stop(self, job_id: UUID, *, reason: str) -> bool:
        """Stops the execution. Returns whether one was running."""

    def describe(self, job_id: UUID) -> Execution:
        """Returns the execution; its state is `UNKNOWN` if there is none."""
