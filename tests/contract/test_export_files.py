"""Contract of stored exports: links, content types and deletion."""

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


def store_export(store: ResultStore, job_id: UUID, kind: ExportKind) -> None:
    if isinstance(store, FakeResultStore):
        store.exports[job_id, kind] = b"x"
    else:
        ResultsBucket(RESULTS).put_export(job_id, kind, BytesIO(b"x"))


def stored_kinds(store: ResultStore, job_id: UUID) -> list[ExportKind]:
    return [
        kind
        for kind in KINDS
        if store.download_link(job_id, kind.outcome, filename="f", file_format=kind.file_format) is not None
    ]


def test_each_export_has_its_own_download_link(store: ResultStore) -> None:
    job_id = uuid4()
    for number, kind in enumerate(KINDS, start=1):
        store_export(store, job_id, kind)
        assert stored_kinds(store, job_id) == KINDS[:number]
        assert store.download_link(job_id, kind.outcome, filename="f") is None


def test_delete_removes_exports_of_its_job_only(store: ResultStore) -> None:
    job_id, other = uuid4(), uuid4()
    for kind in KINDS:
        store_export(store, job_id, kind)
        store_export(store, other, kind)
    for _ in range(2):
        store.delete_all(job_id)
        assert (stored_kinds(store, job_id), stored_kinds(store, other)) == ([], KINDS)


@pytest.mark.parametrize(
    ("file_format", "content_type"),
    [
        (FileFormat.PARQUET, "application/vnd.apache.parquet"),
        (FileFormat.XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_stored_export_has_its_content_type_and_can_be_deleted(
    bucket: ResultsBucket, file_format: FileFormat, content_type: str
) -> None:
    job_id, kind = uuid4(), ExportKind(Outcome.ALL, file_format)
    bucket.put_export(job_id, kind, BytesIO(b"body"))
    response = clients.s3().get_object(Bucket=RESULTS, Key=f"exports/{job_id}/all.{file_format}")
    assert (response["Body"].read(), response["ContentType"]) == (b"body", content_type)
    for _ in range(2):
        bucket.delete_export(job_id, kind)
        assert clients.s3().list_objects_v2(Bucket=RESULTS).get("Contents", []) == []
