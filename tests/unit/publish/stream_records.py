"""Stream records of the jobs table, as DynamoDB makes them."""

from typing import Any

from shared.aws.job_items import encode_job
from shared.aws.table_keys import encode
from shared.jobs.job import Job, JobStatus, timestamp


def stream_record(previous: JobStatus | None, job: Job, *, sequence: str = "1") -> dict[str, Any]:
    """Returns the record of the write that gave the job its status; `previous` is None for its first status."""
    later = {
        "error_code": job.error_code,
        "error_message": job.error_message,
        "total_rows": job.total_rows,
        "started_at": timestamp(job.started_at),
        "completed_at": timestamp(job.completed_at),
        "cancelled_at": timestamp(job.cancelled_at),
        "final_successful_rows": job.final_successful_rows,
        "final_failed_rows": job.final_failed_rows,
        "results_ready": job.results_ready,
    }
    image = {**encode_job(job), **encode(later)}
    images: dict[str, Any] = {
        "Keys": {name: image[name] for name in ("pk", "sk")},
        "NewImage": image,
        "SequenceNumber": sequence,
    }
    if previous is not None:
        images["OldImage"] = {**image, "status": {"S": previous.value}}
    return {"eventName": "INSERT" if previous is None else "MODIFY", "dynamodb": images}
