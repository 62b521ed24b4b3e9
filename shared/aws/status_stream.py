"""Changes of job status, read from records of the jobs table's stream."""

from collections.abc import Mapping
from typing import Any

from shared.aws.job_items import JOB_SORT_KEY, decode, decode_job, is_tombstone
from shared.jobs.events import StatusChange
from shared.jobs.model import JobStatus


def status_change(record: Mapping[str, Any]) -> StatusChange | None:
    """The change of status that a stream record tells of; None when it tells of none.

    Writes that leave the status as it is, shards, tombstones and removals tell of none. Raises KeyError or ValueError
    for what is no record of this table.
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
    """Where the record stands in its shard of the stream."""
    return str(record["dynamodb"]["SequenceNumber"])
