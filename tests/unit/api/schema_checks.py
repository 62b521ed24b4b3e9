"""Response bodies checked against their declared types, including the formats of ids and times."""

from functools import cache
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from pydantic import TypeAdapter


@cache
def _validator(declared: Any) -> OAS31Validator:
    return OAS31Validator(TypeAdapter(declared).json_schema(mode="serialization"), format_checker=oas31_format_checker)


def assert_matches(declared: Any, body: object) -> None:
    """Raises unless the body matches this TypedDict."""
    _validator(declared).validate(body)
