"""The bodies of answers, for the OpenAPI document; a test holds the routes to them.

The shapes themselves are made by `shared.jobs.views`. Fields that later versions add do not break a client, so none of
these forbids more.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from functions.api.problems import KINDS, MEDIA_TYPE
from shared.jobs.model import JobStatus, JobType, Phase, Source

TaskStatus = Literal["PENDING", "STARTED", "PROGRESS", "SUCCESS", "FAILURE", "REVOKED"]


class FieldFaultBody(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str
    code: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldFaultBody] | None = None


class Success(BaseModel):
    """What every successful JSON answer says."""

    success: Literal[True]


class HealthAnswer(Success):
    """The service is up."""

    status: Literal["ok"]
    version: str


class Links(BaseModel):
    """Paths of a job on this host."""

    model_config = ConfigDict(title="Links")

    self: str
    status: str
    cancel: str
    errors: str
    download: str


class UploadFormBody(BaseModel):
    """A form that uploads one file straight to storage."""

    url: str
    fields: dict[str, str]
    expires_at: datetime
    max_bytes: int


class UploadAccepted(Success):
    """A job was made; `upload` only when its file is yet to be sent."""

    message: str
    job_id: UUID
    task_id: str
    total_rows: int | None
    estimated_time_minutes: float | None
    status: JobStatus
    links: Links
    upload: UploadFormBody | None = None


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


class StatusAnswer(Success):
    """The quick status of a job."""

    job: JobStatusBody


class Pagination(BaseModel):
    """Where a page of jobs stands. `total` is null above 1,000, and `total_at_least` there instead."""

    total: int | None
    total_at_least: int | None = None
    limit: int
    offset: int
    has_more: bool
    next_cursor: str | None


class ListAnswer(Success):
    """A page of jobs."""

    jobs: list[JobStatusBody]
    pagination: Pagination


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
    """Speed, and the time left while the job is processing."""

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


class DetailsAnswer(Success):
    """The details of a job."""

    job: JobDetailsBody


class NamedJob(BaseModel):
    """Which job it was."""

    id: UUID
    status: JobStatus
    job_type: JobType
    original_filename: str


class CancelledJob(NamedJob):
    """`celery_cancelled` is true only if a running execution was stopped."""

    celery_cancelled: bool


class CancelAnswer(Success):
    """The job is cancelled."""

    message: str
    cancelled_job: CancelledJob


class DeleteAnswer(Success):
    """The job is deleted."""

    message: str
    deleted_job: NamedJob


class AssemblingAnswer(Success):
    """The job has ended and its files are being put together."""

    message: str
    status: JobStatus


class ErrorsPagination(BaseModel):
    """Where a page of row errors goes on."""

    limit: int
    has_more: bool
    next_cursor: str | None


class RowErrorsAnswer(Success):
    """A page of row errors."""

    errors: list[RowErrorBody]
    error_count: int
    pagination: ErrorsPagination


class SchemaColumn(BaseModel):
    """A column and the rule of its cells."""

    model_config = ConfigDict(extra="allow")

    name: str
    type: str
    description: str
    required: bool


class SchemaAnswer(Success):
    """The columns a file may have."""

    job_type: JobType
    profiles: dict[str, list[str]]
    columns: list[SchemaColumn]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI descriptions of these error answers."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        kinds = {code: kind for code, kind in KINDS.items() if kind.status == status}
        described[status] = {
            "description": "; ".join(f"{kind.when} (`{code}`)" for code, kind in kinds.items()),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return described
