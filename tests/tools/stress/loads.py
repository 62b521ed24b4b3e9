"""Loads on the local cloud, and checks of their jobs against the rows sent."""

import csv
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from default_risk_jobs import TERMINAL, JobsClient
from default_risk_jobs.types import JobSummary
from infra.local import panel
from infra.local.cloud import LocalCloud
from tests.tools.benchmarks.inputs import company_csv, company_rows

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_OUTCOMES = ("successful", "failed", "unprocessed", "all")
_SENDERS = 8
_POLL_SECONDS = 1.0
_ROWS_OF_A_BLOCK = 5_000

Say = Callable[[str], None]


class CheckFailedError(Exception):
    """A job got stuck, a row was lost, or a count decreased."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A file that was sent, and the counts that its job must have."""

    filename: str
    rows: int
    failed: int


@dataclass
class Watched:
    """The jobs of a load as callers see them, checked against their previous states."""

    seen: dict[str, JobSummary] = field(default_factory=dict)

    def see(self, job: JobSummary) -> None:
        """Adds a new state of a job. Raises `CheckFailedError`."""
        before = self.seen.get(job["id"])
        name = job["original_filename"]
        _check(job["processed_rows"] == job["successful_rows"] + job["failed_rows"], f"{name}: counts do not add up")
        _check(job["processed_rows"] <= job["total_rows"], f"{name}: more rows processed than there are")
        is_whole = job["progress_percentage"] == 100
        _check(not is_whole or job["status"] in TERMINAL, f"{name}: at 100 % and {job['status']}")
        if before is not None:
            has_fallen = any(now < then for now, then in zip(_counts(job), _counts(before), strict=True))
            _check(not has_fallen, f"{name}: {_counts(before)} became {_counts(job)}")
            ended = before["status"] in TERMINAL
            _check(not ended or job["status"] == before["status"], f"{name}: {before['status']} became {job['status']}")
        self.seen[job["id"]] = job

    @property
    def ended(self) -> int:
        """Returns the number of ended jobs."""
        return sum(job["status"] in TERMINAL for job in self.seen.values())


def small_files(count: int, *, prefix: str) -> dict[Sent, bytes]:
    """Returns different files of about twenty rows, one row of each invalid."""
    files = {}
    for number in range(count):
        rows = 20 + number % 5
        body = panel.as_csv(panel.statement_rows(rows, seed=number, invalid=1), panel.STATEMENT_COLUMNS)
        files[Sent(filename=f"{prefix}-{number:04d}.csv", rows=rows, failed=1)] = body
    return files


def upload_all(client: JobsClient, files: dict[Sent, bytes]) -> None:
    """Uploads the files through the API, several at a time."""
    with ThreadPoolExecutor(_SENDERS) as senders:
        list(senders.map(lambda item: client.upload("annual", item[0].filename, item[1]), files.items()))


def drop_all(cloud: LocalCloud, files: dict[Sent, bytes]) -> None:
    """Puts the files into the drop folder, several at a time."""
    with closing(cloud.session().client("s3", endpoint_url=cloud.endpoint_url)) as s3:

        def drop(item: tuple[Sent, bytes]) -> None:
            s3.put_object(Bucket=cloud.uploads_bucket, Key=f"drop/acme/annual/{item[0].filename}", Body=item[1])

        with ThreadPoolExecutor(_SENDERS) as senders:
            list(senders.map(drop, files.items()))


def large_file(path: Path, rows: int) -> Sent:
    """Writes a file of `rows` rows, a multiple of 5,000, in blocks of 5,000."""
    block = company_rows(_ROWS_OF_A_BLOCK)
    header, _, records = company_csv(block).partition(b"\n")
    blocks, rest = divmod(rows, _ROWS_OF_A_BLOCK)
    assert not rest
    with path.open("wb") as file:
        file.write(header + b"\n")
        for _ in range(blocks):
            file.write(records)
    return Sent(filename=path.name, rows=rows, failed=100 * blocks)


