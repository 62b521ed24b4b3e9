"""Where exports are kept, and that they go with their job."""

from collections.abc import Iterator
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from moto import mock_aws

from shared.aws import clients
from shared.aws.results_bucket import ResultsBucket
from shared.jobs.job import ExportKind, FileFormat, Outcome
from shared.jobs.ports import ResultStore
from tests.aws_resources import RESULTS, create_buckets
from tests.fakes import FakeResultStore

KINDS = [ExportKind(outcome, form) for outcome in Outcome for form in (FileFormat.PARQUET, FileFormat.XLSX)]


@pytest.fixture
def bucket() -> Iterator[ResultsBucket]:
    with mock_aws():
        create_buckets()
        yield ResultsBucket(RESULTS)


@pytest.fixture(params=["fake", "moto"])
def store(request: pytest.FixtureRequest) -> ResultStore:
    if request.param == "fake":
        return FakeResultStore()
    request.getfixturevalue("bucket")
    return ResultsBucket(RESULTS)


def keep(store: ResultStore, job_id: UUID, kind: ExportKind) -> None:
    if isinstance(store, FakeResultStore):
        store.exports[job_id, kind] = b"x"
    else:
        ResultsBucket(RESULTS).put_export(job_id, kind, BytesIO(b"x"))


def kept(store: ResultStore, job_id: UUID) -> list[ExportKind]:
    return [
        kind
        for kind in KINDS
        if store.download_link(job_id, kind.outcome, filename="f", file_format=kind.file_format) is not None
    ]


def test_each_is_a_file_of_its_own_and_none_is_the_csv(store: ResultStore) -> None:
    job_id = uuid4()
    for number, kind in enumerate(KINDS, start=1):
        keep(store, job_id, kind)
        assert kept(store, job_id) == KINDS[:number]
        assert store.download_link(job_id, kind.outcome, filename="f") is None


def test_a_delete_takes_those_of_the_job_and_no_other(store: ResultStore) -> None:
    job_id, other = uuid4(), uuid4()
    for kind in KINDS:
        keep(store, job_id, kind)
        keep(store, other, kind)
    for _ in range(2):
        store.delete_all(job_id)
        assert (kept(store, job_id), kept(store, other)) == ([], KINDS)


@pytest.mark.parametrize(
    ("file_format", "content_type"),
    [
        (FileFormat.PARQUET, "application/vnd.apache.parquet"),
        (FileFormat.XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_an_export_says_what_it_is_and_can_be_taken_back(
    bucket: ResultsBucket, file_format: FileFormat, content_type: str
) -> None:
    job_id, kind = uuid4(), ExportKind(Outcome.ALL, file_format)
    bucket.put_export(job_id, kind, BytesIO(b"body"))
    answer = clients.s3().get_object(Bucket=RESULTS, Key=f"exports/{job_id}/all.{file_format}")
    assert (answer["Body"].read(), answer["ContentType"]) == (b"body", content_type)
    for _ in range(2):
        bucket.delete_export(job_id, kind)
        assert clients.s3().list_objects_v2(Bucket=RESULTS).get("Contents", []) == []
