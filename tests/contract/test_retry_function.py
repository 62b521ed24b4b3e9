"""The retry function on its AWS adapters: large files, missing files and a failure at each of its calls."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from botocore.exceptions import ConnectionClosedError
from moto import mock_aws

from functions.retry import handler as retry_function
from shared.aws import clients, results_bucket
from shared.aws.jobs_table import JobsTable
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.errors import UnavailableError
from shared.jobs.job import Job, JobStatus, Outcome
from shared.jobs.uploads import upload_key
from tests.aws_resources import RESULTS, TABLE, UPLOADS, create_buckets, create_table
from tests.builders import a_completed_job, a_retry, a_retry_job
from tests.invocation import InvocationContext

MEBIBYTE = 1024 * 1024
INPUT = b"company_symbol,market_cap"
ROW_ERROR = b"invalid_market_cap,market_cap,Invalid market cap value,[]"


@pytest.fixture(autouse=True)
def aws_resources(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {"TABLE_NAME": TABLE, "UPLOADS_BUCKET": UPLOADS, "RESULTS_BUCKET": RESULTS}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        create_table()
        create_buckets()
        retry_function._preparation.cache_clear()
        yield
    retry_function._preparation.cache_clear()


def store() -> JobsTable:
    return JobsTable(client=clients.dynamodb, table=TABLE)


def results() -> ResultsBucket:
    return ResultsBucket(client=clients.s3, bucket=RESULTS)


def a_waiting_retry(**overrides: Any) -> Job:
    """Creates a retry job and its parent's files with three failed and two unprocessed rows."""
    parent = a_completed_job()
    put(parent)
    results().assemble(
        parent.id,
        Outcome.FAILED,
        [
            b"%b,row,code,column,error,errors\n" % INPUT,
            *(b"F%d,x,%d,%b\n" % (row, row, ROW_ERROR) for row in (2, 3, 9)),
        ],
    )
    results().assemble(
        parent.id, Outcome.UNPROCESSED, [b"%b,row\n" % INPUT, *(b"U%d,1,%d\n" % (row, row) for row in (1, 7))]
    )
    child = a_retry_job(parent_job_id=parent.id, **overrides)
    store().create(child)
    return child


RETRY_FILE = b"%b,source_row\nU1,1,1\nF2,x,2\nF3,x,3\nU7,1,7\nF9,x,9\n" % INPUT


def put(parent: Job) -> None:
    """Stores the parent job with its result files marked as ready."""
    store().create(parent)
    clients.dynamodb().update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"JOB#{parent.id}"}, "sk": {"S": "JOB"}},
        UpdateExpression="SET results_ready = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )


def prepare(job_id: UUID) -> None:
    retry_function.handler({"job_id": str(job_id)}, InvocationContext())


def stored(job_id: UUID) -> list[bytes]:
    """Returns the body of every stored version of the retry file."""
    s3 = clients.s3()
    versions = s3.list_object_versions(Bucket=UPLOADS, Prefix=upload_key(job_id)).get("Versions", [])
    return [
        s3.get_object(Bucket=UPLOADS, Key=upload_key(job_id), VersionId=version["VersionId"])["Body"].read()
        for version in versions
    ]


class Crash:
    """Counts the calls of the AWS clients and fails one of them, before its request or after its response."""

    def __init__(self, *, at: int = 0, when: str = "before") -> None:
        self.calls = 0
        self._at = at
        self._when = when

    def __enter__(self) -> "Crash":
        for client in (clients.dynamodb(), clients.s3()):
            client.meta.events.register("before-call", self._before, "crash-before")
            client.meta.events.register("after-call", self._after, "crash-after")
        return self

    def __exit__(self, *_: object) -> None:
        for client in (clients.dynamodb(), clients.s3()):
            client.meta.events.unregister("before-call", unique_id="crash-before")
            client.meta.events.unregister("after-call", unique_id="crash-after")

    def _before(self, **_call: Any) -> None:
        self.calls += 1
        self._lose("before")

    def _after(self, **_call: Any) -> None:
        self._lose("after")

    def _lose(self, when: str) -> None:
        if (self.calls, when) == (self._at, self._when):
            raise ConnectionClosedError(endpoint_url="https://aws.example")


