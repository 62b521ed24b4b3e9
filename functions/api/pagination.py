"""Pages: signed cursors for all lists; filters and pages of the job list."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import MAXYEAR, UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from itsdangerous import BadData, URLSafeSerializer
from pydantic import AfterValidator, AwareDatetime, Field
from starlette.requests import Request

from functions.api.dependencies import CurrentCaller, Services, services_of
from functions.api.problems import ValidationError
from shared.api_types import FieldError, JobListResponse, JobTotal
from shared.jobs.access import Caller, scope_of
from shared.jobs.errors import InvalidCursorError
from shared.jobs.job import JobStatus, JobType, timestamp
from shared.jobs.listing import JobCount, JobFilter
from shared.jobs.representations import job_summary

_MAX_TEXT = 255

JsonValue = str | int | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The content of a cursor with a valid signature."""

    _position: Mapping[str, Any]
    _list: str

    def position(self, *, bound_to: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns where the next page starts. Raises `InvalidCursorError` for a cursor of another list."""
        if self._list != _digest(bound_to):
            raise InvalidCursorError
        return self._position


def cursor_serializer(key: bytes) -> URLSafeSerializer:
    """Returns the serializer that signs cursors with this key."""
    signer = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(key, salt="cursor", signer_kwargs=signer)


def sign_cursor(
    serializer: URLSafeSerializer, position: Mapping[str, JsonValue], *, bound_to: Mapping[str, Any]
) -> str:
    """Returns a cursor for this position. Of `bound_to` (scope, filter, order) it contains only a digest."""
    return str(serializer.dumps([position, _digest(bound_to)]))


def read_cursor(serializer: URLSafeSerializer, text: str) -> Cursor:
    """Returns the content of a cursor. Raises `InvalidCursorError` unless it is a text that `sign_cursor` returned."""
    try:
        content = serializer.loads(text)
    except BadData:
        raise InvalidCursorError from None
    # Base64 has several spellings of one signature.
    if serializer.dumps(content) != text:
        raise InvalidCursorError
    return Cursor(*content)


def _digest(bound_to: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(bound_to, sort_keys=True).encode()).hexdigest()[:32]


async def _cursor(
    caller: CurrentCaller,  # noqa: ARG001 - the caller is authenticated first
    request: Request,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the previous page")] = None,
) -> Cursor | None:
    return read_cursor(services_of(request).cursor_serializer(), cursor) if cursor is not None else None


# Comes before the other parameters of a route, so that a bad cursor is reported before bad values of those.
CurrentCursor = Annotated[Cursor | None, Depends(_cursor)]


def _as_utc(moment: datetime) -> datetime:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of the range of dates") from None
    if not 1 < utc.year < MAXYEAR:
        raise ValueError("is out of the range of dates")
    return utc


def _label(text: str) -> str:
    if not text.partition(":")[0] or ":" not in text:
        raise ValueError("has to be key:value")
    return text


Moment = Annotated[AwareDatetime, AfterValidator(_as_utc)]
Text = Annotated[str | None, Query(min_length=1, max_length=_MAX_TEXT)]
# The pattern is for the OpenAPI document; the error message comes from the validator.
Label = Annotated[str, AfterValidator(_label), Field(json_schema_extra={"pattern": "^[^:]+:"})]


async def _job_filter(  # noqa: PLR0917 - FastAPI passes them by name
    status: Annotated[list[JobStatus], Query(default_factory=list, description="May be repeated")],
    label: Annotated[
        list[Label], Query(default_factory=list, description="`key:value`; may be repeated, and all must match")
    ],
    job_type: JobType | None = None,
    created_after: Annotated[Moment | None, Query(description="Inclusive, with its UTC offset")] = None,
    created_before: Annotated[Moment | None, Query(description="Exclusive, with its UTC offset")] = None,
    created_by: Text = None,
    filename_contains: Text = None,
    has_errors: Annotated[bool | None, Query(description="Whether rows or the whole job failed")] = None,
) -> JobFilter:
    """Returns the filter. Raises `ValidationError` for one that can match nothing."""
    if created_after is not None and created_before is not None and created_after >= created_before:
        message = "has to be later than `created_after`"
        raise ValidationError([FieldError(field="query.created_before", message=message, code="conflict")])
    pairs = (text.partition(":") for text in label)
    return JobFilter(
        statuses=frozenset(status),
        job_type=job_type,
        created_after=created_after,
        created_before=created_before,
        created_by=created_by,
        filename_contains=filename_contains,
        has_errors=has_errors,
        labels=frozenset((key, value) for key, _, value in pairs),
    )


# A dependency, not parameters of the route: FastAPI then authenticates the caller before it validates the filter.
CurrentFilter = Annotated[JobFilter, Depends(_job_filter)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """The requested page of the job list."""

    job_filter: JobFilter
    limit: int
    cursor: Cursor | None
    offset: int | None


def list_jobs(services: Services, caller: Caller, wanted: ListRequest) -> JobListResponse:
    """Returns the response body of a page. Raises `ValidationError` and `InvalidCursorError`."""
    if wanted.cursor is not None and wanted.offset is not None:
        message = "give either `cursor` or `offset`, not both"
        raise ValidationError([FieldError(field="query.offset", message=message, code="conflict")])
    bound_to = _bound_to(caller, wanted.job_filter)
    if wanted.cursor is None:
        after, shown_before, to_skip = None, wanted.offset or 0, wanted.offset or 0
        # Counted once: the cursor has the count, so the total does not change between pages.
        count = services.jobs.count(caller, wanted.job_filter)
    else:
        position = wanted.cursor.position(bound_to=bound_to)
        after, shown_before, to_skip = position["after"], position["shown"], position["to_skip"]
        count = JobCount(jobs=position["counted"], is_complete=position["is_complete"])
    page = services.jobs.page(
        caller,
        wanted.job_filter,
        after=after,
        offset=to_skip,
        limit=wanted.limit,
    )
    next_cursor = None
    if page.following is not None:
        following: dict[str, JsonValue] = {
            "after": page.following,
            "shown": shown_before + len(page.views),
            "to_skip": page.still_to_skip,
            "counted": count.jobs,
            "is_complete": count.is_complete,
        }
        next_cursor = sign_cursor(services.cursor_serializer(), following, bound_to=bound_to)
    return {
        "success": True,
        "jobs": [job_summary(view.job, view.progress) for view in page.views],
        "pagination": {
            **_total(count),
            "limit": wanted.limit,
            "offset": shown_before,
            "has_more": next_cursor is not None,
            "next_cursor": next_cursor,
        },
    }


def _total(count: JobCount) -> JobTotal:
    """Returns the total, or a lower bound when the count was cut short."""
    return {"total": count.jobs} if count.is_complete else {"total": None, "total_at_least": count.jobs}


def _bound_to(caller: Caller, job_filter: JobFilter) -> dict[str, Any]:
    scope = scope_of(caller)
    return {
        "list": "jobs",
        "organization_id": scope.organization_id,
        "user_id": scope.user_id,
        **asdict(job_filter),
        "statuses": sorted(job_filter.statuses),
        "labels": sorted(job_filter.labels),
        "created_after": timestamp(job_filter.created_after),
        "created_before": timestamp(job_filter.created_before),
    }
