"""Reading JSON bodies after the caller is known, with errors that never echo what was sent."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic import ValidationError as PydanticError
from starlette.requests import Request

from functions.api.errors import FieldFault, ValidationError
from functions.api.problems import faults_of
from shared.files.errors import TooLargeError

_Model = TypeVar("_Model", bound=BaseModel)


async def read_body(request: Request, *, max_bytes: int, advice: str) -> bytes:
    """The whole body: it is in memory already, so its true length is judged. Raises `TooLargeError`."""
    body = await request.body()
    if len(body) > max_bytes:
        raise TooLargeError(f"The request body has {len(body):,} bytes; at most {max_bytes:,} are allowed. {advice}")
    return body


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in these bytes. Raises `ValidationError`."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise body_fault("body", "is not valid JSON") from None
    if not isinstance(sent, dict):
        raise body_fault("body", "has to be a JSON object")
    return sent


def validated(model: type[_Model], sent: Mapping[str, Any]) -> _Model:
    """What was sent as this model. Raises `ValidationError`."""
    try:
        return model.model_validate(dict(sent))
    except PydanticError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        raise ValidationError(faults_of(faults, within="body")) from None


def body_fault(field: str, message: str) -> ValidationError:
    """The error for one fault of a body."""
    return ValidationError([FieldFault(field=field, message=message, code="invalid")])
