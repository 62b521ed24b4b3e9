"""Changes of job records, from the table's stream to the event bus.

The stream has a record's change after the record has it, keeps the order of one job's changes and is read again from
the first record that did not go out: at least once, in order, never early.
"""

from functools import cache
from typing import Any

from functions.publish.outcomes import report
from functions.publish.settings import PublishSettings
from functions.publish.status_events import StatusEvents
from shared.aws import clients
from shared.aws.jobs_table import JobsTable
from shared.aws.status_events import StatusEventBus, sequence_number, status_change
from shared.jobs.events import StatusChange
from shared.observability import logger, observed


@cache
def _status_events() -> StatusEvents:
    settings = PublishSettings.from_environment()
    return StatusEvents(
        store=JobsTable(client=clients.dynamodb, table=settings.table_name),
        bus=StatusEventBus(client=clients.events, bus_name=settings.event_bus_name),
    )


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Publish a batch of the stream; answers with the record to go on from when not all of it went out."""
    changes: list[StatusChange] = []
    positions: list[str] = []
    unreadable: str | None = None
    for record in event["Records"]:
        try:
            change = status_change(record)
        except (KeyError, ValueError):
            logger.exception("A record of the stream cannot be read")
            # What stands before it goes out now; alone in its batch at last, it ends in the queue for people.
            unreadable = sequence_number(record)
            break
        if change is not None:
            changes.append(change)
            positions.append(sequence_number(record))
    published = _status_events().publish(changes) if changes else 0
    for change in changes[:published]:
        report(change)
    go_on_from = positions[published] if published < len(positions) else unreadable
    return {"batchItemFailures": [{"itemIdentifier": go_on_from}] if go_on_from else []}
