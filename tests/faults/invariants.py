"""Invariants of every job during a run and at its end, checked on the stored data."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.aws import clients
from shared.aws.job_items import decode_views, is_tombstone
from shared.aws.table_keys import decode
from shared.jobs.job import Job
from shared.jobs.progress import JobView
from shared.jobs.representations import job_summary
from tests.faults.scenarios import End
from tests.faults.simulated_platform import API, Platform

_TERMINAL = {"completed", "failed"}
_ORDER = ("pending", "queued", "processing", "completed", "failed")


@dataclass
class Invariants:
    """Checks the jobs of a platform. `broken` lists the violated invariants as sentences."""

    platform: Platform
    broken: list[str] = field(default_factory=list)
    _seen: dict[UUID, tuple[str, tuple[float, ...]]] = field(default_factory=dict)

    def check_progress(self) -> None:
        """Compares what callers see now with what they saw before."""
        for view in self._views():
            shown = job_summary(view.job, view.progress)
            numbers = tuple(shown[name] for name in ("total_rows", "processed_rows", "successful_rows", "failed_rows"))
            total, processed, successful, failed = numbers
            status, before = self._seen.get(view.job.id, ("pending", (0, 0, 0, 0)))
            self._expect(processed == successful + failed <= total, f"counts do not add up: {numbers}")
            self._expect(
                all(now >= then for now, then in zip(numbers, before, strict=True)), f"{before} became {numbers}"
            )
            is_next = _ORDER.index(shown["status"]) >= _ORDER.index(status) and (
                status not in _TERMINAL or shown["status"] == status
            )
            self._expect(is_next, f"{status} became {shown['status']}")
            self._expect(status not in _TERMINAL or numbers == before, f"{before} became {numbers} after the end")
            self._seen[view.job.id] = shown["status"], numbers

    def check_ends(self, ends: list[End]) -> None:
        """Checks after one reconcile run that every job has ended, has each row once, and has its expected end."""
        self.platform.fault_injector.is_paused = True
        self.platform.publish()
        self.platform.pass_time(hours=25)
        self.platform.reconcile()
        views = {str(view.job.id): view for view in self._views()}
        for view in views.values():
            self._check_end(view)
        for end in ends:
            if end.job_id not in views:
                self.broken.append("an accepted job is gone")
                continue
            self._check_expected(views[end.job_id].job, end)
        self._check_responses()
        self._check_executions()
        self.platform.fault_injector.is_paused = False

    def check_nothing_is_left(self) -> None:
        """Checks that only tombstones are left after all jobs were deleted and one reconcile run."""
        self.platform.fault_injector.is_paused = True
        for view in self._views():
            self.platform.request("DELETE", f"{API}/jobs/{view.job.id}")
        self.platform.publish()
        self.platform.pass_time(minutes=20)
        self.platform.reconcile()
        self._check_published()
        system = self.platform.system
        for bucket in (system.uploads_bucket, system.results_bucket):
            self._expect(not system.objects(bucket), f"{system.objects(bucket)} were left")
        for item in self._items():
            self._expect(is_tombstone(item) and "unsettled" not in item, f"{item['pk']} {item['sk']} was left")

    def _check_end(self, view: JobView) -> None:
        job = view.job
        self._expect(job.status.is_terminal, f"stuck in {job.status}")
        if job.stored_input is None:
            return
        self._expect(job.results_ready, f"{job.status} without its files")
        if not job.results_ready:
            return
        if job.total_rows is None:
            self._expect(bool(self._object(job, "unprocessed.csv")), "the input is not available as unprocessed")
            return
        rows = {outcome: self._rows(job, outcome) for outcome in ("successful", "failed", "unprocessed", "all")}
        times = Counter(row for outcome in ("successful", "failed", "unprocessed") for row in rows[outcome])
        wanted = list(range(1, job.total_rows + 1))
        self._expect(sorted(times) == wanted, f"rows lost: {len(times)} of {job.total_rows}")
        self._expect(set(times.values()) <= {1}, "rows twice")
        self._expect(rows["all"] == wanted, f"{len(rows['all'])} rows in the file of all")
        counted = (job.final_successful_rows, job.final_failed_rows)
        self._expect(counted == (len(rows["successful"]), len(rows["failed"])), f"counted {counted}, stored otherwise")
        self._expect(self._error_lines(view) == len(rows["failed"]), "row errors and failed rows differ")

    def _check_expected(self, job: Job, end: End) -> None:
        found = (job.status, job.error_code, job.cancelled)
        self._expect(found == (end.status, end.error_code, end.cancelled), f"ended as {found}, not as {end}")
        for count, wanted in ((job.final_successful_rows, end.successful), (job.final_failed_rows, end.failed)):
            self._expect(wanted in {None, count}, f"{count} rows counted, not {wanted}")

    def _check_responses(self) -> None:
        for method, path, status in self.platform.responses:
            self._expect(status < 500 or status == 503, f"{method} {path} returned {status}")

    def _check_executions(self) -> None:
        names = Counter(execution.name for execution in self.platform.executions())
        self._expect(set(names.values()) <= {1}, "a job has two executions")
        self._expect(set(names) <= {str(job_id) for job_id in self._seen}, "an execution belongs to no job")

    def _check_published(self) -> None:
        """Checks that every job's last status was published, and its statuses in order."""
        published: dict[str, list[str]] = {}
        for call in self.platform.fault_injector.calls:
            if call.operation == "PutEvents":
                for entry in call.parameters["Entries"]:
                    detail: Mapping[str, Any] = json.loads(entry["Detail"])
                    published.setdefault(detail["id"], []).append(detail["status"])
        for job_id, (status, _) in self._seen.items():
            statuses = published.get(str(job_id), [])
            self._expect(status in statuses, f"{status} was not published, only {statuses}")
            in_order = list(dict.fromkeys(statuses))
            self._expect(in_order == sorted(in_order, key=_ORDER.index), f"published out of order: {statuses}")

    def _expect(self, condition: bool, otherwise: str) -> None:  # noqa: FBT001  reads like assert
        if not condition:
            self.broken.append(otherwise)

    def _items(self) -> list[dict[str, Any]]:
        items = [item.to_json()["Attributes"] for item in self.platform.table().all_items()]
        # Items of other partitions (content hashes and idempotency keys) expire by their TTL.
        return [decode(item) for item in items if item["pk"]["S"].startswith("JOB#")]

    def _views(self) -> list[JobView]:
        return decode_views(self._items())

    def _object(self, job: Job, name: str) -> bytes:
        key = f"results/{job.id}/{name}"
        try:
            return clients.s3().get_object(Bucket=self.platform.system.results_bucket, Key=key)["Body"].read()
        except clients.s3().exceptions.NoSuchKey:
            self.broken.append(f"{name} does not exist")
            return b""

    def _rows(self, job: Job, outcome: str) -> list[int]:
        text = self._object(job, f"{outcome}.csv").decode()
        return [int(row["row"]) for row in csv.DictReader(io.StringIO(text))]

    def _error_lines(self, view: JobView) -> int:
        chunks = view.progress.with_failures
        return sum(self._object(view.job, f"errors/{chunk:06d}").count(b"\n") for chunk in chunks)
