"""Jobs, exports and tombstones as items of the jobs table, and back. `table_keys` describes the table."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.aws.shard_items import decode_shard
from shared.aws.table_keys import (
    DUE_AT,
    JOB_SORT_KEY,
    UNSETTLED,
    AttributeMap,
    content_key,
    encode,
    listing_keys,
    partition_key,
    sort_key,
)
from shared.jobs.deadlines import deleted_due_at, due_at
from shared.jobs.job import (
    RETENTION,
    Export,
    ExportKind,
    FileFormat,
    Job,
    JobStatus,
    JobType,
    Note,
    Outcome,
    Phase,
    Retry,
    Source,
    StoredInput,
    UploadOptions,
    timestamp,
)
from shared.jobs.ports import DueJob, Tombstone
from shared.jobs.progress import JobView, Progress
from shared.vocabulary import DecimalConvention

TOMBSTONE_LIFETIME = timedelta(days=100)
# Reconcile ends a stuck job long before; this only bounds what is left if reconcile does not run.
_RECORD_MARGIN = timedelta(days=5)


def time_to_live(end: datetime) -> int:
    """Returns when DynamoDB may remove the item, in epoch seconds."""
    return int((end + _RECORD_MARGIN).timestamp())


def encode_job(job: Job) -> AttributeMap:
    """Returns the item of a new job."""
    return encode(
        {
            "pk": partition_key(job.id),
            "sk": JOB_SORT_KEY,
            **listing_keys(job, job.status),
            "listed_at": sort_key(job),
            UNSETTLED: UNSETTLED,
            DUE_AT: timestamp(due_at(job, now=job.created_at)),
            "status": job.status,
            "phase": job.phase,
            "job_type": job.job_type,
            "source": job.source,
            "user_id": job.user_id,
            "organization_id": job.organization_id,
            "created_by": job.created_by,
            "original_filename": job.original_filename,
            "created_at": timestamp(job.created_at),
            "updated_at": timestamp(job.updated_at),
            "file_size": job.file_size,
            "content_sha256": job.content_sha256,
            "options": encode_options(job.options),
            "parent_job_id": str(job.parent_job_id) if job.parent_job_id else None,
            "retry": encode_retry(job.retry) if job.retry else None,
            "upload_expires_at": timestamp(job.upload_expires_at),
            "stored_input": asdict(job.stored_input) if job.stored_input else None,
            "execution_arn": job.execution_arn,
            "chunk_count": 0,
            "shard_count": 0,
            "results_ready": False,
        }
    )


def encode_content(job: Job) -> AttributeMap:
    """Returns the item that finds the job by its file. It expires before the item of the job."""
    ttl = int((job.created_at + RETENTION).timestamp())
    return {**content_key(job), **encode({"job_id": str(job.id), "ttl": ttl})}


def encode_options(options: UploadOptions) -> dict[str, Any]:
    """Returns upload options as a map attribute. A percentage is text: a number attribute does not hold every float."""
    return {
        "validate_only": options.validate_only,
        "max_failed_percent": str(options.max_failed_percent) if options.max_failed_percent is not None else None,
        "encoding": options.encoding,
        "sheet": options.sheet,
        "decimal": options.decimal,
        "labels": dict(options.labels),
    }


def encode_notes(notes: Iterable[Note]) -> list[dict[str, Any]]:
    """Returns notes as a list attribute."""
    return [asdict(note) for note in notes]


def encode_retry(retry: Retry) -> dict[str, Any]:
    """Returns a retry as a map attribute."""
    return {**asdict(retry), "outcomes": sorted(retry.outcomes)}


def decode_job(item: Mapping[str, Any]) -> Job:
    """Returns the job of a decoded item."""
    options = item["options"]
    percent = options["max_failed_percent"]
    return Job(
        id=_job_id(item),
        status=JobStatus(item["status"]),
        phase=Phase(item["phase"]),
        job_type=JobType(item["job_type"]),
        source=Source(item["source"]),
        user_id=item["user_id"],
        organization_id=item.get("organization_id"),
        created_by=item["created_by"],
        original_filename=item["original_filename"],
        created_at=_time(item["created_at"]),
        updated_at=_time(item["updated_at"]),
        file_size=_optional_int(item.get("file_size")),
        content_sha256=item.get("content_sha256"),
        options=UploadOptions(
            validate_only=options["validate_only"],
            max_failed_percent=float(percent) if percent is not None else None,
            encoding=options["encoding"],
            sheet=options.get("sheet"),
            decimal=options.get("decimal"),
            labels=options["labels"],
        ),
        parent_job_id=UUID(item["parent_job_id"]) if "parent_job_id" in item else None,
        retry=_retry(item),
        upload_expires_at=_optional_time(item.get("upload_expires_at")),
        stored_input=_stored_input(item),
        execution_arn=item.get("execution_arn"),
        started_at=_optional_time(item.get("started_at")),
        planned_at=_optional_time(item.get("planned_at")),
        completed_at=_optional_time(item.get("completed_at")),
        cancelled_at=_optional_time(item.get("cancelled_at")),
        execution_stopped=item.get("execution_stopped", False),
        error_code=item.get("error_code"),
        error_message=item.get("error_message"),
        total_rows=_optional_int(item.get("total_rows")),
        chunk_count=int(item["chunk_count"]),
        shard_count=int(item["shard_count"]),
        profile=item.get("profile"),
        model_version=item.get("model_version"),
        decimal=_decimal(item.get("decimal")),
        notes=tuple(map(_note, item.get("notes", ()))),
        final_successful_rows=_optional_int(item.get("final_successful_rows")),
        final_failed_rows=_optional_int(item.get("final_failed_rows")),
        results_ready=item["results_ready"],
        exports=decode_exports(item),
    )


def decode_views(items: Iterable[Mapping[str, Any]]) -> list[JobView]:
    """Returns the jobs among decoded items, without tombstones, each with its shards among the items.

    Items are read one after the other. Shards that the item of the job does not know yet are left out; otherwise rows
    would be counted for a job without a known total.
    """
    jobs = [item for item in items if item["sk"] == JOB_SORT_KEY and not is_tombstone(item)]
    shards: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        if item["sk"] != JOB_SORT_KEY:
            shards.setdefault(item["pk"], []).append(item)
    return [
        JobView(
            job=decode_job(item),
            progress=Progress(tuple(map(decode_shard, shards.get(item["pk"], []) if item["shard_count"] else []))),
        )
        for item in jobs
    ]


def encode_tombstone(job: Job, *, now: datetime) -> AttributeMap:
    """Returns what is kept of a deleted job: enough to refuse late events and to remove late objects."""
    return encode(
        {
            "pk": partition_key(job.id),
            "sk": JOB_SORT_KEY,
            "deleted_at": timestamp(now),
            "stored_input": asdict(job.stored_input) if job.stored_input else None,
            UNSETTLED: UNSETTLED,
            DUE_AT: timestamp(deleted_due_at(now)),
            "listed_at": sort_key(job),
            "ttl": int((now + TOMBSTONE_LIFETIME).timestamp()),
        }
    )


def decode_tombstone(item: Mapping[str, Any]) -> Tombstone:
    """Returns the tombstone of a decoded item."""
    return Tombstone(id=_job_id(item), deleted_at=_time(item["deleted_at"]), stored_input=_stored_input(item))


def decode_due(item: Mapping[str, Any]) -> DueJob:
    """Returns the job of a decoded item of the index of due jobs."""
    return DueJob(id=_job_id(item), due_at=_time(item[DUE_AT]))


def is_tombstone(item: Mapping[str, Any]) -> bool:
    """Whether the item is a tombstone."""
    return "deleted_at" in item


def _job_id(item: Mapping[str, Any]) -> UUID:
    return UUID(item["pk"].removeprefix("JOB#"))


def _stored_input(item: Mapping[str, Any]) -> StoredInput | None:
    stored = item.get("stored_input")
    return StoredInput(key=stored["key"], version_id=stored["version_id"], size=int(stored["size"])) if stored else None


def _retry(item: Mapping[str, Any]) -> Retry | None:
    retry = item.get("retry")
    if retry is None:
        return None
    return Retry(
        outcomes=frozenset(map(Outcome, retry["outcomes"])),
        generation=int(retry["generation"]),
        is_whole_input=retry["is_whole_input"],
        has_source_row=retry["has_source_row"],
        decimal=_decimal(retry.get("decimal")),
    )


def _decimal(convention: Mapping[str, Any] | None) -> DecimalConvention | None:
    return DecimalConvention(**convention) if convention is not None else None


def _note(note: Mapping[str, Any]) -> Note:
    return Note(code=note["code"], message=note["message"], rows=tuple(map(int, note["rows"])))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _optional_time(text: str | None) -> datetime | None:
    return _time(text) if text is not None else None


def _optional_int(number: Decimal | None) -> int | None:
    return int(number) if number is not None else None


_KINDS = {
    f"export_{outcome}_{file_format}": ExportKind(outcome, file_format)
    for outcome in Outcome
    for file_format in FileFormat
    if file_format is not FileFormat.CSV
}


def attribute_name(kind: ExportKind) -> str:
    """Returns the name of the attribute with the state of an export. It is absent without a state."""
    return f"export_{kind.outcome}_{kind.file_format}"


def encode_export(export: Export) -> dict[str, Any]:
    """Returns the value of the attribute: equal for equal states, since conditions compare it."""
    return {
        "claimed_at": timestamp(export.claimed_at),
        "is_begun": export.is_begun,
        "attempts": export.attempts,
        "refusal_code": export.refusal_code,
        "refusal": export.refusal,
    }


def decode_exports(item: Mapping[str, Any]) -> dict[ExportKind, Export]:
    """Returns the states of exports in the decoded item of a job."""
    return {kind: _decode(item[name]) for name, kind in _KINDS.items() if name in item}


def _decode(value: Mapping[str, Any]) -> Export:
    return Export(
        claimed_at=datetime.fromisoformat(value["claimed_at"]) if value["claimed_at"] is not None else None,
        is_begun=value["is_begun"],
        attempts=int(value["attempts"]),
        refusal_code=value["refusal_code"],
        refusal=value["refusal"],
    )
