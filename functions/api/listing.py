"""A page of the job list, and the cursor that goes on from it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from functions.api.cursors import Cursor, JsonValue
from functions.api.dependencies import Services
from functions.api.errors import FieldFault, ValidationError
from shared.jobs.access import Caller, scope_of
from shared.jobs.job import timestamp
from shared.jobs.listing import JobCount, JobFilter
from shared.jobs.representations import JsonObject, job_status


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """Which page of which list is wanted."""

    job_filter: JobFilter
    limit: int
    cursor: Cursor | None
    offset: int | None


def list_jobs(services: Services, caller: Caller, wanted: ListRequest) -> JsonObject:
    """The page as callers get it. Raises `ValidationError` and `InvalidCursorError`."""
    if wanted.cursor is not None and wanted.offset is not None:
        message = "give either `cursor` or `offset`, not both"
        raise ValidationError([FieldFault(field="query.offset", message=message, code="conflict")])
    bound_to = _bound_to(caller, wanted.job_filter)
    if wanted.cursor is None:
        after, shown_before, to_skip = None, wanted.offset or 0, wanted.offset or 0
        # Counted once: following pages carry the total of the first, so that it stands still while one pages.
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
        next_cursor = services.cursors.sign(following, bound_to=bound_to)
    return {
        "success": True,
        "jobs": [job_status(view.job, view.progress) for view in page.views],
        "pagination": {
            **_total(count),
            "limit": wanted.limit,
            "offset": shown_before,
            "has_more": next_cursor is not None,
            "next_cursor": next_cursor,
        },
    }


def _total(count: JobCount) -> Mapping[str, int | None]:
    """The total when it was counted to the end, else what there is at least."""
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
