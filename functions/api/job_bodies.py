"""Jobs as answers show them, for the OpenAPI document; the shapes themselves are made by `shared.jobs.representations`.

Fields that later versions add do not break a client, so none of these forbids more.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.jobs.job import JobStatus, JobType, Phase, Source

TaskStatus = Literal["PENDING", "STARTED", "PROGRESS", "SUCCESS", "FAILURE", "REVOKED"]


class Links(BaseModel):
    """Paths of a job on this host."""

    model_config = ConfigDict(title="Links")

    self: str
    status: str
    cancel: str
    results: str
    errors: str
    download: str
    retry: str
    parent: str | None = None


class TaskMeta(BaseModel):
    """Progress as old clients read it."""

    current: int
    total: int
    status: str
    successful: int
    failed: int
    job_id: UUID


class JobErrorDetails(BaseModel):
    """The code of an error of the whole job."""

    error_code: str


class JobStatusBody(BaseModel):
    """A job in short: the quick status, and an entry of the list."""

    id: UUID
    status: JobStatus
    phase: Phase
    job_type: JobType
    original_filename: str
    total_rows: int
    processed_rows: int
    successful_rows: int
    failed_rows: int
    progress_percentage: float
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error_message: str | None
    error_details: JobErrorDetails | None
    celery_task_id: str | None
    celery_status: TaskStatus
    celery_meta: TaskMeta | None
    cancelled: bool


class FileInfo(BaseModel):
    """The input file; sizes in bytes and MiB, null until it is there."""

    original_filename: str
    file_size: int | None
    file_size_mb: float | None


class JobOptions(BaseModel):
    """What the uploader asked for."""

    validate_only: bool
    max_failed_percent: float | None
    labels: dict[str, str]


class Progress(BaseModel):
    """Rows by outcome."""

    total_rows: int
    processed_rows: int
    successful_rows: int
    failed_rows: int
    progress_percentage: float
    remaining_rows: int


class Performance(BaseModel):
    """Speed, and the time left while the job is processing.

    The time left is what the rest takes at the rate of the last chunks: those of the last quarter of the scoring, and
    at least two chunks of each worker. Null until twice the time has passed that a chunk takes. In simulations of loads
    that stay as they are, however uneven, it is off by at most 12 % of the scoring time on average, and by at most 20 %
    nine times in ten; a change of the load shows once a third of the time until then has passed again.
    """

    processing_time_seconds: float | None
    rows_per_second: float | None
    estimated_completion_seconds: int | None = None
    estimated_completion_time: str | None


class Timestamps(BaseModel):
    """When what happened, in UTC."""

    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime


class Context(BaseModel):
    """Whose job it is."""

    user_id: str
    organization_id: str | None
    created_by: str


class RowErrorBody(BaseModel):
    """Why a row failed: `error` is its first fault, `errors` are all of them."""

    model_config = ConfigDict(extra="allow")

    row: int
    source_row: int | None = Field(default=None, description="Of a retry: the row's number in the file first uploaded")
    company_symbol: str
    column: str | None = None
    code: str
    error: str
    errors: list[Any] | None = None
    value: str | None = None


class ErrorDetails(BaseModel):
    """The first row errors, and the way to the rest."""

    errors: list[RowErrorBody]
    truncated: bool
    more: str | None = None


class Errors(BaseModel):
    """Errors of the job and of its rows; `error_details` only when asked for."""

    has_errors: bool
    error_message: str | None
    error_count: int
    error_code: str | None = None
    error_details: ErrorDetails | None = None


class TaskInfo(BaseModel):
    """The workflow under the names of the task queue that ran jobs before."""

    task_id: str | None
    celery_status: TaskStatus
    celery_meta: TaskMeta | None


class WorkflowInfo(BaseModel):
    """The execution that runs the job."""

    execution_arn: str | None
    status: TaskStatus
    phase: Phase
    chunks: int
    chunks_done: int


class JobDetailsBody(BaseModel):
    """Everything known of a job."""

    id: UUID
    status: JobStatus
    phase: Phase
    job_type: JobType
    source: Source
    parent_job_id: UUID | None
    file_info: FileInfo
    options: JobOptions
    profile: str | None
    model_version: str | None
    notes: list[str]
    progress: Progress
    performance: Performance
    timestamps: Timestamps
    cancelled: bool
    cancelled_at: datetime | None
    expires_at: datetime | None
    results_ready: bool
    context: Context
    errors: Errors
    celery_info: TaskInfo
    workflow: WorkflowInfo
    links: Links


class NamedJob(BaseModel):
    """Which job it was."""

    id: UUID
    status: JobStatus
    job_type: JobType
    original_filename: str


class CancelledJob(NamedJob):
    """`celery_cancelled` is true only if a running execution was stopped."""

    celery_cancelled: bool
