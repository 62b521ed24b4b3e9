"""What anyone may ask: whether the service is up, and how it is used."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.api.answers import Json
from functions.api.version import VERSION

router = APIRouter(prefix="/api/v1", tags=["about"])


@router.get("/health", operation_id="get_health", summary="Whether the service is up")
async def get_health() -> Response:
    """No authentication, and no look at anything behind the API."""
    return Json({"success": True, "status": "ok", "version": VERSION})


@router.get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return Json(request.app.openapi(), headers={"Cache-Control": "public, max-age=300"})
