"""What a file has to look like: the columns of a job type, and a file to start from."""

from fastapi import APIRouter
from starlette.responses import Response

from functions.api.answers import Json
from functions.api.dependencies import CurrentCaller
from functions.api.problems import problems
from shared.jobs.job import JobType
from shared.scoring.documentation import schema, template_csv


def columns_router(job_type: JobType) -> APIRouter:
    """The routes that describe the files of a job type."""
    router = APIRouter(prefix=f"/{job_type}", tags=["files"])

    @router.get(
        "/schema",
        responses=problems(401, 403, 503),
        operation_id=f"get_{job_type}_schema",
        summary=f"Columns of {job_type} files, with units and ranges",
    )
    async def get_schema(caller: CurrentCaller) -> Response:  # noqa: ARG001 - any caller, but a caller
        return Json({"success": True, **schema(job_type)})

    @router.get(
        "/template",
        response_class=Response,
        responses={
            **problems(401, 403, 503),
            200: {
                "description": "A CSV file that uploads clean",
                "content": {"text/csv": {"schema": {"type": "string"}}},
            },
        },
        operation_id=f"get_{job_type}_template",
        summary=f"A CSV file of {job_type} figures to start from",
    )
    async def get_template(caller: CurrentCaller) -> Response:  # noqa: ARG001 - any caller, but a caller
        return Response(
            template_csv(job_type),
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{job_type}_template.csv"'},
        )

    return router
