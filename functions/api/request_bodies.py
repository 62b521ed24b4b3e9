"""Request bodies: JSON, the multipart form of an upload, and the options of an upload.

Routes read them here and not through FastAPI's parameters: a body is read only after the caller is authenticated,
errors of the file come before errors of the options, and no error repeats what was sent.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic import ValidationError as PydanticError
from starlette.datastructures import Headers
from starlette.requests import Request

from functions.api.forms import MalformedFormError, Part, read_parts
from functions.api.problems import ValidationError, field_errors
from shared.api_types import FieldError
from shared.files.errors import EmptyFileError, TooLargeError, UnsupportedFormatError
from shared.jobs.job import UploadOptions

MAX_LABELS = 10
# S3 allows 48.8 TiB per object; the limit of the service is a setting.
_MAX_FILE_SIZE = 10**14
_MAX_JSON_BYTES = 64 * 1024
# DynamoDB stores no numbers below 1e-130.
_PERCENT_DECIMALS = 6

_Model = TypeVar("_Model", bound=BaseModel)


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


def validated(model: type[_Model], sent: Mapping[str, Any]) -> _Model:
    """Returns what was sent as this model. Raises `ValidationError`."""
    try:
        return model.model_validate(dict(sent))
    except PydanticError as error:
        errors = error.errors(include_input=False, include_url=False, include_context=False)
        raise ValidationError(field_errors(errors, within="body")) from None


def body_error(field: str, message: str) -> ValidationError:
    """Returns the error for one field of a body."""
    return ValidationError([FieldError(field=field, message=message, code="invalid")])


def _parsed(value: object) -> object:
    """Returns labels from JSON text, as a form field or a query parameter has them."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a number")  # noqa: TRY004 - pydantic reports this one as a field error
    return value


# The bounds come first: after the validator they would reach the OpenAPI document under names that no schema has.
_Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), BeforeValidator(_not_bool)]
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
_LabelKey = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_NO_CONTROLS)]
_LabelValue = Annotated[str, StringConstraints(max_length=256, pattern=_NO_CONTROLS)]


class Options(BaseModel):
    """Options of an upload."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    validate_only: bool = Field(default=False, description="Check the rows and score none")
    max_failed_percent: _Percent | None = Field(
        default=None,
        description="The job fails when more rows than this fail, judged from 1,000 rows on or at the end",
    )
    labels: Annotated[dict[_LabelKey, _LabelValue], BeforeValidator(_parsed)] = Field(
        default_factory=dict,
        max_length=MAX_LABELS,
        description="The caller's own names and values for the job",
        # Otherwise the document allows any value under a key that does not match the pattern.
        json_schema_extra={"additionalProperties": False},
    )
    encoding: str | None = Field(
        default=None, max_length=40, description="Of a CSV file that is not UTF-8 and has no byte-order mark"
    )

    def to_domain(self) -> UploadOptions:
        """Returns the options as a job stores them."""
        percent = self.max_failed_percent
        return UploadOptions(
            validate_only=self.validate_only,
            max_failed_percent=round(percent, _PERCENT_DECIMALS) if percent is not None else None,
            encoding=self.encoding or None,
            labels=self.labels,
        )


class Announcement(Options):
    """Request for a presigned form to upload a file straight to storage."""

    filename: str = Field(min_length=1, max_length=1024, description="Ends in .csv or .xlsx")
    file_size: int | None = Field(default=None, ge=0, le=_MAX_FILE_SIZE, strict=True, description="Bytes, if known")
    content_sha256: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{64}$", description="Of the file, in hex")


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

    def options(self) -> UploadOptions:
        """Returns the options. Raises `ValidationError`."""
        return validated(Options, self.raw_options).to_domain()


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


async def read_announcement(request: Request) -> Announcement:
    """Returns the announced file with its options. Raises `EmptyFileError`, `TooLargeError`, `ValidationError`."""
    body = await read_body(request, max_bytes=_MAX_JSON_BYTES, advice="An announcement is a small JSON object.")
    sent = json_object(body)
    # Errors of the file come before errors of the fields, as with a file that is sent.
    if sent.get("file_size") == 0 and not isinstance(sent["file_size"], bool):
        raise EmptyFileError("The file is empty")
    return validated(Announcement, {**_query_options(request), **sent})


async def read_form(request: Request, *, max_bytes: int) -> SentFile:
    """Returns the file of a multipart form. Raises `ValidationError` and `TooLargeError`."""
    advice = (
        f"Files over {max_bytes:,} bytes are uploaded straight to storage: POST JSON "
        '{"filename": "..."} to this same path and follow its answer.'
    )
    body = await read_body(request, max_bytes=max_bytes, advice=advice)
    try:
        parts = read_parts(body, request.headers["content-type"])
    except MalformedFormError:
        raise body_error("body", "is no complete multipart form") from None
    files = [part for part in parts if part.filename is not None]
    if len(files) != 1 or files[0].name != "file" or not files[0].filename:
        raise body_error("body.file", "has to be one file with a name, and the only one")
    fields = {part.name: _field_text(part) for part in parts if part.filename is None}
    return SentFile(filename=files[0].filename, body=files[0].body, raw_options={**_query_options(request), **fields})


def _field_text(part: Part) -> str:
    try:
        return part.body.decode()
    except UnicodeDecodeError:
        raise body_error("body", "has a field that is not UTF-8 text") from None


def _query_options(request: Request) -> dict[str, str]:
    """Returns the options in the query; other parameters are ignored."""
    return {name: request.query_params[name] for name in Options.model_fields if name in request.query_params}
