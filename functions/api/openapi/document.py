"""The OpenAPI document: FastAPI's description of the routes, completed with bodies and examples.

Bodies are TypedDicts, which routes read and build themselves. Their schemas serve the document alone, so they are
generated when it is requested and cost no cold start anything.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.openapi.models import OpenAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from functions.api.openapi.examples import add_examples
from functions.api.openapi.requests import add_requests
from functions.api.problems import KINDS
from shared import api_types
from shared.jobs.job import JobType

RESPONSES: Final[Mapping[str, Mapping[int, Any]]] = MappingProxyType(
    {
        "get_health": {200: api_types.HealthResponse},
        **{f"upload_{job_type}": {202: api_types.UploadResponse} for job_type in JobType},
        **{f"get_{job_type}_schema": {200: api_types.SchemaResponse} for job_type in JobType},
        **{f"score_{job_type}": {200: api_types.ScoreResponse} for job_type in JobType},
        "list_models": {200: api_types.ModelsResponse},
        "cancel_jobs": {200: api_types.BulkResponse},
        "delete_jobs": {200: api_types.BulkResponse},
        "list_jobs": {200: api_types.JobListResponse},
        "get_statistics": {200: api_types.StatisticsResponse},
        "get_job": {200: api_types.JobDetailsResponse},
        "get_job_status": {200: api_types.JobStatusResponse},
        "cancel_job": {200: api_types.CancelResponse},
        "delete_job": {200: api_types.DeleteResponse},
        "list_results": {200: api_types.ResultsResponse, 202: api_types.AssemblingResponse},
        "download_results": {200: api_types.DownloadResponse, 202: api_types.AssemblingResponse},
        "list_row_errors": {200: api_types.RowErrorsResponse},
        "retry_job": {202: api_types.UploadResponse},
    }
)
"""The JSON bodies of each operation's successful responses by status."""

_REFERENCE: Final = "#/components/schemas/{model}"


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Returns the document of the routes. Raises KeyError if `RESPONSES` names an operation without a route."""
    described = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        servers=app.servers or None,
    )
    # In the order of FastAPI's own.
    document: dict[str, Any] = jsonable_encoder(OpenAPI(**described), by_alias=True, exclude_none=True)
    operations = {
        operation["operationId"]: operation for methods in document["paths"].values() for operation in methods.values()
    }
    add_requests(operations)
    document["components"]["schemas"] |= _add_responses(operations)
    document["x-problem-types"] = {
        code: {"status": kind.status, "title": kind.title, "when": kind.when} for code, kind in KINDS.items()
    }
    _drop_foreign_errors(document)
    _add_security(document)
    add_examples(document)
    document["components"]["schemas"] = dict(sorted(document["components"]["schemas"].items()))
    return document


def _add_responses(operations: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Adds the schemas of `RESPONSES` to their operations. Returns the components that they and errors refer to."""
    bodies = [body for responses in RESPONSES.values() for body in responses.values()]
    references, definitions = TypeAdapter.json_schemas(
        [(body.__name__, "serialization", TypeAdapter(body)) for body in [*bodies, api_types.Problem]],
        ref_template=_REFERENCE,
    )
    for operation_id, responses in RESPONSES.items():
        for status, body in responses.items():
            schema = references[body.__name__, "serialization"]
            operations[operation_id]["responses"][str(status)]["content"] = {"application/json": {"schema": schema}}
    components: dict[str, Any] = definitions["$defs"]
    _merge_rows(components)
    return components


def _merge_rows(components: dict[str, Any]) -> None:
    """Describes a row of results as one object whose score may be missing, instead of a choice of two."""
    scored, validated = components["ScoredRow"], components.pop("ValidatedRow")
    score = {name: field for name, field in scored["properties"].items() if name not in validated["required"]}
    nullable = {name: {"anyOf": [field, {"type": "null"}]} for name, field in score.items()}
    properties = {**validated["properties"], **nullable}
    components["ResultRow"] = {**validated, "properties": properties, "title": "ResultRow"}
    components["ResultsResponse"]["properties"]["results"]["items"] = {"$ref": _REFERENCE.format(model="ResultRow")}


def _add_security(document: dict[str, Any]) -> None:
    """Adds the access token to operations that need one: the header is read by the verifier, not by FastAPI."""
    document["components"]["securitySchemes"] = {
        "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            if "401" in operation["responses"]:
                operation["security"] = [{"accessToken": []}]


def _drop_foreign_errors(document: dict[str, Any]) -> None:
    """Removes FastAPI's own 422, which it adds wherever there is a parameter: ours are all declared."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