def crash_points(run: Callable[[], None]) -> list[tuple[int, str]]:
    with Crash() as counted:
        run()
    assert counted.calls >= 5
    return [(call, when) for call in range(1, counted.calls + 1) for when in ("before", "after")]


@pytest.mark.parametrize("whole", [False, True], ids=["rows", "whole"])
def test_retry_file_is_written_after_a_crash_at_any_call(whole: bool) -> None:  # noqa: FBT001 - a case
    retry = a_retry(is_whole_input=whole)
    wanted = b"%b,row\nU1,1,1\nU7,1,7\n" % INPUT if whole else RETRY_FILE
    first = a_waiting_retry(retry=retry)
    for at, when in crash_points(lambda: prepare(first.id)):
        child = a_waiting_retry(retry=retry)
        with Crash(at=at, when=when), pytest.raises(UnavailableError):
            prepare(child.id)
        view = store().get(child.id)
        assert view is not None
        assert view.job == child
        assert stored(child.id) in ([], [wanted]), (at, when)
        prepare(child.id)
        assert set(stored(child.id)) == {wanted}
        assert clients.s3().list_multipart_uploads(Bucket=UPLOADS).get("Uploads", []) == []


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNPROCESSED])
def test_retry_job_fails_without_its_result_files_and_stores_no_file(outcome: Outcome) -> None:
    child = a_waiting_retry()
    clients.s3().delete_object(Bucket=RESULTS, Key=f"results/{child.parent_job_id}/{outcome}.csv")
    prepare(child.id)
    view = store().get(child.id)
    assert view is not None
    assert (view.job.status, view.job.error_code) == (JobStatus.FAILED, "retry_not_prepared")
    assert stored(child.id) == []


def test_retry_job_fails_when_its_input_is_gone() -> None:
    child = a_waiting_retry(retry=a_retry(is_whole_input=True))
    clients.s3().delete_object(Bucket=RESULTS, Key=f"results/{child.parent_job_id}/unprocessed.csv")
    prepare(child.id)
    view = store().get(child.id)
    assert view is not None
    assert view.job.error_code == "retry_not_prepared"


@pytest.mark.parametrize("size", [0, 1, 8 * MEBIBYTE - 1, 8 * MEBIBYTE, 20 * MEBIBYTE + 7])
def test_file_of_any_size_is_stored_from_its_blocks(size: int) -> None:
    job_id = uuid4()
    body = bytes(range(251)) * (size // 251 + 1)
    blocks = (body[start : min(start + 999_983, size)] for start in range(0, size, 999_983))
    UploadBucket(client=clients.s3, bucket=UPLOADS).put_blocks(job_id, blocks)
    assert stored(job_id) == [body[:size]]


@pytest.mark.parametrize("blocks_before", [0, 12])
def test_file_whose_blocks_fail_is_not_stored(blocks_before: int) -> None:
    def blocks() -> Iterator[bytes]:
        for _ in range(blocks_before):
            yield b"x" * MEBIBYTE
        raise FileNotFoundError("gone")

    job_id = uuid4()
    with pytest.raises(FileNotFoundError, match="gone"):
        UploadBucket(client=clients.s3, bucket=UPLOADS).put_blocks(job_id, blocks())
    assert stored(job_id) == []
    assert clients.s3().list_multipart_uploads(Bucket=UPLOADS).get("Uploads", []) == []


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 20, 25])
def test_result_file_is_read_in_blocks_to_its_end(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(results_bucket, "_BLOCK_BYTES", 10)
    job_id, body = uuid4(), bytes(range(size))
    results().assemble(job_id, Outcome.FAILED, [body])
    assert b"".join(results().result_blocks(job_id, Outcome.FAILED)) == body
    with pytest.raises(FileNotFoundError):
        list(results().result_blocks(job_id, Outcome.UNPROCESSED))
