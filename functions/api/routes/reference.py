"""Reference data: service health, the OpenAPI document, the models, and the columns of each job type."""

from typing import Final, cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.api.dependencies import CurrentCaller
from functions.api.problems import problems
from functions.api.responses import Json, tagged
from shared.api_types import FileSchema, HealthResponse, ModelDescription, ModelsResponse, SchemaResponse
from shared.inputs.schema import schema, template_csv
from shared.jobs.job import JobType
from shared.scoring.catalog import model_descriptions

# The version in pyproject.toml, which the function's bundle does not contain.
VERSION: Final = "0.1.0"

service_router = APIRouter(prefix="/api/v1", tags=["about"])
models_router = APIRouter(tags=["models"])


@service_router.get("/health", operation_id="get_health", summary="Whether the service is up")
async def get_health() -> Response:
    """Requires no authentication and checks no dependency."""
    return Json(HealthResponse(success=True, status="ok", version=VERSION))


@service_router.get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return Json(request.app.openapi(), headers={"Cache-Control": "public, max-age=300"})


@models_router.get(
    "/models",
    responses={**problems(401, 403, 503), 304: {"description": "Not changed since the given `ETag`"}},
    operation_id="list_models",
    summary="The model of each job type and profile",
)
async def get_models(request: Request, caller: CurrentCaller) -> Response:  # noqa: ARG001 - requires authentication
    """Version, features, training data, metrics and calibration; and for quarterly rows their basis."""
    # They change only with a deployment.
    headers = {"Cache-Control": "private, max-age=300"}
    models = cast("list[ModelDescription]", model_descriptions())
    return tagged(request, ModelsResponse(success=True, models=models), headers=headers)


def columns_router(job_type: JobType) -> APIRouter:
    """Returns the routes that describe the files of a job type."""
    router = APIRouter(prefix=f"/{job_type}", tags=["files"])

    @router.get(
        "/schema",
        responses=problems(401, 403, 503),
        operation_id=f"get_{job_type}_schema",
        summary=f"Columns of {job_type} files, with units and ranges",
    )
    async def get_schema(caller: CurrentCaller) -> Response:  # noqa: ARG001 - requires authentication
        body: SchemaResponse = {"success": True, **cast("FileSchema", schema(job_type))}
        return Json(body)

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
    async def get_template(caller: CurrentCaller) -> Response:  # noqa: ARG001 - requires authentication
        return Response(
            template_csv(job_type),
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{job_type}_template.csv"'},
        )

    return router
