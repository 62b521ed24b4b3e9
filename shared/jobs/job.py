"""Jobs and the allowed changes of their status. Times are aware datetimes in UTC, sizes are bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, overload
from uuid import UUID, uuid5

from shared.vocabulary import DecimalConvention
from shared.vocabulary import FileFormat as FileFormat  # noqa: PLC0414 - also a word of the domain
from shared.vocabulary import JobType as JobType  # noqa: PLC0414 - also a word of the domain
from shared.vocabulary import Note as Note  # noqa: PLC0414 - also a word of the domain
from shared.vocabulary import Outcome as Outcome  # noqa: PLC0414 - also a word of the domain

# Namespace of the ids of dropped objects' jobs (RFC 9562 §5.5: one of our own).
DROP_NAMESPACE = UUID("6f1d0c9e-7a55-5b0f-9a55-2d9a3c1be2a7")

RETENTION = timedelta(days=30)
UPLOAD_DEADLINE = timedelta(hours=24)


class JobStatus(StrEnum):
    """Status of a job; see `TRANSITIONS`."""

    PENDING = "pending"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended; a terminal status never changes."""
        return self in (JobStatus.COMPLETED, JobStatus.FAILED)


class Phase(StrEnum):
    """Current step of a job; finer than its status."""

    AWAITING_UPLOAD = "awaiting_upload"
    QUEUED = "queued"
    PLANNING = "planning"
    SCORING = "scoring"
    FINALIZING = "finalizing"
    DONE = "done"


class Source(StrEnum):
    """How the file came in: multipart or JSON upload, presigned form, S3 drop folder, or retry."""

    API = "api"
    PRESIGNED = "presigned"
    S3_DROP = "s3-drop"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class ExportKind:
    """Which result file of a job, in which format other than CSV."""

    outcome: Outcome
    file_format: FileFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """State of a pending export; removed once the file exists.

    `claimed_at` is when it was last requested or begun, None after an attempt that ended without a file. `attempts`
    counts those begun. `refusal_code` and `refusal` say why there never will be a file.
    """

    claimed_at: datetime | None = None
    is_begun: bool = False
    attempts: int = 0
    refusal_code: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOptions:
    """Options of an upload.

    `max_failed_percent` is enforced from 1,000 rows on, and at the end; above it the job fails. `encoding` is that of
    a CSV file, `sheet` the name of the sheet of a workbook, `decimal` the decimal sign of figures, `.` or `,`; None
    leaves the choice to the file.
    """

    validate_only: bool = False
    max_failed_percent: float | None = None
    encoding: str | None = None
    sheet: str | None = None
    decimal: Literal[".", ","] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Which rows of its parent a retry consists of. `generation` is 1 for the retry of an upload.

    With `is_whole_input` the rows of the parent were never counted, and its file is copied unchanged. With
    `has_source_row` the last column of the file is our own `source_row`. `decimal` is the convention by which the
    figures of the parent were read, None where that was not decided.
    """

    outcomes: frozenset[Outcome]
    generation: int
    is_whole_input: bool
    has_source_row: bool
    decimal: DecimalConvention | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInput:
    """The object version that a job reads."""

    key: str
    version_id: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The record of a job; `Progress` has the counts while they change."""

    id: UUID
    status: JobStatus
    phase: Phase
    job_type: JobType
    source: Source
    user_id: str
    organization_id: str | None
    created_by: str
    original_filename: str
    created_at: datetime
    updated_at: datetime
    file_size: int | None = None
    # Of the uploaded file, in lower-case hex; None if unknown.
    content_sha256: str | None = None
    options: UploadOptions = field(default_factory=UploadOptions)
    parent_job_id: UUID | None = None
    retry: Retry | None = None
    upload_expires_at: datetime | None = None
    stored_input: StoredInput | None = None
    execution_arn: str | None = None
    started_at: datetime | None = None
    # When the chunks were planned, and so scoring could begin.
    planned_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    # Whether the cancel stopped a running execution; kept so that a second cancel responds the same.
    execution_stopped: bool = False
    error_code: str | None = None
    error_message: str | None = None
    total_rows: int | None = None
    chunk_count: int = 0
    shard_count: int = 0
    profile: str | None = None
    model_version: str | None = None
    decimal: DecimalConvention | None = None
    notes: tuple[Note, ...] = ()
    # Set when the shards are closed and the counts can no longer change.
    final_successful_rows: int | None = None
    final_failed_rows: int | None = None
    results_ready: bool = False
    exports: Mapping[ExportKind, Export] = field(default_factory=dict)

    @property
    def cancelled(self) -> bool:
        """Whether the job was cancelled."""
        return self.cancelled_at is not None

    @property
    def expires_at(self) -> datetime | None:
        """When the job and its files are removed: the end of retention; None before the job has ended."""
        return self.completed_at + RETENTION if self.completed_at else None

    @property
    def has_final_counts(self) -> bool:
        """Whether the record has the final counts."""
        return self.final_successful_rows is not None


def dropped_job_id(*, bucket: str, key: str, version_id: str) -> UUID:
    """Returns the id of the job of a dropped object: the same for every delivery of the same event."""
    return uuid5(DROP_NAMESPACE, f"{bucket}\n{key}\n{version_id}")


def utc_now() -> datetime:
    """Returns the present time in UTC, cut to milliseconds: the precision of every stored time."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@overload
def timestamp(moment: datetime) -> str: ...


@overload
def timestamp(moment: datetime | None) -> str | None: ...


def timestamp(moment: datetime | None) -> str | None:
    """Returns the moment in RFC 3339, UTC with `Z`, to the millisecond."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# A repeated step (a redelivered event, a retried task) is a no-op and so not listed.
TRANSITIONS = MappingProxyType(
    {
        JobStatus.PENDING: frozenset({JobStatus.QUEUED, JobStatus.FAILED}),
        JobStatus.QUEUED: frozenset({JobStatus.PROCESSING, JobStatus.FAILED}),
        JobStatus.PROCESSING: frozenset({JobStatus.COMPLETED, JobStatus.FAILED}),
        JobStatus.COMPLETED: frozenset[JobStatus](),
        JobStatus.FAILED: frozenset[JobStatus](),
    }
)

LIVE = frozenset(status for status in JobStatus if not status.is_terminal)
DELETABLE = frozenset(JobStatus) - {JobStatus.PROCESSING}


def sources_of(target: JobStatus) -> frozenset[JobStatus]:
    """Returns the statuses from which `target` may be entered."""
    return frozenset(source for source, targets in TRANSITIONS.items() if target in targets)
