"""What the services need from outside. The adapters in `shared.aws` and the fakes of the tests provide it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from shared.jobs.access import Scope
from shared.jobs.job import Export, ExportKind, FileFormat, Job, Outcome, StoredInput
from shared.jobs.listing import JobCount, JobFilter, JobPage
from shared.jobs.progress import ChunkCount, JobView

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What is left of a deleted job until its last traces are swept."""

    id: UUID
    deleted_at: datetime
    stored_input: StoredInput | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What planning found out about the file of a job, and when."""

    planned_at: datetime
    total_rows: int
    chunk_count: int
    profile: str
    model_version: str
    notes: tuple[str, ...]


class JobStore(Protocol):
    """The jobs table. Every change is conditional; a refused one raises `TransitionRefusedError`."""

    def create(self, job: Job) -> None:
        """Add a job; refused when its id exists or was deleted."""

    def get(self, job_id: UUID) -> JobView | None:
        """The job with its progress, consistently; None when unknown or deleted."""

    def tombstone(self, job_id: UUID) -> Tombstone | None:
        """What is left of the job if it was deleted."""

    def earlier_with_content(self, job: Job) -> UUID | None:
        """The oldest job made before this one whose file had the same SHA-256, of the same owner and job type.

        The owner is the organization, or the user where there is none.
        """

    def queue(self, job: Job, *, stored_input: StoredInput, execution_arn: str, now: datetime) -> None:
        """pending → queued: the file is there."""

    def start(self, job: Job, *, now: datetime) -> None:
        """queued → processing, phase planning; let through when it is planning already."""

    def record_plan(self, job: Job, facts: Plan, *, now: datetime) -> None:
        """Set the plan's facts and create the shards at once; planning → scoring."""

    def commit_chunk(self, job_id: UUID, count: ChunkCount, *, shard: int, now: datetime) -> None:
        """Count a chunk once. Raises `CommitRefusedError`."""

    def enter_finalizing(self, job: Job, *, now: datetime) -> None:
        """Move a processing job to phase finalizing; let through when it is there already."""

    def complete(self, job: Job, *, successful: int, failed: int, now: datetime) -> None:
        """processing → completed with its final counts, results ready and shards closed, all at once."""

    def fail(self, job: Job, *, error_code: str | None, error_message: str, cancelled: bool, now: datetime) -> None:
        """Any live status → failed and shards closed, all at once.

        Refused also when the job got its shards after it was read: they would stay open.
        """

    def note_stopped(self, job: Job, *, now: datetime) -> None:
        """Remember that cancelling the job stopped a running execution."""

    def settle(
        self, job: Job, *, successful: int, failed: int, now: datetime, error_message: str | None = None
    ) -> None:
        """Set a failed job's final counts, that it has the files it ever will, and its sentence if that changed."""

    def change_export(self, job_id: UUID, kind: ExportKind, *, expected: Export | None, changed: Export | None) -> None:
        """Set how an export of the job stands (None: nothing is known of it).

        Refused when it does not stand as `expected`, and when the job has no result files or was deleted.
        """

    def delete(self, job: Job, *, now: datetime) -> None:
        """Replace the job by a tombstone and remove its shards, at once. Refused while it is processing."""

    def forget(self, job_id: UUID) -> None:
        """Take a tombstone off the sweep's list: its files are gone."""

    def page(self, scope: Scope, job_filter: JobFilter, *, after: str | None, offset: int, limit: int) -> JobPage:
        """Jobs in order of creation, from `after` and then `offset`."""

    def count(self, scope: Scope, job_filter: JobFilter, *, at_most: int) -> JobCount:
        """How many jobs there are, counted no further than one past `at_most`."""

    def unsettled(self) -> Sequence[UUID]:
        """The jobs the sweep has to look at: live ones, failed ones without result files, and tombstones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadForm:
    """A presigned S3 POST: send `fields`, then the file, to `url`."""

    url: str
    fields: dict[str, str]


class UploadStore(Protocol):
    """The uploads bucket."""

    def put(self, job_id: UUID, body: bytes) -> None:
        """Store the file of a job under the key made from its id."""

    def presign(
        self, job_id: UUID, *, max_bytes: int, expires_in_seconds: int, content_sha256: str | None
    ) -> UploadForm:
        """A form that lets its holder upload that one object, and only with this SHA-256 when there is one."""

    def delete(self, stored_input: StoredInput) -> None:
        """Remove that version of the object, no other."""


class ResultStore(Protocol):
    """What is kept of a job in the results bucket."""

    def download_link(
        self, job_id: UUID, outcome: Outcome, *, filename: str, file_format: FileFormat = FileFormat.CSV
    ) -> str | None:
        """A link that downloads the outcome's file under `filename`; None when there is no such file."""

    def read_errors(self, job_id: UUID, chunk: int, offset: int, length: int) -> bytes:
        """A piece of the JSON lines of a chunk's row errors.

        Raises `ResultsGoneError`.
        """

    def read_result(self, job_id: UUID, outcome: Outcome, offset: int, length: int) -> bytes:
        """A piece of the outcome's CSV. Raises `ResultsGoneError`."""

    def get_summary(self, job_id: UUID) -> dict[str, Any] | None:
        """The risk summary stored with the result files; None when the job has none."""

    def delete_all(self, job_id: UUID) -> None:
        """Remove everything of the job."""


class ExecutionState(StrEnum):
    """What became of a workflow execution."""

    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A workflow execution as its engine reports it; `cause` is for the log."""

    state: ExecutionState
    cause: str | None = None


class Workflow(Protocol):
    """The engine that runs jobs. The execution of a job is named after it, so that there is one at most."""

    def execution_arn(self, job_id: UUID) -> str:
        """The address of the execution, known before it starts."""

    def start(self, job_id: UUID, payload: dict[str, Any]) -> None:
        """Start the execution; a second start of the same job changes nothing."""

    def stop(self, job_id: UUID, *, reason: str) -> bool:
        """Stop the execution; whether one was really running."""

    def describe(self, job_id: UUID) -> Execution:
        """What became of the execution; `UNKNOWN` when there is none."""


class Preparer(Protocol):
    """Whoever writes the file of a retry from the results of its parent."""

    def request(self, job_id: UUID) -> None:
        """Ask for the file of a retry, not waiting for it."""


class Assembler(Protocol):
    """Whoever puts the result files of an ended job together."""

    def request(self, job_id: UUID) -> None:
        """Ask for the files of an ended job, not waiting for them."""


class Exporter(Protocol):
    """Whoever makes result files in other formats."""

    def request(self, job_id: UUID, kind: ExportKind, *, claimed_at: datetime) -> None:
        """Ask for the export that was claimed at that time, not waiting for it."""


# Lambda's own limit is 15 minutes: no worker of a deleted job can write after that.
LONGEST_WORKER = timedelta(minutes=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRows:
    """Rows in the form in which a job reads them.

    `layout` is the JSON of how they are to be read, `data` their records as CSV without a header, `next_year` the last
    reporting year accepted.
    """

    layout: str
    data: str
    row_count: int
    next_year: int

    def as_json(self) -> dict[str, Any]:
        """The rows as a JSON object."""
        return asdict(self)


class RowScorer(Protocol):
    """Whoever runs the models."""

    def score(self, rows: GivenRows) -> dict[str, Any]:
        """The rows' results and errors, with counts, profile, model version and notes.

        Raises `UnavailableError` when there is no answer in time, `RateLimitedError` when there are too many calls.
        """
