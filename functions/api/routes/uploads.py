"""Uploads: a small file in the request, or a presigned form for a file of any allowed size."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.api.dependencies import CurrentCaller, CurrentServices, Limits, Services
from functions.api.idempotency import OncePerKey
from functions.api.problems import problems
from functions.api.request_bodies import content_kind, read_announcement, read_form, upload_options
from functions.api.responses import accepted
from functions.api.upload_checks import accepted_name, check_declared, check_file
from shared.api_types import PresignedForm, UploadRequest
from shared.jobs.access import Caller
from shared.jobs.job import JobType, timestamp


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
            "`application/json` and send it with the form in `upload`. Options are in the query or in the body; the "
            "body takes precedence."
        ),
    )
    async def upload(request: Request, caller: CurrentCaller, services: CurrentServices, once: OncePerKey) -> Response:
        async def accept() -> Response:
            job_id = once.new_job_id()
            if content_kind(request.headers) == "json":
                return _presign(services, caller, job_type, await read_announcement(request), job_id=job_id)
            sent = await read_form(request, max_bytes=services.limits.multipart_max_bytes)
            filename = accepted_name(sent.filename)
            check_file(sent.body, filename=filename, job_type=job_type, encoding=sent.encoding, sheet=sent.sheet)
            job = services.jobs.upload(
                caller, job_type=job_type, filename=filename, body=sent.body, options=sent.options(), job_id=job_id
            )
            return accepted(
                services.jobs, job, root_url=services.root_url, message="File accepted. Follow the job's status."
            )

        return await once.respond(accept)

    return router


def _presign(
    services: Services, caller: Caller, job_type: JobType, announced: UploadRequest, *, job_id: UUID
) -> Response:
    filename = accepted_name(announced["filename"])
    max_bytes = _max_bytes(services.limits, filename)
    options = upload_options(announced)
    file_size, content_sha256 = announced.get("file_size"), announced.get("content_sha256")
    check_declared(file_size=file_size, max_bytes=max_bytes, encoding=options.encoding)
    presigned = services.jobs.presign(
        caller,
        job_type=job_type,
        filename=filename,
        file_size=file_size,
        content_sha256=content_sha256.lower() if content_sha256 else None,
        max_bytes=max_bytes,
        options=options,
        job_id=job_id,
    )
    expires_at = presigned.job.upload_expires_at
    assert expires_at is not None  # noqa: S101 - set for every job that is created before its file arrives
    upload: PresignedForm = {
        "url": presigned.form.url,
        "fields": dict(presigned.form.fields),
        "expires_at": timestamp(expires_at),
        "max_bytes": max_bytes,
    }
    message = "Job created. POST a form to `upload.url`: every entry of `upload.fields`, then the file as `file`."
    return accepted(services.jobs, presigned.job, root_url=services.root_url, message=message, upload=upload)


def _max_bytes(limits: Limits, filename: str) -> int:
    return limits.xlsx_max_bytes if filename.lower().endswith(".xlsx") else limits.csv_max_bytes
