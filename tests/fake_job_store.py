"""`JobStore` in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import RLock
from uuid import UUID

from shared.jobs.access import Scope
from shared.jobs.deadlines import deleted_due_at, due_at
from shared.jobs.errors import CommitRefusedError, TransitionRefusedError
from shared.jobs.job import (
    DELETABLE,
    LIVE,
    Export,
    ExportKind,
    Job,
    JobStatus,
    Note,
    Phase,
    Source,
    StoredInput,
    sources_of,
    timestamp,
)
from shared.jobs.listing import JobCount, JobFilter, JobPage
from shared.jobs.ports import DueJob, Plan, Tombstone
from shared.jobs.progress import ChunkCount, JobView, Pace, Progress, Shard, period_at, shard_count
from shared.jobs.row_errors import RowErrorCounts


class FakeJobStore:
    """`JobStore` in memory: one lock serializes all changes, as DynamoDB does for the writes of one item."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._jobs: dict[UUID, Job] = {}
        self._shards: dict[UUID, dict[int, Shard]] = {}
        self._tombstones: dict[UUID, Tombstone] = {}
        # When each unsettled job is due.
        self._due: dict[UUID, datetime] = {}

    def add(self, job: Job, *shards: Shard) -> None:
        """Adds a job in any state."""
        with self._lock:
            self._jobs[job.id] = job
            empty = [Shard(number=number) for number in range(job.shard_count)]
            self._shards[job.id] = {shard.number: shard for shard in (*empty, *shards)}
            if not job.results_ready:
                self._due[job.id] = due_at(job, now=job.updated_at)

    def create(self, job: Job) -> None:
        with self._lock:
            if job.id in self._jobs or job.id in self._tombstones:
                raise TransitionRefusedError
            self.add(job)

    def get(self, job_id: UUID) -> JobView | None:
        with self._lock:
            job = self._jobs.get(job_id)
            return JobView(job=job, progress=self._progress(job_id)) if job else None

    def tombstone(self, job_id: UUID) -> Tombstone | None:
        with self._lock:
            return self._tombstones.get(job_id)

    def earlier_with_content(self, job: Job) -> UUID | None:
        with self._lock:
            same = [
                other
                for other in self._jobs.values()
                if job.content_sha256 is not None
                and (other.content_sha256, other.job_type) == (job.content_sha256, job.job_type)
                and _owner(other) == _owner(job)
                and _place(other) < _place(job)
            ]
            return min(same, key=_place).id if same else None

    def queue(self, job: Job, *, stored_input: StoredInput, execution_arn: str, now: datetime) -> None:
        with self._changing(job.id, sources_of(JobStatus.QUEUED)) as current:
            self._jobs[job.id] = replace(
                current,
                status=JobStatus.QUEUED,
                phase=Phase.QUEUED,
                stored_input=stored_input,
                file_size=stored_input.size,
                execution_arn=execution_arn,
                updated_at=now,
            )

    def start(self, job: Job, *, now: datetime) -> None:
        if job.status is JobStatus.PROCESSING and job.phase is Phase.PLANNING:
            return
        with self._changing(job.id, sources_of(JobStatus.PROCESSING)) as current:
            self._jobs[job.id] = replace(
                current, status=JobStatus.PROCESSING, phase=Phase.PLANNING, started_at=now, updated_at=now
            )

    def record_plan(self, job: Job, plan: Plan, *, now: datetime) -> None:
        with self._changing(job.id, {JobStatus.PROCESSING}) as current:
            if current.phase is not Phase.PLANNING:
                raise TransitionRefusedError
            shards = shard_count(plan.chunk_count)
            self._shards[job.id] = {number: Shard(number=number) for number in range(shards)}
            self._jobs[job.id] = replace(
                current,
                phase=Phase.SCORING,
                planned_at=plan.planned_at,
                total_rows=plan.total_rows,
                chunk_count=plan.chunk_count,
                shard_count=shards,
                profile=plan.profile,
                model_version=plan.model_version,
                decimal=plan.decimal,
                notes=plan.notes,
                updated_at=now,
            )

    def commit_chunk(self, job_id: UUID, count: ChunkCount, *, shard: int, now: datetime) -> None:
        with self._lock:
            current = self._shards.get(job_id, {}).get(shard)
            if current is None or current.closed or count.chunk in current.done:
                raise CommitRefusedError(already_committed=current is not None and count.chunk in current.done)
            one = frozenset({count.chunk})
            none = frozenset[int]()
            rows = {period_at(count.age): count.successful_rows + count.failed_rows}
            self._shards[job_id][shard] = replace(
                current,
                done=current.done | one,
                with_successes=current.with_successes | (one if count.successful_rows else none),
                with_failures=current.with_failures | (one if count.failed_rows else none),
                successful_rows=current.successful_rows + count.successful_rows,
                failed_rows=current.failed_rows + count.failed_rows,
                row_errors=RowErrorCounts.total([current.row_errors, count.row_errors]),
                pace=Pace.total([current.pace, Pace(rows_by_period=rows, worked=count.worked)]),
                last_commit_at=now,
            )

    def enter_finalizing(self, job: Job, *, now: datetime) -> None:
        with self._changing(job.id, {JobStatus.PROCESSING}) as current:
            self._jobs[job.id] = replace(current, phase=Phase.FINALIZING, updated_at=now)

    def complete(self, job: Job, *, successful: int, failed: int, now: datetime, notes: Sequence[Note] = ()) -> None:
        with self._changing(job.id, sources_of(JobStatus.COMPLETED)) as current:
            self._close(
                job,
                replace(
                    current,
                    status=JobStatus.COMPLETED,
                    final_successful_rows=successful,
                    final_failed_rows=failed,
                    notes=(*current.notes, *notes),
                    results_ready=True,
                ),
                now=now,
            )
            self._due.pop(job.id, None)

    def fail(self, job: Job, *, error_code: str | None, error_message: str, cancelled: bool, now: datetime) -> None:
        with self._changing(job.id, LIVE) as current:
            self._close(
                job,
                replace(
                    current,
                    status=JobStatus.FAILED,
                    error_code=error_code,
                    error_message=error_message,
                    cancelled_at=now if cancelled else None,
                ),
                now=now,
            )

    def note_stopped(self, job: Job, *, now: datetime) -> None:
        with self._changing(job.id, {JobStatus.FAILED}) as current:
            self._jobs[job.id] = replace(current, execution_stopped=True, updated_at=now)

    def record_assembly(
        self,
        job: Job,
        *,
        successful: int,
        failed: int,
        now: datetime,
        error_message: str | None = None,
        notes: Sequence[Note] = (),
    ) -> None:
        with self._changing(job.id, {JobStatus.FAILED}) as current:
            self._jobs[job.id] = replace(
                current,
                results_ready=True,
                final_successful_rows=successful,
                final_failed_rows=failed,
                notes=(*current.notes, *notes),
                error_message=error_message or current.error_message,
                updated_at=now,
            )
            self._due.pop(job.id, None)

    def change_export(self, job_id: UUID, kind: ExportKind, *, expected: Export | None, changed: Export | None) -> None:
        with self._lock:
            current = self._jobs.get(job_id)
            if current is None or not current.results_ready or current.exports.get(kind) != expected:
                raise TransitionRefusedError
            others = {other: export for other, export in current.exports.items() if other != kind}
            self._jobs[job_id] = replace(current, exports={**others, **({kind: changed} if changed else {})})

    def delete(self, job: Job, *, now: datetime) -> None:
        with self._changing(job.id, DELETABLE) as current:
            if current.shard_count != job.shard_count:
                raise TransitionRefusedError
            self._tombstones[job.id] = Tombstone(id=job.id, deleted_at=now, stored_input=job.stored_input)
            self._due[job.id] = deleted_due_at(now)
            del self._jobs[job.id]
            del self._shards[job.id]

    def forget(self, job_id: UUID) -> None:
        with self._lock:
            if job_id not in self._tombstones:
                raise TransitionRefusedError
            self._due.pop(job_id, None)

    def page(self, scope: Scope, job_filter: JobFilter, *, after: str | None, offset: int, limit: int) -> JobPage:
        with self._lock:
            jobs = self._listed(scope, job_filter)
            if after is not None:
                jobs = [
                    job for job in jobs if (_place(job) > after) is job_filter.oldest_first and _place(job) != after
                ]
            shown = jobs[offset : offset + limit]
            return JobPage(
                # A list does not read the shards of a job with final counts.
                views=[
                    JobView(job=job, progress=Progress() if job.has_final_counts else self._progress(job.id))
                    for job in shown
                ],
                following=_place(shown[-1]) if shown and len(jobs) > offset + limit else None,
            )

    def count(self, scope: Scope, job_filter: JobFilter, *, at_most: int) -> JobCount:
        with self._lock:
            jobs = len(self._listed(scope, job_filter))
            return JobCount(jobs=min(at_most + 1, jobs), is_complete=jobs <= at_most)

    def unsettled(self) -> list[UUID]:
        """Returns the jobs that reconcile will look at, now or later."""
        with self._lock:
            return list(self._due)

    def due(self, now: datetime) -> list[DueJob]:
        with self._lock:
            due = sorted((at, job_id) for job_id, at in self._due.items() if at <= now)
            return [DueJob(id=job_id, due_at=at) for at, job_id in due]

    def look_again(self, job: DueJob, *, at: datetime) -> None:
        with self._lock:
            if self._due.get(job.id) != job.due_at:
                raise TransitionRefusedError
            self._due[job.id] = at

    @contextmanager
    def _changing(self, job_id: UUID, allowed: frozenset[JobStatus] | set[JobStatus]) -> Iterator[Job]:
        with self._lock:
            current = self._jobs.get(job_id)
            if current is None or current.status not in allowed:
                raise TransitionRefusedError
            yield current
            changed = self._jobs.get(job_id)
            if changed is not None and changed.status is not current.status and not changed.results_ready:
                self._due[job_id] = due_at(changed, now=changed.updated_at)

    def _close(self, read: Job, ended: Job, *, now: datetime) -> None:
        if ended.shard_count != read.shard_count:
            raise TransitionRefusedError
        self._jobs[ended.id] = replace(ended, phase=Phase.DONE, completed_at=now, updated_at=now)
        self._shards[ended.id] = {
            number: replace(shard, closed=True) for number, shard in self._shards[ended.id].items()
        }

    def _progress(self, job_id: UUID) -> Progress:
        shards = self._shards[job_id]
        return Progress(tuple(shards[number] for number in sorted(shards)))

    def _listed(self, scope: Scope, job_filter: JobFilter) -> list[Job]:
        jobs = [
            job
            for job in self._jobs.values()
            if _in_scope(job, scope) and job_filter.matches(job, self._progress(job.id))
        ]
        return sorted(jobs, key=_place, reverse=not job_filter.oldest_first)


def _place(job: Job) -> str:
    return f"{timestamp(job.created_at)}|{job.id}"


def _owner(job: Job) -> tuple[str | None, str | None]:
    return (job.organization_id, None if job.organization_id is not None else job.user_id)


def _in_scope(job: Job, scope: Scope) -> bool:
    if scope.organization_id is not None:
        return job.organization_id == scope.organization_id
    if scope.user_id is not None:
        return job.user_id == scope.user_id and job.source is not Source.S3_DROP
    return True
