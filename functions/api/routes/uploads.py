"""Uploads: a small file in the request, or a presigned form for a file of any allowed size."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.api.dependencies import CurrentCaller, CurrentServices, Limits, Services
from functions.api.idempotency import OncePerKey
from functions.api.problems import problems
from functions.api.request_bodies import Announcement, Options, content_kind, read_announcement, read_form
from functions.api.responses import accepted
from functions.api.upload_checks import accepted_name, check_declared, check_file
from shared.api_types import UploadForm
from shared.jobs.access import Caller
from shared.jobs.job import JobType, timestamp

# In a query and in a form.
_LABELS = {"type": "string", "description": "A JSON object of strings"}


def upload_router(job_type: JobType) -> APIRouter:
    """Returns the upload route of a job type."""
    router = APIRouter(tags=["uploads"])

    @router.post(
        f"/{job_type}/bulk-upload-async",
        status_code=202,
        responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
        operation_id=f"upload_{job_type}",
        summary=f"Upload {job_type} financials",
        description=(
            "Creates a job. Send a small file as `multipart/form-data`, or announce a file of any allowed size as "
            "`application/json` and send it with the form in `upload`. Options may stand in the query or in the body; "
            "the body wins."
        ),
        openapi_extra={"requestBody": _request_body(), "parameters": _parameters()},
    )
    async def upload(request: Request, caller: CurrentCaller, services: CurrentServices, once: OncePerKey) -> Response:
        async def accept() -> Response:
            job_id = once.new_job_id()
            if content_kind(request.headers) == "json":
                return _presign(services, caller, job_type, await read_announcement(request), job_id=job_id)
            sent = await read_form(request, max_bytes=services.limits.multipart_max_bytes)
            filename = accepted_name(sent.filename)
            check_file(sent.body, filename=filename, job_type=job_type, encoding=sent.encoding)
            job = services.jobs.upload(
                caller, job_type=job_type, filename=filename, body=sent.body, options=sent.options(), job_id=job_id
            )
            return accepted(
                services.jobs, job, root_url=services.root_url, message="File accepted. Follow the job's status."
            )

        return await once.answer(accept)

    return router


def _presign(
    services: Services, caller: Caller, job_type: JobType, announced: Announcement, *, job_id: UUID
) -> Response:
    filename = accepted_name(announced.filename)
    max_bytes = _max_bytes(services.limits, filename)
    options = announced.to_domain()
    check_declared(file_size=announced.file_size, max_bytes=max_bytes, encoding=options.encoding)
    presigned = services.jobs.presign(
        caller,
        job_type=job_type,
        filename=filename,
        file_size=announced.file_size,
        content_sha256=announced.content_sha256.lower() if announced.content_sha256 else None,
        max_bytes=max_bytes,
        options=options,
        job_id=job_id,
    )
    expires_at = presigned.job.upload_expires_at
    assert expires_at is not None  # noqa: S101 - set for every job that is created before its file arrives
    upload: UploadForm = {
        "url": presigned.form.url,
        "fields": dict(presigned.form.fields),
        "expires_at": timestamp(expires_at),
        "max_bytes": max_bytes,
    }
    message = "Job created. POST a form to `upload.url`: every entry of `upload.fields`, then the file as `file`."
    return accepted(services.jobs, presigned.job, root_url=services.root_url, message=message, upload=upload)


def _max_bytes(limits: Limits, filename: str) -> int:
    return limits.xlsx_max_bytes if filename.lower().endswith(".xlsx") else limits.csv_max_bytes


def _parameters() -> list[dict[str, Any]]:
    """Returns the options as query parameters for the OpenAPI document."""
    properties = {**Options.model_json_schema()["properties"], "labels": _LABELS}
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema["description"],
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in properties.items()
    ]


def _request_body() -> dict[str, Any]:
    """Returns both request bodies for the OpenAPI document: the route reads them itself, unknown to FastAPI."""
    form = Options.model_json_schema()
    form["title"] = "UploadForm"
    form["properties"] = {
        "file": {"type": "string", "format": "binary", "description": "CSV or XLSX"},
        **form["properties"],
        "labels": _LABELS,
    }
    form["required"] = ["file"]
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": form},
            "application/json": {"schema": Announcement.model_json_schema()},
        },
    }
