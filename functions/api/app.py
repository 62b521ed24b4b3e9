"""The FastAPI application: routes, middleware and error handlers."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from functions.api import problems
from functions.api.dependencies import Services
from functions.api.middleware import CommonMiddleware
from functions.api.routes import bulk, jobs, results
from functions.api.routes.reference import VERSION, columns_router, models_router, service_router
from functions.api.routes.rows import rows_router
from functions.api.routes.uploads import upload_router
from shared.jobs.job import JobType
from shared.jobs.representations import API_ROOT

TITLE = "Default risk jobs"
DESCRIPTION = (
    "Scores bulk uploads of company financials for the risk of default. Upload a file, follow its job, download the "
    "scored rows. Errors are application/problem+json; their codes are listed with the routes."
)


def create_app(services: Services) -> FastAPI:
    """Returns the application with these services."""
    app = described_app(root_url=services.root_url)
    app.state.services = services
    return app


def described_app(*, root_url: str = "") -> FastAPI:
    """Returns the application without services, which is enough for its OpenAPI document."""
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        servers=[{"url": root_url}] if root_url else None,
        # The service has its own routes for these, without assets of another host.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(CommonMiddleware)
    problems.install(app)
    app.include_router(service_router)
    for job_type in JobType:
        app.include_router(upload_router(job_type), prefix=API_ROOT)
        app.include_router(columns_router(job_type), prefix=API_ROOT)
        app.include_router(rows_router(job_type), prefix=API_ROOT)
    app.include_router(models_router, prefix=API_ROOT)
    # Before the routes of one job, which would match "bulk" as its id.
    app.include_router(bulk.router, prefix=API_ROOT)
    app.include_router(jobs.router, prefix=API_ROOT)
    app.include_router(results.router, prefix=API_ROOT)
    # FastAPI's documented way to change the document: https://fastapi.tiangolo.com/how-to/extending-openapi/
    app.openapi = _documentation(app)  # type: ignore[method-assign]
    return app


def _documentation(app: FastAPI) -> Callable[[], dict[str, Any]]:
    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            from functions.api.openapi.document import openapi_document  # noqa: PLC0415 - few callers request the document, so cold starts do not load it

            app.openapi_schema = openapi_document(app)
        return app.openapi_schema

    return document
