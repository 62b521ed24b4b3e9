"""The API's answers as types. They are the JSON itself, so fields that later versions add pass through.

A test holds them to the published document.
"""

from typing import Any, Literal, NotRequired, TypedDict

JsonObject = dict[str, Any]

JobType = Literal["annual", "quarterly"]
Status = Literal["pending", "queued", "processing", "completed", "failed"]
Phase = Literal["awaiting_upload", "queued", "planning", "scoring", "finalizing", "done"]

TERMINAL: frozenset[Status] = frozenset({"completed", "failed"})


class UploadForm(TypedDict):
    """A form that uploads one file straight to storage."""

    url: str
    fields: dict[str, str]
    expires_at: str
    max_bytes: int


class UploadAccepted(TypedDict):
    """A job was made; `upload` only when its file is yet to be sent."""

    message: str
    job_id: str
    total_rows: int | None
    estimated_time_minutes: float | None
    status: Status
    links: dict[str, str]
    upload: NotRequired[UploadForm]
    duplicate_of: NotRequired[str]


class JobErrorDetails(TypedDict):
    """The code of an error of the whole job."""

    error_code: str


class JobStatus(TypedDict):
    """A job in short: the quick status, and an entry of the list."""

    id: str
    status: Status
    phase: Phase
    job_type: JobType
    original_filename: str
    total_rows: int
    processed_rows: int
    successful_rows: int
    failed_rows: int
    progress_percentage: float
    created_at: str
    started_at: str | None
    completed_at: str | None
    error_message: str | None
    error_details: JobErrorDetails | None
    cancelled: bool


class Pagination(TypedDict):
    """Where a page of jobs stands; `total` is None where there are too many to count."""

    total: int | None
    total_at_least: NotRequired[int]
    limit: int
    offset: int
    has_more: bool
    next_cursor: str | None


class JobList(TypedDict):
    """A page of jobs."""

    jobs: list[JobStatus]
    pagination: Pagination


class FileInfo(TypedDict):
    """The input file; sizes in bytes and MiB."""

    original_filename: str
    file_size: int | None
    file_size_mb: float | None


class JobOptions(TypedDict):
    """What the uploader asked for."""

    validate_only: bool
    max_failed_percent: float | None
    labels: dict[str, str]


class Progress(TypedDict):
    """Rows by outcome."""

    total_rows: int
    processed_rows: int
    successful_rows: int
    failed_rows: int
    progress_percentage: float
    remaining_rows: int


class Performance(TypedDict):
    """Speed, and the time left while the job is processing."""

    processing_time_seconds: float | None
    rows_per_second: float | None
    estimated_completion_seconds: NotRequired[int | None]
    estimated_completion_time: str | None


class Timestamps(TypedDict):
    """When what happened, in UTC."""

    created_at: str
    started_at: str | None
    completed_at: str | None
    updated_at: str


class Context(TypedDict):
    """Whose job it is."""

    user_id: str
    organization_id: str | None
    created_by: str


class RowError(TypedDict):
    """Why a row failed: `error` is its first fault, `errors` are all of them."""

    row: int
    source_row: NotRequired[int | None]
    company_symbol: str
    column: NotRequired[str | None]
    code: str
    error: str
    errors: NotRequired[list[JsonObject]]
    value: NotRequired[str | None]


class ErrorDetails(TypedDict):
    """The first row errors, and the way to the rest."""

    errors: list[RowError]
    truncated: bool
    more: NotRequired[str]


class Errors(TypedDict):
    """Errors of the job and of its rows; `error_details` only when asked for."""

    has_errors: bool
    error_message: str | None
    error_count: int
    error_code: NotRequired[str]
    error_details: NotRequired[ErrorDetails]


class JobDetails(TypedDict):
    """Everything known of a job."""

    id: str
    status: Status
    phase: Phase
    job_type: JobType
    source: str
    parent_job_id: str | None
    file_info: FileInfo
    options: JobOptions
    profile: str | None
    model_version: str | None
    notes: list[str]
    progress: Progress
    performance: Performance
    timestamps: Timestamps
    cancelled: bool
    cancelled_at: str | None
    expires_at: str | None
    results_ready: bool
    context: Context
    errors: Errors
    links: dict[str, str]


class NamedJob(TypedDict):
    """Which job it was."""

    id: str
    status: Status
    job_type: JobType
    original_filename: str


class CancelledJob(NamedJob):
    """`celery_cancelled` is true only if a running execution was stopped."""

    celery_cancelled: bool


class Cancelled(TypedDict):
    """The job is cancelled."""

    message: str
    cancelled_job: CancelledJob


class Deleted(TypedDict):
    """The job is deleted."""

    message: str
    deleted_job: NamedJob


class BulkOutcome(TypedDict):
    """What became of one job of several: its `status`, or why not in `code` and `detail`."""

    job_id: str
    success: bool
    status: NotRequired[Status]
    code: NotRequired[str]
    detail: NotRequired[str]


class BulkAnswer(TypedDict):
    """An outcome for every job named, in their order."""

    results: list[BulkOutcome]
    succeeded: int
    failed: int


class FaultGroup(TypedDict):
    """How many rows have a fault of this code in this column; no column for one of the row as a whole."""

    code: str
    column: str | None
    rows: int


class ErrorsPagination(TypedDict):
    """Where a page of row errors goes on."""

    limit: int
    has_more: bool
    next_cursor: str | None


class RowErrors(TypedDict):
    """A page of row errors, and how many rows of the whole job have which faults."""

    errors: list[RowError]
    error_count: int
    counts_by_code: dict[str, int]
    groups: list[FaultGroup]
    links: dict[str, str]
    pagination: ErrorsPagination
