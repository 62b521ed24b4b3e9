"""Request bodies in the OpenAPI document: routes read them themselves, so FastAPI cannot describe them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter

from shared.api_types import BulkRequest, RetryRequest, ScoreRequest, UploadRequest, UploadRequestOptions
from shared.jobs.job import JobType

REQUESTS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        **{f"upload_{job_type}": UploadRequest for job_type in JobType},
        **{f"score_{job_type}": ScoreRequest for job_type in JobType},
        "cancel_jobs": BulkRequest,
        "delete_jobs": BulkRequest,
        "retry_job": RetryRequest,
    }
)
"""The JSON bodies of requests by operation."""

# An empty body retries the rows of both outcomes.
_OPTIONAL: Final = frozenset({"retry_job"})
# The labels in a query and in a form.
_LABELS: Final = MappingProxyType({"type": "string", "description": "A JSON object of strings"})


def add_requests(operations: Mapping[str, dict[str, Any]]) -> None:
    """Adds request bodies to the operations, which are given by their ids."""
    for operation_id, body in REQUESTS.items():
        content = {"application/json": {"schema": TypeAdapter(body).json_schema()}}
        operations[operation_id]["requestBody"] = {"required": operation_id not in _OPTIONAL, "content": content}
    for job_type in JobType:
        _add_options(operations[f"upload_{job_type}"])


def _add_options(upload: dict[str, Any]) -> None:
    """Adds the form with a file to an upload, and the options as query parameters."""
    form = TypeAdapter(UploadRequestOptions).json_schema()
    options = {**form["properties"], "labels": dict(_LABELS)}
    file = {"type": "string", "format": "binary", "description": "CSV, gzipped CSV or XLSX"}
    form |= {"title": "FileForm", "properties": {"file": file, **options}, "required": ["file"]}
    upload["requestBody"]["content"]["multipart/form-data"] = {"schema": form}
    upload["parameters"] += [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema["description"],
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in options.items()
    ]
