"""Jobs, shards and tombstones as items of the jobs table, and back.

One partition a job: the job (or its tombstone) under sort key `JOB`, its shards under `SHARD#nnn`. Secondary indexes
list jobs by organization, by user and all together; their partition keys carry status and job type, so that a
filtered page costs the page alone. `unsettled` is a sparse index of what the sweep has to look at.

A job whose file's SHA-256 is known has one more item, in a partition `CONTENT#…`, that finds it by that.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from shared.jobs.job import Job, JobStatus, Source, timestamp

JOB_SORT_KEY = "JOB"


UNSETTLED = "unsettled"


AttributeMap = dict[str, Any]


_serializer = TypeSerializer()


_deserializer = TypeDeserializer()


SHARD_PREFIX = "SHARD#"


def encode(values: Mapping[str, Any]) -> AttributeMap:
    """Plain values as DynamoDB attribute values; None and empty sets are left out."""
    return {
        name: _serializer.serialize(value) for name, value in values.items() if value is not None and value != set()
    }


def decode(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB attribute values as plain values; numbers are Decimal."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


def partition_key(job_id: UUID) -> str:
    """The partition of everything the table has of a job."""
    return f"JOB#{job_id}"


def job_key(job_id: UUID) -> AttributeMap:
    """The primary key of the job's own item."""
    return encode({"pk": partition_key(job_id), "sk": JOB_SORT_KEY})


def shard_key(job_id: UUID, shard: int) -> AttributeMap:
    """The primary key of one of the job's shards."""
    return encode({"pk": partition_key(job_id), "sk": f"{SHARD_PREFIX}{shard:03d}"})


def listing_keys(job: Job, status: JobStatus) -> dict[str, str | None]:
    """The partition keys under which the job is listed while it has `status`."""
    suffix = f"{status}|{job.job_type}"
    dropped = job.source is Source.S3_DROP
    return {
        "organization_listing": f"{job.organization_id}|{suffix}" if job.organization_id is not None else None,
        # A dropped file has no creator: it is in its organization's list only.
        "user_listing": None if dropped else f"{job.user_id}|{suffix}",
        "all_listing": suffix,
    }


def sort_key(job: Job) -> str:
    """Where the job stands in a list: by creation, its id breaking ties."""
    return f"{timestamp(job.created_at)}|{job.id}"


def content_partition(job: Job) -> str:
    """The partition of every job of the same owner and type whose file had the same SHA-256."""
    owner = f"organization={job.organization_id}" if job.organization_id is not None else f"user={job.user_id}"
    return f"CONTENT#{job.content_sha256}#{job.job_type}#{owner}"


def content_key(job: Job) -> AttributeMap:
    """The primary key of the item that finds the job by its file."""
    return encode({"pk": content_partition(job), "sk": sort_key(job)})
