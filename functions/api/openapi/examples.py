"""Examples of every JSON body in the OpenAPI document: one job, from its upload to its retry.

The code that builds responses also builds the examples. They are imported only with the document, which is rarely
requested, so they add nothing to a cold start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from functions.api.openapi.example_results import MODEL_VERSION, SUMMARY, error_counts, row_errors, scored_row
from functions.api.routes.reference import VERSION
from shared.api_types import JsonObject
from shared.inputs.schema import example_rows, schema
from shared.jobs.downloads import ASSEMBLING
from shared.jobs.errors import JobNotFoundError
from shared.jobs.job import Job, JobStatus, JobType, Outcome, Phase, Source, UploadOptions, timestamp
from shared.jobs.progress import JobView, Progress, Shard
from shared.jobs.representations import (
    download_path,
    job_details,
    job_links,
    job_statistics,
    job_summary,
    named_job,
    row_error_counts,
)
from shared.jobs.row_errors import RowErrorPage
from shared.jobs.statistics import statistics_of
from shared.jobs.uploads import upload_key
from shared.scoring.catalog import model_descriptions

_CREATED: Final = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
_STARTED: Final = _CREATED + timedelta(seconds=5)
_COMPLETED: Final = _STARTED + timedelta(seconds=125.5)
_EXECUTIONS: Final = "arn:aws:states:eu-central-1:123456789012:execution:default-risk-jobs-prod"
_OTHER_ID: Final = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
_JSON: Final = "application/json"

_WAITING: Final = Job(
    id=UUID("550e8400-e29b-41d4-a716-446655440000"),
    status=JobStatus.PENDING,
    phase=Phase.AWAITING_UPLOAD,
    job_type=JobType.ANNUAL,
    source=Source.PRESIGNED,
    user_id="user-uuid",
    organization_id="org-uuid",
    created_by="john.doe",
    original_filename="annual_predictions_1000_rows.csv",
    file_size=2_048_576,
    created_at=_CREATED,
    updated_at=_CREATED,
    upload_expires_at=_CREATED + timedelta(hours=24),
    options=UploadOptions(labels={"portfolio": "2024"}),
)
_SCORING: Final = replace(
    _WAITING,
    status=JobStatus.PROCESSING,
    phase=Phase.SCORING,
    execution_arn=f"{_EXECUTIONS}:{_WAITING.id}",
    started_at=_STARTED,
    updated_at=_STARTED,
    total_rows=1_000,
    chunk_count=32,
    shard_count=1,
    profile="statements",
    model_version=MODEL_VERSION,
)
_COMPLETE: Final = replace(
    _SCORING,
    status=JobStatus.COMPLETED,
    phase=Phase.DONE,
    completed_at=_COMPLETED,
    updated_at=_COMPLETED,
    final_successful_rows=985,
    final_failed_rows=15,
    results_ready=True,
)
_CANCELLED: Final = replace(
    _SCORING, status=JobStatus.FAILED, phase=Phase.FINALIZING, cancelled_at=_COMPLETED, completed_at=_COMPLETED
)
_RETRY: Final = replace(
    _WAITING,
    id=UUID("9b2f5c1e-3a64-4c0d-8f17-6d1e2a7b9c30"),
    source=Source.RETRY,
    parent_job_id=_WAITING.id,
    file_size=None,
)
# 45.2 seconds after it was started.
_PROGRESS: Final = Progress(
    [
        Shard(
            number=0,
            done=frozenset(range(13)),
            with_successes=frozenset(range(13)),
            successful_rows=398,
            failed_rows=2,
            last_commit_at=_STARTED + timedelta(seconds=45.2),
        )
    ]
)
_FINAL_PROGRESS: Final = Progress(
    [
        Shard(
            number=0,
            done=frozenset(range(32)),
            with_successes=frozenset(range(32)),
            successful_rows=985,
            failed_rows=15,
            row_errors=error_counts(),
            last_commit_at=_COMPLETED,
            closed=True,
        )
    ]
)

_RESULTS_CURSOR = (
    "eyJsaXN0IjoiNTE4ZDg2YWQxMDY1MDUzMGQxYzRjMTIyMGRiOTU2OGIiLCJwb3NpdGlvbiI6eyJvZmZzZXQiOjUxMn19"
    ".Fwr8U3n3xnrQzk8uX81AckyGiPri0-zYO6P98VWkmrc"
)
_ERRORS_CURSOR = (
    "eyJsaXN0IjoiNTE4ZDg2YWQxMDY1MDUzMGQxYzRjMTIyMGRiOTU2OGIiLCJwb3NpdGlvbiI6eyJjaHVuayI6NCwib2Zmc2V0IjowfX0"
    ".z1I9Tpn4L6i3mbdBFNKQZy8aTaEiglZRC-oTYwvYFjE"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationExamples:
    """The JSON bodies of an operation: its request, and its responses by status."""

    responses: Mapping[str, JsonObject] = field(default_factory=dict)
    request: JsonObject | None = None


_DOWNLOAD_URL = (
    "https://default-risk-jobs-prod-results.s3.eu-central-1.amazonaws.com/results/"
    "550e8400-e29b-41d4-a716-446655440000/successful.csv?X-Amz-Expires=300&X-Amz-Signature=9f86d081…"
)


def add_examples(document: dict[str, Any]) -> None:
    """Adds the examples to the OpenAPI document."""
    by_operation = examples()
    for operations in document["paths"].values():
        for operation in operations.values():
            of_this = by_operation.get(operation["operationId"], OperationExamples())
            if of_this.request is not None:
                operation["requestBody"]["content"][_JSON]["example"] = of_this.request
            for status, body in of_this.responses.items():
                operation["responses"][status]["content"][_JSON]["example"] = body


def examples() -> dict[str, OperationExamples]:
    """Returns the examples of each operation, by its id."""
    return {
        "get_health": _response(status="ok", version=VERSION),
        **{f"upload_{job_type}": _upload(job_type) for job_type in JobType},
        **{f"get_{job_type}_schema": _response(**schema(job_type)) for job_type in JobType},
        **{f"score_{job_type}": _rows(job_type) for job_type in JobType},
        # The others are like it.
        "list_models": _response(models=model_descriptions()[:1]),
        "cancel_jobs": _bulk(_CANCELLED),
        "delete_jobs": _bulk(_COMPLETE),
        "list_jobs": _response(
            jobs=[job_summary(_COMPLETE, _FINAL_PROGRESS)],
            pagination={"total": 1, "limit": 50, "offset": 0, "has_more": False, "next_cursor": None},
        ),
        "get_statistics": _response(
            statistics=job_statistics(
                statistics_of([JobView(job=_COMPLETE, progress=_FINAL_PROGRESS)], is_complete=True, now=_COMPLETED)
            )
        ),
        "get_job": _response(
            job=job_details(
                _COMPLETE,
                _FINAL_PROGRESS,
                now=_COMPLETED,
                row_errors=RowErrorPage(errors=tuple(row_errors()), following=None),
            )
        ),
        "get_job_status": _response(job=job_summary(_SCORING, _PROGRESS)),
        "cancel_job": _response(
            message=f"Job {_CANCELLED.id} cancelled successfully",
            cancelled_job={**named_job(_CANCELLED), "celery_cancelled": True},
        ),
        "delete_job": _response(message=f"Job {_COMPLETE.id} deleted successfully", deleted_job=named_job(_COMPLETE)),
        "list_results": _results(),
        "download_results": OperationExamples(
            responses={"200": {"success": True, "url": _DOWNLOAD_URL}, "202": _assembling()}
        ),
        "list_row_errors": _row_errors(),
        "retry_job": OperationExamples(
            request={"outcomes": ["failed"]},
            responses={"202": _accepted(_RETRY, message="Retry accepted. Follow the status of the new job.")},
        ),
    }


def _response(**members: Any) -> OperationExamples:
    return OperationExamples(responses={"200": {"success": True, **members}})


def _accepted(job: Job, *, message: str, minutes: float | None = None, **more: Any) -> JsonObject:
    return {
        "success": True,
        "message": message,
        "job_id": str(job.id),
        "task_id": f"{_EXECUTIONS}:{job.id}",
        "total_rows": job.total_rows,
        "estimated_time_minutes": minutes,
        "status": job.status,
        "links": job_links(job),
        **more,
    }


def _upload(job_type: JobType) -> OperationExamples:
    filename = _WAITING.original_filename if job_type is JobType.ANNUAL else "quarterly_predictions_1000_rows.csv"
    form = {
        "url": "https://default-risk-jobs-prod-uploads.s3.eu-central-1.amazonaws.com/",
        "fields": {"key": upload_key(_WAITING.id), "policy": "eyJleHBpcmF0aW9uIjoi…", "x-amz-signature": "9f86d081…"},
        "expires_at": timestamp(_WAITING.upload_expires_at),
        "max_bytes": 2_147_483_648,
    }
    message = "Job created. POST a form to `upload.url`: every entry of `upload.fields`, then the file as `file`."
    return OperationExamples(
        request={"filename": filename, "file_size": _WAITING.file_size, "labels": dict(_WAITING.options.labels)},
        responses={"202": _accepted(_WAITING, message=message, minutes=0.3, upload=form)},
    )


def _rows(job_type: JobType) -> OperationExamples:
    return OperationExamples(
        request={"rows": example_rows(job_type)[:1]},
        responses={
            "200": {
                "success": True,
                "job_type": job_type,
                "profile": "statements",
                "model_version": MODEL_VERSION,
                "total_rows": 1,
                "successful_rows": 1,
                "failed_rows": 0,
                "results": [scored_row(job_type)],
                "errors": [],
                "notes": [],
            }
        },
    )


def _bulk(job: Job) -> OperationExamples:
    absent = JobNotFoundError()
    outcomes = [
        {"job_id": str(job.id), "success": True, "status": job.status},
        {"job_id": _OTHER_ID, "success": False, "code": absent.code, "detail": str(absent)},
    ]
    return OperationExamples(
        request={"job_ids": [str(job.id), _OTHER_ID]},
        responses={"200": {"success": True, "results": outcomes, "succeeded": 1, "failed": 1}},
    )


def _results() -> OperationExamples:
    page = {
        "success": True,
        "job_id": str(_COMPLETE.id),
        "results": [scored_row(JobType.ANNUAL)],
        "summary": SUMMARY,
        "pagination": _more(limit=1, cursor=_RESULTS_CURSOR),
        "links": {"download": download_path(_COMPLETE, Outcome.SUCCESSFUL)},
    }
    return OperationExamples(responses={"200": page, "202": _assembling()})


def _row_errors() -> OperationExamples:
    return _response(
        errors=row_errors()[:2],
        error_count=_COMPLETE.final_failed_rows,
        **row_error_counts(_FINAL_PROGRESS.row_errors),
        links={"failed_rows": download_path(_COMPLETE, Outcome.FAILED)},
        pagination=_more(limit=2, cursor=_ERRORS_CURSOR),
    )


def _assembling() -> JsonObject:
    return {"success": True, "message": ASSEMBLING, "status": _COMPLETE.status}


def _more(*, limit: int, cursor: str) -> JsonObject:
    return {"limit": limit, "has_more": True, "next_cursor": cursor}
