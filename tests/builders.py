"""Builders of jobs and related objects, with defaults for all fields."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.jobs.access import Caller, Role
from shared.jobs.idempotency import Claim
from shared.jobs.job import Job, JobStatus, JobType, Note, Outcome, Phase, Retry, Source, StoredInput
from shared.jobs.ports import Plan
from shared.jobs.progress import ChunkCount, JobView, Pace, Progress, Shard, period_at
from shared.jobs.uploads import ArrivedObject, upload_key

NOON = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
NOTE = Note(code="both_profiles", message="The file has both profiles.", rows=(2, 5))
ORGANIZATION = "acme"
USER_ID = "user-1"

_PHASES = {
    JobStatus.PENDING: Phase.AWAITING_UPLOAD,
    JobStatus.QUEUED: Phase.QUEUED,
    JobStatus.PROCESSING: Phase.SCORING,
    JobStatus.COMPLETED: Phase.DONE,
    JobStatus.FAILED: Phase.DONE,
}


def a_job(**overrides: Any) -> Job:
    """A pending annual job of `ORGANIZATION` made at `NOON`; its phase follows its status unless given."""
    status = overrides.get("status", JobStatus.PENDING)
    job = Job(
        id=uuid4(),
        status=status,
        phase=_PHASES[status],
        job_type=JobType.ANNUAL,
        source=Source.API,
        user_id=USER_ID,
        organization_id=ORGANIZATION,
        created_by="jane.doe",
        original_filename="figures.csv",
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(job, **overrides)


def a_processing_job(**overrides: Any) -> Job:
    """A job that was planned into two chunks of five rows and is being scored since `NOON`."""
    job_id = overrides.get("id", uuid4())
    planned: dict[str, Any] = {
        "id": job_id,
        "status": JobStatus.PROCESSING,
        "file_size": 2_000,
        "stored_input": a_stored_input(job_id),
        "execution_arn": f"arn:execution:{job_id}",
        "started_at": NOON,
        "planned_at": NOON,
        "total_rows": 10,
        "chunk_count": 2,
        "shard_count": 1,
        "profile": "statements",
        "model_version": "1.0.0",
    }
    return a_job(**{**planned, **overrides})


def a_completed_job(**overrides: Any) -> Job:
    """A job that completed a minute after `NOON`: ten rows, eight successful and two failed."""
    end = NOON + timedelta(minutes=1)
    ended: dict[str, Any] = {
        "status": JobStatus.COMPLETED,
        "completed_at": end,
        "updated_at": end,
        "final_successful_rows": 8,
        "final_failed_rows": 2,
        "results_ready": True,
    }
    return a_processing_job(**{**ended, **overrides})


def a_retry(**overrides: Any) -> Retry:
    """The first retry of an upload, of its failed and unprocessed rows."""
    retry = Retry(
        outcomes=frozenset({Outcome.FAILED, Outcome.UNPROCESSED}),
        generation=1,
        is_whole_input=False,
        has_source_row=True,
    )
    return replace(retry, **overrides)


def a_retry_job(**overrides: Any) -> Job:
    """A job that waits for its retry file since `NOON`."""
    waiting: dict[str, Any] = {"source": Source.RETRY, "parent_job_id": uuid4(), "retry": a_retry()}
    return a_job(**{**waiting, **overrides})


def a_caller(**overrides: Any) -> Caller:
    """A member of `ORGANIZATION`, the creator of `a_job()`."""
    caller = Caller(user_id=USER_ID, username="jane.doe", organization_id=ORGANIZATION, role=Role.ORG_MEMBER)
    return replace(caller, **overrides)


def a_super_admin() -> Caller:
    """A caller who sees the jobs of every organization."""
    return a_caller(user_id="root", username="root", organization_id=None, role=Role.SUPER_ADMIN)


def a_stored_input(job_id: UUID, **overrides: Any) -> StoredInput:
    """The first version of the file uploaded for a job."""
    return replace(StoredInput(key=upload_key(job_id), version_id="v1", size=2_000), **overrides)


def an_arrived_object(job_id: UUID | None = None, **overrides: Any) -> ArrivedObject:
    """The event of a job's upload; give `key` for another object."""
    key = upload_key(job_id or uuid4())
    return replace(ArrivedObject(bucket="uploads", key=key, version_id="v1", size=2_000), **overrides)


def plan_facts(**overrides: Any) -> Plan:
    """A plan of two chunks of five rows."""
    facts = Plan(planned_at=NOON, total_rows=10, chunk_count=2, profile="statements", model_version="1.0.0", notes=())
    return replace(facts, **overrides)


def a_count(chunk: int, successful: int = 5, failed: int = 0) -> ChunkCount:
    """The counts that a scored chunk commits."""
    return ChunkCount(chunk=chunk, successful_rows=successful, failed_rows=failed)


def a_shard(**overrides: Any) -> Shard:
    """An empty, open shard."""
    return replace(Shard(number=0), **overrides)


def a_progress(*commits: tuple[timedelta, int]) -> Progress:
    """One shard with commits of one worker, given as time after `NOON` and number of successful rows."""
    last = max((at for at, _ in commits), default=None)
    paces = [Pace(rows_by_period={period_at(at): rows}) for at, rows in commits]
    return Progress(
        (
            a_shard(
                done=frozenset(range(len(commits))),
                successful_rows=sum(rows for _, rows in commits),
                pace=replace(Pace.total(paces), worked=last or timedelta()),
                last_commit_at=NOON + last if last is not None else None,
            ),
        )
    )


def a_view(job: Job | None = None, progress: Progress | None = None) -> JobView:
    """A job with its progress, none by default."""
    return JobView(job=job or a_job(), progress=progress or Progress())


def a_claim(**overrides: Any) -> Claim:
    """A claim made at `NOON` by a request that is at work."""
    claim = Claim(key="k", fingerprint="f", attempt=uuid4(), since=NOON, claimed_at=NOON)
    return replace(claim, **overrides)
