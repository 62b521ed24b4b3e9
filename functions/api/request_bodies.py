"""Request bodies: JSON, the multipart form of an upload, and the options of an upload.

Routes read them here and not through FastAPI's parameters: a body is read only after the caller is authenticated,
errors of the file come before errors of the options, and no error repeats what was sent.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import TypeAdapter
from pydantic import ValidationError as PydanticError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from functions.api.problems import ValidationError, field_errors
from shared.api_types import FieldError, UploadRequest, UploadRequestOptions
from shared.inputs.errors import EmptyFileError, TooLargeError, UnsupportedFormatError
from shared.jobs.job import UploadOptions

_OPTIONS = sorted(UploadRequestOptions.__optional_keys__)
_MAX_JSON_BYTES = 64 * 1024
# Fields or files of a form.
_MAX_PARTS = 20
# DynamoDB stores no numbers below 1e-130.
_PERCENT_DECIMALS = 6

_Body = TypeVar("_Body", bound=Mapping[str, object])


async def read_body(request: Request, *, max_bytes: int, advice: str) -> bytes:
    """Returns the whole body, which Lambda has in memory anyway. Raises `TooLargeError`."""
    body = await request.body()
    if len(body) > max_bytes:
        raise TooLargeError(f"The request body has {len(body):,} bytes; at most {max_bytes:,} are allowed. {advice}")
    return body


def json_object(body: bytes) -> dict[str, Any]:
    """Returns the JSON object in these bytes. Raises `ValidationError`."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise body_error("body", "is not valid JSON") from None
    if not isinstance(sent, dict):
        raise body_error("body", "has to be a JSON object")
    return sent


class RepeatedNameError(ValueError):
    """A JSON object has a name twice, so its value is ambiguous."""


def strict_json(body: bytes, **numbers: Any) -> Any:
    """Returns the JSON value in these bytes; `numbers` are `parse_int` and `parse_float` of `json.loads`.

    Raises `RepeatedNameError`, ValueError for other invalid JSON (`NaN` and `Infinity` included) and RecursionError.
    """
    return json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_unambiguous, **numbers)


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _unambiguous(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise RepeatedNameError
    return values


@cache
def _adapter(body_type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(body_type)


def validated(body_type: type[_Body], sent: Mapping[str, Any]) -> _Body:
    """Returns the request body as this type. Raises `ValidationError`."""
    try:
        body: _Body = _adapter(body_type).validate_python(dict(sent))
    except PydanticError as error:
        errors = error.errors(include_input=False, include_url=False, include_context=False)
        raise ValidationError(field_errors(errors, within="body")) from None
    return body


def body_error(field: str, message: str) -> ValidationError:
    """Returns the error for one field of a body."""
    return ValidationError([FieldError(field=field, message=message, code="invalid")])


def upload_options(sent: UploadRequestOptions) -> UploadOptions:
    """Returns the options as a job stores them."""
    percent = sent.get("max_failed_percent")
    return UploadOptions(
        validate_only=sent.get("validate_only", False),
        max_failed_percent=round(percent, _PERCENT_DECIMALS) if percent is not None else None,
        encoding=sent.get("encoding") or None,
        sheet=sent.get("sheet") or None,
        decimal=sent.get("decimal"),
        labels=sent.get("labels", {}),
    )


def _with_parsed_labels(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parses labels that are JSON text, as in a form or in a query; leaves other values as they are."""
    labels = options.get("labels")
    if not isinstance(labels, str):
        return options
    try:
        return {**options, "labels": json.loads(labels)}
    except (ValueError, RecursionError):
        return options


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """The file of a multipart form, with options that are not validated yet."""

    filename: str
    body: bytes
    raw_options: Mapping[str, Any]

    @property
    def encoding(self) -> str | None:
        """The declared encoding, not validated."""
        return self.raw_options.get("encoding") or None

    @property
    def sheet(self) -> str | None:
        """The name of the sheet, not validated."""
        return self.raw_options.get("sheet") or None

    def options(self) -> UploadOptions:
        """Returns the options. Raises `ValidationError`."""
        return upload_options(validated(UploadRequestOptions, _with_parsed_labels(self.raw_options)))


def content_kind(headers: Headers) -> Literal["form", "json"]:
    """Returns which kind of upload this is. Raises `UnsupportedFormatError` for other media types."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return "form"
    if media_type == "application/json":
        return "json"
    raise UnsupportedFormatError(
        "Send the file as multipart/form-data in the field `file`, or announce it as application/json with its "
        "`filename` to get an upload link."
    )


async def read_announcement(request: Request) -> UploadRequest:
    """Returns the announced file with its options. Raises `EmptyFileError`, `TooLargeError`, `ValidationError`."""
    body = await read_body(request, max_bytes=_MAX_JSON_BYTES, advice="An announcement is a small JSON object.")
    sent = json_object(body)
    # Errors of the file come before errors of the fields, as with a file that is sent.
    if sent.get("file_size") == 0 and not isinstance(sent["file_size"], bool):
        raise EmptyFileError("The file is empty")
    return validated(UploadRequest, _with_parsed_labels({**_query_options(request), **sent}))


async def read_form(request: Request, *, max_bytes: int) -> SentFile:
    """Returns the file of a multipart form. Raises `ValidationError` and `TooLargeError`."""
    advice = (
        f"Files over {max_bytes:,} bytes are uploaded straight to storage: POST JSON "
        '{"filename": "..."} to this same path and send the file with the form in the response.'
    )
    body = await read_body(request, max_bytes=max_bytes, advice=advice)
    form = await parsed_form(request)
    fields: dict[str, str] = {}
    files: list[tuple[str, UploadFile]] = []
    for name, value in form.multi_items():
        if isinstance(value, str):
            # Starlette decodes a value that is not UTF-8 as Latin-1.
            if value.encode() not in body:
                raise body_error("body", "has a field that is not UTF-8 text")
            fields[name] = value
        else:
            files.append((name, value))
    (name, file) = files[0] if len(files) == 1 else ("", None)
    if file is None or name != "file" or not file.filename:
        raise body_error("body.file", "has to be one file with a name, and the only one")
    return SentFile(filename=file.filename, body=await file.read(), raw_options={**_query_options(request), **fields})


async def parsed_form(request: Request) -> FormData:
    """Returns the multipart form, parsed once per request and closed with it. Raises `ValidationError`."""
    incomplete = body_error("body", "is no complete multipart form")
    boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary", b"")
    # Starlette parses a truncated body as a form without its last part.
    if b"\r\n--%b--" % boundary not in await request.body():
        raise incomplete
    try:
        # ValueError: a charset in the media type that decodes no text.
        return await request.form(max_files=_MAX_PARTS, max_fields=_MAX_PARTS)
    except (HTTPException, ValueError):
        raise incomplete from None


def _query_options(request: Request) -> dict[str, str]:
    """Returns the options in the query; other parameters are ignored."""
    return {name: request.query_params[name] for name in _OPTIONS if name in request.query_params}
