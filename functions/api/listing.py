"""A page of the job list, and the cursor that goes on from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.api.cursors import JsonValue
from functions.api.dependencies import Services
from functions.api.errors import FieldFault, ValidationError
from shared.jobs.access import Caller
from shared.jobs.ports import JobFilter
from shared.jobs.service import COUNTED_AT_MOST, scope_of
from shared.jobs.views import JsonObject, status_view


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """Which page of which list is wanted."""

    job_filter: JobFilter
    limit: int
    cursor: str | None
    offset: int | None


def list_jobs(services: Services, caller: Caller, wanted: ListRequest) -> JsonObject:
    """The page as callers get it. Raises `ValidationError` and `InvalidCursorError`."""
    if wanted.cursor is not None and wanted.offset is not None:
        message = "give either `cursor` or `offset`, not both"
        raise ValidationError([FieldFault(field="query.offset", message=message, code="conflict")])
    bound_to = _bound_to(caller, wanted.job_filter)
    if wanted.cursor is None:
        after, shown_before = None, wanted.offset or 0
        # Counted once: following pages carry the total of the first, so that it stands still while one pages.
        counted = services.jobs.count(caller, wanted.job_filter)
    else:
        position = services.cursors.read(wanted.cursor, bound_to=bound_to)
        after, shown_before, counted = position["after"], position["shown"], position["counted"]
    page = services.jobs.page(
        caller,
        wanted.job_filter,
        after=after,
        offset=shown_before if wanted.cursor is None else 0,
        limit=wanted.limit,
    )
    next_cursor = None
    if page.following is not None:
        following: dict[str, JsonValue] = {
            "after": page.following,
            "shown": shown_before + wanted.limit,
            "counted": counted,
        }
        next_cursor = services.cursors.sign(following, bound_to=bound_to)
    return {
        "success": True,
        "jobs": [status_view(view.job, view.progress) for view in page.views],
        "pagination": {
            **_total(counted),
            "limit": wanted.limit,
            "offset": shown_before,
            "has_more": next_cursor is not None,
            "next_cursor": next_cursor,
        },
    }


def _total(counted: int) -> Mapping[str, int | None]:
    """The total when it was counted to the end, else what there is at least."""
    if counted > COUNTED_AT_MOST:
        return {"total": None, "total_at_least": counted}
    return {"total": counted}


def _bound_to(caller: Caller, job_filter: JobFilter) -> dict[str, Any]:
    scope = scope_of(caller)
    return {
        "list": "jobs",
        "organization_id": scope.organization_id,
        "user_id": scope.user_id,
        "statuses": sorted(job_filter.statuses),
        "job_type": job_filter.job_type,
        "oldest_first": job_filter.oldest_first,
    }
