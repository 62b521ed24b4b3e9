"""In-memory fakes of the ports of `shared.jobs`. `tests/contract` tests them like the real adapters."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from threading import Lock
from typing import Any
from unittest.mock import patch
from uuid import UUID

from functions.score.given_rows import score_given
from shared.jobs.errors import ResultsGoneError
from shared.jobs.events import StatusEvent
from shared.jobs.idempotency import Claim
from shared.jobs.job import ExportKind, FileFormat, Job, Note, Outcome, StoredInput
from shared.jobs.ports import Execution, ExecutionState, GivenRows, UploadForm
from shared.jobs.progress import JobView
from shared.jobs.uploads import upload_key
from tests.builders import NOON
from tests.fake_job_store import FakeJobStore

__all__ = [
    "FakeAssembler",
    "FakeEventBus",
    "FakeExportFiles",
    "FakeExporter",
    "FakeIdempotencyKeys",
    "FakeJobStore",
    "FakePreparer",
    "FakeResultFiles",
    "FakeResultStore",
    "FakeRowScorer",
    "FakeUploadStore",
    "FakeWorkflow",
    "SettableClock",
    "time_of",
]


@contextmanager
def time_of(clock: Callable[[], datetime]) -> Iterator[None]:
    """Has `utc_now`, and so every use case with the default clock, return the time of this clock."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock().astimezone(tz)

    with patch("shared.jobs.job.datetime", Clock):
        yield


class SettableClock:
    """A clock that advances only on request."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        """Advances the clock."""
        self.now += by


class FakeUploadStore:
    """`UploadStore` in memory, every version kept until it is deleted."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.user_metadata: dict[tuple[str, str], dict[str, str]] = {}
        self.presigned: list[tuple[UUID, int, int]] = []
        self.declared_sha256: str | None = None
        self._versions: dict[str, int] = {}

    def put(self, job_id: UUID, body: bytes) -> None:
        self.arrive(upload_key(job_id), body)

    def arrive(self, key: str, body: bytes, **metadata: str) -> StoredInput:
        """Stores a new version under any key."""
        # Version ids are unique, also after a delete.
        self._versions[key] = self._versions.get(key, 0) + 1
        version_id = f"v{self._versions[key]}"
        self.objects[key, version_id] = body
        self.user_metadata[key, version_id] = metadata
        return StoredInput(key=key, version_id=version_id, size=len(body))

    def presign(
        self, job_id: UUID, *, max_bytes: int, expires_in_seconds: int, content_sha256: str | None
    ) -> UploadForm:
        self.presigned.append((job_id, max_bytes, expires_in_seconds))
        self.declared_sha256 = content_sha256
        return UploadForm(url="https://uploads.example/", fields={"key": upload_key(job_id), "policy": "signed"})

    def metadata(self, stored_input: StoredInput) -> Mapping[str, str]:
        key = (stored_input.key, stored_input.version_id)
        if key not in self.objects:
            raise FileNotFoundError("the input of the job is gone")
        return self.user_metadata[key]

    def delete(self, stored_input: StoredInput) -> None:
        self.objects.pop((stored_input.key, stored_input.version_id), None)


class FakeResultStore:
    """`ResultStore` in memory: CSV files by outcome, exports, and the JSON lines of every chunk's row errors."""

    def __init__(self) -> None:
        self.files: dict[tuple[UUID, Outcome], bytes] = {}
        self.exports: dict[tuple[UUID, ExportKind], bytes] = {}
        self.errors: dict[tuple[UUID, int], bytes] = {}
        self.summaries: dict[UUID, dict[str, Any]] = {}

    def download_link(
        self, job_id: UUID, outcome: Outcome, *, filename: str, file_format: FileFormat = FileFormat.CSV
    ) -> str | None:
        is_there = (
            (job_id, outcome) in self.files
            if file_format is FileFormat.CSV
            else (job_id, ExportKind(outcome, file_format)) in self.exports
        )
        return f"https://results.example/{job_id}/{outcome}?as={filename}" if is_there else None

    def read_errors(self, job_id: UUID, chunk: int, offset: int, length: int) -> bytes:
        if (job_id, chunk) not in self.errors:
            raise ResultsGoneError
        return self.errors[job_id, chunk][offset : offset + length]

    def read_result(self, job_id: UUID, outcome: Outcome, offset: int, length: int) -> bytes:
        if (job_id, outcome) not in self.files:
            raise ResultsGoneError
        return self.files[job_id, outcome][offset : offset + length]

    def get_summary(self, job_id: UUID) -> dict[str, Any] | None:
        return self.summaries.get(job_id)

    def delete_all(self, job_id: UUID) -> None:
        self.summaries.pop(job_id, None)
        self.files = {key: body for key, body in self.files.items() if key[0] != job_id}
        self.exports = {key: body for key, body in self.exports.items() if key[0] != job_id}
        self.errors = {key: body for key, body in self.errors.items() if key[0] != job_id}


