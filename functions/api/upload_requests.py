"""The two forms of an upload request, a multipart form with the file or JSON that announces it, and their options.

Read here and not by FastAPI: a body is looked at only after the caller is known, faults of the file come before faults
of the options, and no error echoes what was sent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from starlette.datastructures import Headers
from starlette.requests import Request

from functions.api.forms import MalformedFormError, Part, read_parts
from functions.api.json_bodies import body_fault, json_object, read_body, validated
from shared.files.errors import EmptyFileError, UnsupportedFormatError
from shared.jobs.job import UploadOptions

MAX_LABELS = 10
# S3's own limit is 48.8 TiB an object; the service's is a setting.
_MAX_FILE_SIZE = 10**14
_MAX_JSON_BYTES = 64 * 1024
# Enough for a percentage; DynamoDB knows no numbers below 1e-130.
_PERCENT_DECIMALS = 6


def _parsed(value: object) -> object:
    """Labels as a form field or query parameter has them: JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a number")  # noqa: TRY004 - the error pydantic turns into a fault
    return value


# The bounds come first: behind the validator they reach the OpenAPI document under names that no schema knows.
_Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), BeforeValidator(_not_bool)]
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
_LabelKey = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_NO_CONTROLS)]
_LabelValue = Annotated[str, StringConstraints(max_length=256, pattern=_NO_CONTROLS)]


class Options(BaseModel):
    """What an uploader may ask of a job."""

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
        """The options as a job keeps them."""
        percent = self.max_failed_percent
        return UploadOptions(
            validate_only=self.validate_only,
            max_failed_percent=round(percent, _PERCENT_DECIMALS) if percent is not None else None,
            encoding=self.encoding or None,
            labels=self.labels,
        )


class Announcement(Options):
    """A file that is to be uploaded straight to storage."""

    filename: str = Field(min_length=1, max_length=1024, description="Ends in .csv or .xlsx")
    file_size: int | None = Field(default=None, ge=0, le=_MAX_FILE_SIZE, strict=True, description="Bytes, if known")
    content_sha256: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{64}$", description="Of the file, in hex")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file that came with its request; the options are not validated yet."""

    filename: str
    body: bytes
    raw_options: Mapping[str, Any]

    @property
    def encoding(self) -> str | None:
        """The encoding as declared, whatever it is."""
        return self.raw_options.get("encoding") or None

    def options(self) -> UploadOptions:
        """The options. Raises `ValidationError`."""
        return validated(Options, self.raw_options).to_domain()


def content_kind(headers: Headers) -> Literal["form", "json"]:
    """Which form of upload this is. Raises `UnsupportedFormatError` for neither."""
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
    """The announced file with its options. Raises `EmptyFileError`, `TooLargeError` and `ValidationError`."""
    body = await read_body(request, max_bytes=_MAX_JSON_BYTES, advice="An announcement is a small JSON object.")
    sent = json_object(body)
    # A fault of the file comes before faults of the fields, as with a file that is sent.
    if sent.get("file_size") == 0 and not isinstance(sent["file_size"], bool):
        raise EmptyFileError("The file is empty")
    return validated(Announcement, {**_query_options(request), **sent})


async def read_form(request: Request, *, max_bytes: int) -> SentFile:
    """The file of a multipart form. Raises `ValidationError` and `TooLargeError`."""
    advice = (
        f"Files over {max_bytes:,} bytes are uploaded straight to storage: POST JSON "
        '{"filename": "..."} to this same path and follow its answer.'
    )
    body = await read_body(request, max_bytes=max_bytes, advice=advice)
    try:
        parts = read_parts(body, request.headers["content-type"])
    except MalformedFormError:
        raise body_fault("body", "is no complete multipart form") from None
    files = [part for part in parts if part.filename is not None]
    if len(files) != 1 or files[0].name != "file" or not files[0].filename:
        raise body_fault("body.file", "has to be one file with a name, and the only one")
    fields = {part.name: _field_text(part) for part in parts if part.filename is None}
    return SentFile(filename=files[0].filename, body=files[0].body, raw_options={**_query_options(request), **fields})


def _field_text(part: Part) -> str:
    try:
        return part.body.decode()
    except UnicodeDecodeError:
        raise body_fault("body", "has a field that is not UTF-8 text") from None


def _query_options(request: Request) -> dict[str, str]:
    """Options given as query parameters; other parameters are not for us."""
    return {name: request.query_params[name] for name in Options.model_fields if name in request.query_params}