def watch(client: JobsClient, jobs: int, *, prefix: str, within_seconds: float, say: Say) -> Watched:
    """Polls the jobs whose file names have the prefix until all have ended. Raises `CheckFailedError`."""
    watched = Watched()
    deadline = time.monotonic() + within_seconds
    reported = -1
    while watched.ended < jobs:
        _check(time.monotonic() < deadline, f"{jobs - watched.ended} of {jobs} jobs are stuck after {within_seconds} s")
        for job in client.iter_jobs(filename_contains=prefix, limit=100):
            watched.see(job)
        if watched.ended != reported:
            reported = watched.ended
            say(f"{reported:,} of {jobs:,} jobs ended")
        time.sleep(_POLL_SECONDS)
    return watched


class Checks:
    """Checks ended jobs against the rows sent, reading their files directly from storage."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self._cloud = cloud
        self._folder = folder

    def check(self, watched: Watched, sent: Sequence[Sent]) -> None:
        """Checks that every file is one job with the right status, counts and rows. Raises `CheckFailedError`."""
        by_name = {job["original_filename"]: job for job in watched.seen.values()}
        _check(len(by_name) == len(watched.seen) == len(sent), f"{len(watched.seen)} jobs of {len(sent)} files")
        with closing(self._cloud.session().client("s3", endpoint_url=self._cloud.endpoint_url)) as s3:
            for file in sent:
                self._check_job(s3, by_name[file.filename], file)

    def check_rest(self) -> None:
        """Checks that no execution and no unsettled job is left. Raises `CheckFailedError`."""
        session, endpoint = self._cloud.session(), self._cloud.endpoint_url
        with closing(session.client("stepfunctions", endpoint_url=endpoint)) as workflow:
            running = workflow.list_executions(stateMachineArn=self._cloud.state_machine_arn, statusFilter="RUNNING")
        _check(not running["executions"], f"{len(running['executions'])} executions are still running")
        with closing(session.client("dynamodb", endpoint_url=endpoint)) as dynamodb:
            unsettled = dynamodb.scan(TableName=self._cloud.table, IndexName="by_due_at")["Count"]
        _check(not unsettled, f"{unsettled} jobs are unsettled")

    def _check_job(self, s3: "S3Client", job: JobSummary, file: Sent) -> None:
        name = file.filename
        found = (job["status"], job["total_rows"], job["successful_rows"], job["failed_rows"])
        wanted = ("completed", file.rows, file.rows - file.failed, file.failed)
        _check(found == wanted, f"{name}: {found} instead of {wanted}: {job['error_message']}")
        rows = {outcome: self._row_numbers(s3, job["id"], outcome) for outcome in _OUTCOMES}
        _check(len(rows["failed"]) == file.failed, f"{name}: {len(rows['failed'])} rows in the file of failed rows")
        _check(not rows["unprocessed"], f"{name}: {len(rows['unprocessed'])} rows were not processed")
        every = list(range(1, file.rows + 1))
        _check(rows["all"] == every, f"{name}: rows of the file of all are lost, doubled or out of order")
        _check(sorted(rows["successful"] + rows["failed"]) == every, f"{name}: rows are lost or doubled")

    def _row_numbers(self, s3: "S3Client", job_id: str, outcome: str) -> list[int]:
        path = self._folder / "result.csv"
        s3.download_file(self._cloud.results_bucket, f"results/{job_id}/{outcome}.csv", str(path))
        with path.open(newline="") as file:
            rows = csv.reader(file)
            column = next(rows).index("row")
            return [int(row[column]) for row in rows]


def _counts(job: JobSummary) -> tuple[float, ...]:
    return (
        job["total_rows"],
        job["processed_rows"],
        job["successful_rows"],
        job["failed_rows"],
        job["progress_percentage"],
    )


def _check(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - the checked condition
    if not condition:
        raise CheckFailedError(otherwise)
