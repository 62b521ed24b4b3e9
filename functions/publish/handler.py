"""Publishes status changes from the stream of the jobs table to the event bus.

The stream has a change after the record has it, keeps the order of the changes of a job, and is read again from the
first record that was not published: at least once, in order, never early.
"""

from functools import cache
from typing import Any

from functions.publish.status_events import StatusEvents
from shared.aws.jobs_table import JobsTable
from shared.aws.status_events import StatusEventBus
from shared.observability import observed
from shared.settings import Settings


class PublishSettings(Settings):
    """Environment of the publish function."""

    table_name: str
    event_bus_name: str


@cache
def _status_events() -> StatusEvents:
    settings = PublishSettings.from_environment()
    return StatusEvents(store=JobsTable(settings.table_name), bus=StatusEventBus(settings.event_bus_name))


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Publishes a batch of the stream. Returns the record to continue from if not all of it was published."""
    unpublished = _status_events().publish_records(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": unpublished}] if unpublished else []}
