"""The client's types are those of the published document."""

import json
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, TypedDict, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from infra.layout import ROOT
from shared.client import answers, reference_answers, result_answers

SCHEMAS = json.loads((ROOT / "openapi.json").read_text())["components"]["schemas"]
ANSWERS: dict[Any, str] = {
    answers.UploadAccepted: "UploadAccepted",
    answers.JobList: "ListAnswer",
    answers.JobStatus: "JobStatusBody",
    answers.JobDetails: "JobDetailsBody",
    answers.Cancelled: "CancelAnswer",
    answers.Deleted: "DeleteAnswer",
    answers.BulkAnswer: "BulkAnswer",
    answers.RowErrors: "RowErrorsAnswer",
    reference_answers.Schema: "SchemaAnswer",
    reference_answers.Models: "ModelsAnswer",
    result_answers.Results: "ResultsAnswer",
}


def differences(hint: Any, schema: dict[str, Any], where: str) -> list[str]:
    """Where a type and a schema of the document do not agree."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    is_nullable = {"type": "null"} in schema.get("anyOf", [])
    members = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    (kind,) = [member for member in members if member is not NoneType]
    if (NoneType in members) > is_nullable:
        return [f"{where} is never null"]
    (schema,) = options
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    if is_typeddict(kind):
        return _fields(kind, schema, where)
    if get_origin(kind) is Literal:
        allowed = schema.get("enum") or [schema["const"]]
        return [] if set(get_args(kind)) == set(allowed) else [f"{where} is one of {allowed}"]
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return differences(item, schema["items"], f"{where}[]") if schema["items"] else []
    if get_origin(kind) is dict:
        return [] if schema.get("type") == "object" else [f"{where} is no object"]
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return [] if schema["type"] == names[kind] else [f"{where} is a {schema['type']}"]


def _fields(kind: Any, schema: dict[str, Any], where: str) -> list[str]:
    found = []
    hints = get_type_hints(kind, include_extras=True)
    for name, hint in hints.items():
        path = f"{where}.{name}"
        if name not in schema["properties"]:
            found.append(f"{path} is not in the document")
            continue
        is_optional = get_origin(hint) is NotRequired
        if is_optional == (name in schema.get("required", [])):
            found.append(f"{path} is required in one of the two")
        inner = get_args(hint)[0] if is_optional else hint
        found += differences(inner, schema["properties"][name], path)
    return found


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
def test_an_answer_is_typed_as_it_is_published(answer: Any) -> None:
    assert differences(answer, {"$ref": f"#/{ANSWERS[answer]}"}, answer.__name__) == []


class Wrong(TypedDict):
    a: str
    b: Literal["y"]
    c: str | None
    d: str
    e: str


def test_a_difference_would_be_found() -> None:
    schema = {
        "type": "object",
        "required": ["a", "b", "c"],
        "properties": {
            "a": {"type": "integer"},
            "b": {"enum": ["x"]},
            "c": {"type": "string"},
            "d": {"type": "string"},
        },
    }
    assert differences(Wrong, schema, "A") == [
        "A.a is a integer",
        "A.b is one of ['x']",
        "A.c is never null",
        "A.d is required in one of the two",
        "A.e is not in the document",
    ]
