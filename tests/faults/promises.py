"""What must be true of every job at every moment and at its end, read from what is stored."""

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
from tests.faults.platform import API, Platform
from tests.faults.scenarios import End

_TERMINAL = {"completed", "failed"}
_ORDER = ("pending", "queued", "processing", "completed", "failed")


@dataclass
class Promises:
    """Watches the jobs of a platform. `broken` says, in words, which promise was broken."""

    platform: Platform
    broken: list[str] = field(default_factory=list)
    _seen: dict[UUID, tuple[str, tuple[float, ...]]] = field(default_factory=dict)

    def look(self) -> None:
        """What callers would see now, held against what they saw before."""
        for view in self._views():
            shown = job_summary(view.job, view.progress)
            numbers = tuple(shown[name] for name in ("total_rows", "processed_rows", "successful_rows", "failed_rows"))
            total, processed, successful, failed = numbers
            status, before = self._seen.get(view.job.id, ("pending", (0, 0, 0, 0)))
            self._hold(processed == successful + failed <= total, f"counts do not add up: {numbers}")
            self._hold(
                all(now >= then for now, then in zip(numbers, before, strict=True)), f"{before} became {numbers}"
            )
            is_next = _ORDER.index(shown["status"]) >= _ORDER.index(status) and (
                status not in _TERMINAL or shown["status"] == status
            )
            self._hold(is_next, f"{status} became {shown['status']}")
            self._hold(status not in _TERMINAL or numbers == before, f"{before} became {numbers} after the end")
            self._seen[view.job.id] = shown["status"], numbers

    def check_ends(self, ends: list[End]) -> None:
        """After one reconcile run: every job has ended, its rows are all there once, and these ended as they should."""
        self.platform.faults.is_paused = True
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
        self._check_answers()
        self._check_executions()
        self.platform.faults.is_paused = False

    def check_nothing_is_left(self) -> None:
        """After every job was deleted and one reconcile run: tombstones, and nothing else."""
        self.platform.faults.is_paused = True
        for view in self._views():
            self.platform.request("DELETE", f"{API}/jobs/{view.job.id}")
        self.platform.publish()
        self.platform.pass_time(minutes=20)
        self.platform.reconcile()
        self._check_published()
        system = self.platform.system
        for bucket in (system.uploads_bucket, system.results_bucket):
            self._hold(not system.objects(bucket), f"{system.objects(bucket)} were left")
        for item in self._items():
            self._hold(is_tombstone(item) and "unsettled" not in item, f"{item['pk']} {item['sk']} was left")

    def _check_end(self, view: JobView) -> None:
        job = view.job
        self._hold(job.status.is_terminal, f"stuck in {job.status}")
        if job.stored_input is None:
            return
        self._hold(job.results_ready, f"{job.status} without its files")
        if not job.results_ready:
            return
        if job.total_rows is None:
            self._hold(bool(self._object(job, "unprocessed.csv")), "the input was not given back")
            return
        rows = {outcome: self._rows(job, outcome) for outcome in ("successful", "failed", "unprocessed", "all")}
        times = Counter(row for outcome in ("successful", "failed", "unprocessed") for row in rows[outcome])
        wanted = list(range(1, job.total_rows + 1))
        self._hold(sorted(times) == wanted, f"rows lost: {len(times)} of {job.total_rows}")
        self._hold(set(times.values()) <= {1}, "rows twice")
        self._hold(rows["all"] == wanted, f"{len(rows['all'])} rows in the file of all")
        counted = (job.final_successful_rows, job.final_failed_rows)
        self._hold(counted == (len(rows["successful"]), len(rows["failed"])), f"counted {counted}, stored otherwise")
        self._hold(self._error_lines(view) == len(rows["failed"]), "row errors and failed rows differ")

    def _check_expected(self, job: Job, end: End) -> None:
        found = (job.status, job.error_code, job.cancelled)
        self._hold(found == (end.status, end.error_code, end.cancelled), f"ended as {found}, not as {end}")
        for count, wanted in ((job.final_successful_rows, end.successful), (job.final_failed_rows, end.failed)):
            self._hold(wanted in {None, count}, f"{count} rows counted, not {wanted}")

    def _check_answers(self) -> None:
        for method, path, status in self.platform.answers:
            self._hold(status < 500 or status == 503, f"{method} {path} answered {status}")

    def _check_executions(self) -> None:
        names = Counter(execution.name for execution in self.platform.executions())
        self._hold(set(names.values()) <= {1}, "a job has two executions")
        self._hold(set(names) <= {str(job_id) for job_id in self._seen}, "an execution is nobody's")

    def _check_published(self) -> None:
        """Every job's last status went out, and none after a later one."""
        told: dict[str, list[str]] = {}
        for call in self.platform.faults.calls:
            if call.operation == "PutEvents":
                for entry in call.parameters["Entries"]:
                    detail: Mapping[str, Any] = json.loads(entry["Detail"])
                    told.setdefault(detail["id"], []).append(detail["status"])
        for job_id, (status, _) in self._seen.items():
            statuses = told.get(str(job_id), [])
            self._hold(status in statuses, f"{status} was told to nobody, only {statuses}")
            first_told = list(dict.fromkeys(statuses))
            self._hold(first_told == sorted(first_told, key=_ORDER.index), f"told out of order: {statuses}")

    def _hold(self, promise: bool, otherwise: str) -> None:  # noqa: FBT001  what is promised
        if not promise:
            self.broken.append(otherwise)

    def _items(self) -> list[dict[str, Any]]:
        items = [item.to_json()["Attributes"] for item in self.platform.table().all_items()]
        # The other partitions find jobs by their files and answers by their keys, and expire by themselves.
        return [decode(item) for item in items if item["pk"]["S"].startswith("JOB#")]

    def _views(self) -> list[JobView]:
        return decode_views(self._items())

    def _object(self, job: Job, name: str) -> bytes:
        key = f"results/{job.id}/{name}"
        try:
            return clients.s3().get_object(Bucket=self.platform.system.results_bucket, Key=key)["Body"].read()
        except clients.s3().exceptions.NoSuchKey:
            self.broken.append(f"{name} is not there")
            return b""

    def _rows(self, job: Job, outcome: str) -> list[int]:
        text = self._object(job, f"{outcome}.csv").decode()
        return [int(row["row"]) for row in csv.DictReader(io.StringIO(text))]

    def _error_lines(self, view: JobView) -> int:
        chunks = view.progress.with_failures
        return sum(self._object(view.job, f"errors/{chunk:06d}").count(b"\n") for chunk in chunks)
