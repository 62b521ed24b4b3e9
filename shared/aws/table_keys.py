"""Keys and indexes of the jobs table, and its attribute values.

Each job has one partition: the job (or its tombstone) under the sort key `JOB`, its shards under `SHARD#nnn`. Secondary
indexes list jobs by organization, by user and all together. Their partition keys contain status and job type, so that a
filtered page reads only that page. `unsettled` is a sparse index of the jobs
to reconcile, ordered by when they are due.

A job whose file has a known SHA-256 has one more item, in a partition `CONTENT#…`, which finds the job by it.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from shared.jobs.job import Job, JobStatus, Source, timestamp

JOB_SORT_KEY = "JOB"
SHARD_PREFIX = "SHARD#"
UNSETTLED = "unsettled"
DUE_AT = "due_at"

AttributeMap = dict[str, Any]

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def encode(values: Mapping[str, Any]) -> AttributeMap:
    """Returns plain values as DynamoDB attribute values, without None and empty sets."""
    return {
        name: _serializer.serialize(value) for name, value in values.items() if value is not None and value != set()
    }


def decode(item: Mapping[str, Any]) -> dict[str, Any]:
    """Returns DynamoDB attribute values as plain values; numbers are Decimal."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


def partition_key(job_id: UUID) -> str:
    """Returns the partition key of all items of a job."""
    return f"JOB#{job_id}"


def job_key(job_id: UUID) -> AttributeMap:
    """Returns the primary key of the item of a job."""
    return encode({"pk": partition_key(job_id), "sk": JOB_SORT_KEY})


def shard_key(job_id: UUID, shard: int) -> AttributeMap:
    """Returns the primary key of a shard of a job."""
    return encode({"pk": partition_key(job_id), "sk": f"{SHARD_PREFIX}{shard:03d}"})


def listing_keys(job: Job, status: JobStatus) -> dict[str, str | None]:
    """Returns the partition keys of the indexes for the job while it has `status`."""
    suffix = f"{status}|{job.job_type}"
    dropped = job.source is Source.S3_DROP
    return {
        "organization_listing": f"{job.organization_id}|{suffix}" if job.organization_id is not None else None,
        # A dropped file has no creator: it is in its organization's list only.
        "user_listing": None if dropped else f"{job.user_id}|{suffix}",
        "all_listing": suffix,
    }


def sort_key(job: Job) -> str:
    """Returns the position of the job in lists: by creation, ties broken by id."""
    return f"{timestamp(job.created_at)}|{job.id}"


def content_partition(job: Job) -> str:
    """Returns the partition key of all jobs of the same owner and type whose file had the same SHA-256."""
    owner = f"organization={job.organization_id}" if job.organization_id is not None else f"user={job.user_id}"
    return f"CONTENT#{job.content_sha256}#{job.job_type}#{owner}"


def content_key(job: Job) -> AttributeMap:
    """Returns the primary key of the item that finds the job by its file."""
    return encode({"pk": content_partition(job), "sk": sort_key(job)})