class FakeWorkflow:
    """`Workflow` in memory; `end` and `lose` simulate the engine."""

    def __init__(self) -> None:
        self.executions: dict[UUID, Execution] = {}
        self.stopped: list[UUID] = []

    def execution_arn(self, job_id: UUID) -> str:
        return f"arn:aws:states:eu-central-1:123456789012:execution:score-jobs:{job_id}"

    def start(self, job: Job) -> None:
        self.executions.setdefault(job.id, Execution(state=ExecutionState.RUNNING))

    def stop(self, job_id: UUID, *, reason: str) -> bool:
        if self.describe(job_id).state is not ExecutionState.RUNNING:
            return False
        self.executions[job_id] = Execution(state=ExecutionState.ENDED, cause=reason)
        self.stopped.append(job_id)
        return True

    def describe(self, job_id: UUID) -> Execution:
        return self.executions.get(job_id, Execution(state=ExecutionState.UNKNOWN))

    def end(self, job_id: UUID, *, cause: str | None = None) -> None:
        """Ends the execution from outside."""
        self.executions[job_id] = Execution(state=ExecutionState.ENDED, cause=cause)

    def lose(self, job_id: UUID) -> None:
        """Removes the execution, as after its history has expired."""
        self.executions.pop(job_id, None)


@dataclass
class FakeAssembler:
    """`RequestAssembly` that records the requested jobs."""

    requested: list[UUID] = field(default_factory=list)

    def __call__(self, job_id: UUID) -> None:
        self.requested.append(job_id)


@dataclass
class FakeExporter:
    """`RequestExport` that records the requests; `error` is raised instead."""

    error: Exception | None = None
    requested: list[tuple[UUID, ExportKind, datetime]] = field(default_factory=list)

    def __call__(self, job_id: UUID, kind: ExportKind, claimed_at: datetime) -> None:
        if self.error is not None:
            raise self.error
        self.requested.append((job_id, kind, claimed_at))


@dataclass
class FakeExportFiles:
    """Writes and removes exports in a fake store; `before` is called first, and may raise."""

    results: FakeResultStore
    before: Callable[[], None] | None = None
    made: int = 0

    def write(self, job_id: UUID, kind: ExportKind) -> None:
        self.made += 1
        if self.before is not None:
            self.before()
        self.results.exports[job_id, kind] = b"export"

    def remove(self, job_id: UUID, kind: ExportKind) -> None:
        self.results.exports.pop((job_id, kind), None)


@dataclass
class FakePreparer:
    """`RequestRetryFile` that records the requested jobs; `error` is raised instead."""

    requested: list[UUID] = field(default_factory=list)
    error: Exception | None = None

    def __call__(self, job_id: UUID) -> None:
        if self.error is not None:
            raise self.error
        self.requested.append(job_id)


@dataclass
class FakeResultFiles:
    """`ResultFiles` of a job whose chunks have `rows_per_chunk` rows each; `lost_parts` are missing ones.

    With `are_lost` nothing is there to make files of.
    """

    rows_per_chunk: int = 5
    lost_parts: set[int] = field(default_factory=set)
    are_lost: bool = False
    assembled: list[JobView] = field(default_factory=list)
    notes: tuple[Note, ...] = ()

    def missing_parts(self, view: JobView) -> Sequence[int]:
        return sorted(self.lost_parts & view.progress.done)

    def row_ranges(self, view: JobView, chunks: Sequence[int]) -> Sequence[tuple[int, int]]:
        del view  # every chunk has the same size here
        ranges: list[tuple[int, int]] = []
        for chunk in sorted(chunks):
            first, last = chunk * self.rows_per_chunk + 1, (chunk + 1) * self.rows_per_chunk
            if ranges and ranges[-1][1] == first - 1:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((first, last))
        return ranges

    def assemble(self, view: JobView) -> Sequence[Note]:
        if self.are_lost:
            raise FileNotFoundError("gone")
        self.assembled.append(view)
        return self.notes


@dataclass
class FakeEventBus:
    """`EventBus` in memory. `accepts` is how many more events it takes before it refuses; None is all."""

    accepts: int | None = None
    events: list[StatusEvent] = field(default_factory=list)

    def put(self, events: Sequence[StatusEvent]) -> int:
        accepted = len(events) if self.accepts is None else min(self.accepts, len(events))
        if self.accepts is not None:
            self.accepts -= accepted
        self.events += events[:accepted]
        return accepted


class FakeIdempotencyKeys:
    """`IdempotencyKeys` in memory."""

    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}
        self._lock = Lock()

    def claim(self, claim: Claim, *, over: Claim | None = None) -> Claim | None:
        with self._lock:
            known = self.claims.get(claim.key)
            is_free = (
                over is not None and known is not None and known.attempt == over.attempt and known.response is None
            )
            if known is None or known.expires_at <= claim.claimed_at or is_free:
                self.claims[claim.key] = claim
                return None
            return known

    def finish(self, claim: Claim) -> bool:
        with self._lock:
            known = self.claims.get(claim.key)
            if known is None or known.attempt != claim.attempt:
                return False
            self.claims[claim.key] = claim
            return True

    def put_back_to_work(self) -> None:
        """Marks every claim as in flight again."""
        self.claims = {key: replace(claim, in_flight=True, response=None) for key, claim in self.claims.items()}


@dataclass
class FakeRowScorer:
    """`ScoreRows` that runs the score function's own code in this process; `error` is raised instead."""

    error: Exception | None = None
    given: list[GivenRows] = field(default_factory=list)

    def __call__(self, rows: GivenRows) -> dict[str, Any]:
        self.given.append(rows)
        if self.error is not None:
            raise self.error
        scored: dict[str, Any] = json.loads(json.dumps(score_given(json.loads(json.dumps(rows)))))
        return scored
