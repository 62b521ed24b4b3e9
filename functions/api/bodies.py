"""The bodies of answers, for the OpenAPI document; a test holds the routes to them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from functions.api.job_bodies import (
    CancelledJob,
    JobDetailsBody,
    JobStatusBody,
    Links,
    NamedJob,
    RowErrorBody,
)
from shared.jobs.job import JobStatus, JobType


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


class UploadFormBody(BaseModel):
    """A form that uploads one file straight to storage."""

    url: str
    fields: dict[str, str]
    expires_at: datetime
    max_bytes: int


class UploadAccepted(Success):
    """A job was made; `upload` only when its file is yet to be sent.

    `duplicate_of` is the first job to which the same organization (or user) uploaded the same bytes before, if any.
    """

    message: str
    job_id: UUID
    task_id: str
    total_rows: int | None
    estimated_time_minutes: float | None
    status: JobStatus
    links: Links
    upload: UploadFormBody | None = None
    duplicate_of: UUID | None = None


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


class DetailsAnswer(Success):
    """The details of a job."""

    job: JobDetailsBody


class JobNumbers(BaseModel):
    """Jobs, all of them and by status; those that were cancelled are among the failed ones."""

    total: int
    by_status: dict[JobStatus, int]
    cancelled: int


class RowNumbers(BaseModel):
    """Rows of these jobs."""

    total: int
    processed: int
    successful: int
    failed: int


class StatisticsBody(BaseModel):
    """How jobs have gone. Without processed rows there are no rates; `since` is null when every job is counted."""

    jobs: JobNumbers
    rows: RowNumbers
    success_rate: float | None
    rows_per_second: float | None
    is_complete: bool
    since: datetime | None


class StatisticsAnswer(Success):
    """How the caller's jobs have gone."""

    statistics: StatisticsBody


class CancelAnswer(Success):
    """The job is cancelled."""

    message: str
    cancelled_job: CancelledJob


class DeleteAnswer(Success):
    """The job is deleted."""

    message: str
    deleted_job: NamedJob


class BulkOutcome(BaseModel):
    """What became of one job of a bulk request: its `status`, or why not in `code` and `detail`."""

    job_id: str
    success: bool
    status: JobStatus | None = None
    code: str | None = None
    detail: str | None = None


class BulkAnswer(Success):
    """An outcome for every job named, in their order."""

    results: list[BulkOutcome]
    succeeded: int
    failed: int


class AssemblingAnswer(Success):
    """The job has ended and the file asked for is being made."""

    message: str
    status: JobStatus


class DownloadAnswer(Success):
    """Where a file of the job is, for a few minutes."""

    url: str


class RowPagination(BaseModel):
    """Where a page of rows goes on."""

    limit: int
    has_more: bool
    next_cursor: str | None


class FaultGroupBody(BaseModel):
    """How many rows have a fault of this code in this column; no column for one of the row as a whole."""

    code: str
    column: str | None
    rows: int


class ErrorLinks(BaseModel):
    """Where the failed rows are as a file, to be corrected and uploaded again."""

    failed_rows: str


class RowErrorsAnswer(Success):
    """A page of row errors, and how many rows of the whole job have which faults."""

    errors: list[RowErrorBody]
    error_count: int
    counts_by_code: dict[str, int]
    groups: list[FaultGroupBody]
    links: ErrorLinks
    pagination: RowPagination


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
