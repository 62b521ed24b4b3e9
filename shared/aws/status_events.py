"""Status events: changes read from the stream of the jobs table, and the event bus they go to."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from shared.aws import clients
from shared.aws.failures import translated
from shared.jobs.errors import UnavailableError
from shared.jobs.events import EVENT_SOURCE, EVENT_TYPE, StatusEvent

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
from collections.abc import Mapping
from typing import Any

from shared.aws.job_items import decode_job, is_tombstone
from shared.aws.table_keys import JOB_SORT_KEY, decode
from shared.jobs.events import StatusChange
from shared.jobs.job import JobStatus

logger = logging.getLogger(__name__)

# EventBridge's limit on one request.
MAX_ENTRIES = 10


class StatusEventBus:
    """`EventBus` on EventBridge."""

    def __init__(self, bus_name: str, *, client: "Callable[[], EventBridgeClient]" = clients.events) -> None:
        self._client = client
        self._bus_name = bus_name

    def put(self, events: Sequence[StatusEvent]) -> int:
        done = 0
        for request in _requests(events):
            accepted = self._put(request)
            done += accepted
            if accepted < len(request):
                break
        return done

    def _put(self, events: Sequence[StatusEvent]) -> int:
        """Sends one request. Returns how many of its events, from the first, are on the bus."""
        try:
            with translated():
                answer = self._client().put_events(
                    Entries=[
                        {
                            "EventBusName": self._bus_name,
                            "Source": EVENT_SOURCE,
                            "DetailType": EVENT_TYPE,
                            "Detail": json.dumps(event.detail),
                        }
                        for event in events
                    ]
                )
        except UnavailableError:
            logger.warning("The event bus did not answer")
            return 0
        if not answer["FailedEntryCount"]:
            return len(events)
        codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
        logger.warning("The event bus refused events", extra={"codes": sorted({code for code in codes if code})})
        return next((place for place, code in enumerate(codes) if code), 0)


def _requests(events: Sequence[StatusEvent]) -> Iterator[Sequence[StatusEvent]]:
    """Yields the events as requests that contain no job twice.

    One entry of a request may fail alone: were a later change of the same job in it, it would overtake the earlier.
    """
    request: list[StatusEvent] = []
    for event in events:
        if len(request) == MAX_ENTRIES or any(event.job_id == other.job_id for other in request):
            yield request
            request = []
        request.append(event)
    if request:
        yield request


def status_change_of(record: Mapping[str, Any]) -> StatusChange | None:
    """Returns the change of status in a stream record; None if there is none.

    There is none in other writes to a job, in shards, tombstones and removals. Raises KeyError or ValueError for a
    record of another table.
    """
    images = record["dynamodb"]
    if images["Keys"]["sk"] != {"S": JOB_SORT_KEY} or "NewImage" not in images:
        return None
    item = decode(images["NewImage"])
    if is_tombstone(item):
        return None
    job = decode_job(item)
    before = images.get("OldImage", {}).get("status")
    previous = JobStatus(before["S"]) if before else None
    return StatusChange(job=job, previous=previous) if job.status is not previous else None


def sequence_number(record: Mapping[str, Any]) -> str:
    """Returns the position of the record in its shard of the stream."""
    return str(record["dynamodb"]["SequenceNumber"])
