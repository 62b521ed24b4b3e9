"""The OpenAPI document: what FastAPI says of the routes, with the bodies of their answers and an example of each.

Routes answer with what they have made themselves, so their models serve the document alone, and are loaded when it is
asked for: building them took a tenth of a cold start.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.openapi.models import OpenAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from functions.api import bodies
from functions.api.examples import add_examples
from functions.api.problems import KINDS
from functions.api.result_bodies import ResultsAnswer
from functions.api.row_bodies import ModelsAnswer, RowsAnswer
from shared.jobs.job import JobType

ANSWERS: Mapping[str, Mapping[int, type[BaseModel]]] = MappingProxyType(
    {
        "get_health": {200: bodies.HealthAnswer},
        **{f"upload_{job_type}": {202: bodies.UploadAccepted} for job_type in JobType},
        **{f"get_{job_type}_schema": {200: bodies.SchemaAnswer} for job_type in JobType},
        **{f"score_{job_type}": {200: RowsAnswer} for job_type in JobType},
        "list_models": {200: ModelsAnswer},
        "cancel_jobs": {200: bodies.BulkAnswer},
        "delete_jobs": {200: bodies.BulkAnswer},
        "list_jobs": {200: bodies.ListAnswer},
        "get_statistics": {200: bodies.StatisticsAnswer},
        "get_job": {200: bodies.DetailsAnswer},
        "get_job_status": {200: bodies.StatusAnswer},
        "cancel_job": {200: bodies.CancelAnswer},
        "delete_job": {200: bodies.DeleteAnswer},
        "list_results": {200: ResultsAnswer, 202: bodies.AssemblingAnswer},
        "download_results": {200: bodies.DownloadAnswer, 202: bodies.AssemblingAnswer},
        "list_row_errors": {200: bodies.RowErrorsAnswer},
        "retry_job": {202: bodies.UploadAccepted},
    }
)
"""The JSON bodies of each operation's answers by status, those of errors left out."""

_SCHEMA = "#/components/schemas/{model}"


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of the application's routes. Raises KeyError for an answer named above that no route has."""
    described = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        servers=app.servers or None,
    )
    _add_answers(described)
    # In the order of FastAPI's own.
    made: dict[str, Any] = jsonable_encoder(OpenAPI(**described), by_alias=True, exclude_none=True)
    schema = bodies.Problem.model_json_schema(ref_template=_SCHEMA)
    made["components"]["schemas"].update({**schema.pop("$defs", {}), "Problem": schema})
    made["x-problem-types"] = {
        code: {"status": kind.status, "title": kind.title, "when": kind.when} for code, kind in KINDS.items()
    }
    _drop_foreign_errors(made)
    _add_security(made)
    add_examples(made)
    return made


def _add_answers(document: dict[str, Any]) -> None:
    operations = {
        operation["operationId"]: operation for methods in document["paths"].values() for operation in methods.values()
    }
    for operation_id, answers in ANSWERS.items():
        responses = operations[operation_id]["responses"]
        for status, model in answers.items():
            schema = {"$ref": _SCHEMA.format(model=model.__name__)}
            responses[str(status)]["content"] = {"application/json": {"schema": schema}}
    models = {model for answers in ANSWERS.values() for model in answers.values()}
    _, described = models_json_schema([(model, "serialization") for model in models], ref_template=_SCHEMA)
    schemas = {**document["components"]["schemas"], **described["$defs"]}
    document["components"]["schemas"] = dict(sorted(schemas.items()))


def _add_security(document: dict[str, Any]) -> None:
    """Tell of the access token where one is asked for: the header is read by the verifier, not by FastAPI."""
    document["components"]["securitySchemes"] = {
        "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            if "401" in operation["responses"]:
                operation["security"] = [{"accessToken": []}]


def _drop_foreign_errors(document: dict[str, Any]) -> None:
    """Take out FastAPI's own 422, which it adds wherever there is a parameter: ours are all declared."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
