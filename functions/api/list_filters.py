"""The filters of the job list as query parameters."""

from datetime import MAXYEAR, UTC, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AfterValidator, AwareDatetime, Field

from functions.api.errors import FieldFault, ValidationError
from shared.jobs.job import JobStatus, JobType
from shared.jobs.listing import JobFilter

_MAX_TEXT = 255


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
# The pattern is for the OpenAPI document; the validator has the words.
Label = Annotated[str, AfterValidator(_label), Field(json_schema_extra={"pattern": "^[^:]+:"})]


async def _job_filter(  # noqa: PLR0917 - FastAPI passes them by name
    status: Annotated[list[JobStatus], Query(default_factory=list, description="Repeat it for several")],
    label: Annotated[
        list[Label], Query(default_factory=list, description="`key:value`; repeated, every one has to be there")
    ],
    job_type: JobType | None = None,
    created_after: Annotated[Moment | None, Query(description="The first moment that counts, with its offset")] = None,
    created_before: Annotated[Moment | None, Query(description="The first moment that does not count")] = None,
    created_by: Text = None,
    filename_contains: Text = None,
    has_errors: Annotated[bool | None, Query(description="Whether rows failed, or the job as a whole")] = None,
) -> JobFilter:
    """The filter. Raises `ValidationError` for one that nothing can match."""
    if created_after is not None and created_before is not None and created_after >= created_before:
        message = "has to be later than `created_after`"
        raise ValidationError([FieldFault(field="query.created_before", message=message, code="conflict")])
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


# A dependency and not the route's own parameters: whoever may not list is told so whatever the filter says.
CurrentFilter = Annotated[JobFilter, Depends(_job_filter)]
