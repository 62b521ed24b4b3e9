"""Contract of `UploadStore` and `ResultStore`, and further behavior of the S3 buckets."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from shared.aws import clients, results_bucket
from shared.aws.result_keys import Part
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.errors import ResultsGoneError
from shared.jobs.job import Outcome, StoredInput
from shared.jobs.ports import ResultStore, UploadStore
from shared.jobs.uploads import upload_key
from tests.aws_resources import RESULTS, UPLOADS, create_buckets
from tests.fakes import FakeResultStore, FakeUploadStore

MEBIBYTE = 1024 * 1024


@pytest.fixture
def buckets() -> Iterator[None]:
    with mock_aws():
        create_buckets()
        yield


@dataclass
class Uploads:
    """An upload store and a function that returns all stored versions of a key, oldest first."""

    store: UploadStore
    versions: Callable[[str], list[tuple[StoredInput, bytes]]]


def versions_in_s3(key: str) -> list[tuple[StoredInput, bytes]]:
    s3 = clients.s3()
    entries = s3.list_object_versions(Bucket=UPLOADS, Prefix=key).get("Versions", [])
    return [
        (
            StoredInput(key=key, version_id=entry["VersionId"], size=entry["Size"]),
            s3.get_object(Bucket=UPLOADS, Key=key, VersionId=entry["VersionId"])["Body"].read(),
        )
        for entry in reversed(entries)
    ]


@pytest.fixture(params=["fake", "moto"])
def stored_uploads(request: pytest.FixtureRequest) -> Uploads:
    if request.param == "fake":
        fake = FakeUploadStore()
        return Uploads(
            fake,
            lambda wanted: [
                (StoredInput(key=key, version_id=version, size=len(body)), body)
                for (key, version), body in fake.objects.items()
                if key == wanted
            ],
        )
    request.getfixturevalue("buckets")
    return Uploads(UploadBucket(client=clients.s3, bucket=UPLOADS), versions_in_s3)


class TestUploads:
    def test_upload_is_stored_under_the_key_of_its_job(self, stored_uploads: Uploads) -> None:
        job_id = uuid4()
        stored_uploads.store.put(job_id, b"a,b\n1,2\n")
        assert [body for _, body in stored_uploads.versions(upload_key(job_id))] == [b"a,b\n1,2\n"]

    def test_metadata_of_a_missing_version_is_reported_as_missing(self, stored_uploads: Uploads) -> None:
        job_id = uuid4()
        stored_uploads.store.put(job_id, b"a")
        [(stored, _)] = stored_uploads.versions(upload_key(job_id))
        assert stored_uploads.store.metadata(stored) == {}
        stored_uploads.store.delete(stored)
        with pytest.raises(FileNotFoundError):
            stored_uploads.store.metadata(stored)

    def test_delete_removes_one_version_only(self, stored_uploads: Uploads) -> None:
        job_id = uuid4()
        for body in (b"first", b"second", b"third"):
            stored_uploads.store.put(job_id, body)
        key = upload_key(job_id)
        [_, (second, _), _] = stored_uploads.versions(key)
        for _ in range(2):
            stored_uploads.store.delete(second)
            assert [body for _, body in stored_uploads.versions(key)] == [b"first", b"third"]

    def test_presigned_form_has_the_key_of_its_job(self, stored_uploads: Uploads) -> None:
        job_id = uuid4()
        form = stored_uploads.store.presign(job_id, max_bytes=1000, expires_in_seconds=60, content_sha256=None)
        assert form.url.startswith("https://")
        assert form.fields["key"] == upload_key(job_id)


@pytest.fixture(params=["fake", "moto"])
def result_store(request: pytest.FixtureRequest) -> ResultStore:
    if request.param == "fake":
        return FakeResultStore()
    request.getfixturevalue("buckets")
    return ResultsBucket(client=clients.s3, bucket=RESULTS)


def store_results(
    store: ResultStore, job_id: object, *, outcome: Outcome | None = None, errors: bytes | None = None
) -> None:
    """Stores a result file, or the row errors of chunk 3."""
    if isinstance(store, FakeResultStore):
        if outcome:
            store.files[job_id, outcome] = b"x"  # type: ignore[index]
        if errors is not None:
            store.errors[job_id, 3] = errors  # type: ignore[index]
    elif isinstance(store, ResultsBucket):
        if outcome:
            store.assemble(job_id, outcome, [b"x"])  # type: ignore[arg-type]
        if errors is not None:
            store.put_part(job_id, 3, Part.ERRORS, errors)  # type: ignore[arg-type]


class TestResults:
    def test_download_link_exists_for_existing_files_only(self, result_store: ResultStore) -> None:
        job_id = uuid4()
        store_results(result_store, job_id, outcome=Outcome.FAILED)
        link = result_store.download_link(job_id, Outcome.FAILED, filename="f.csv")
        assert link is not None
        assert link.startswith("https://")
        assert result_store.download_link(job_id, Outcome.ALL, filename="f.csv") is None
        assert result_store.download_link(uuid4(), Outcome.FAILED, filename="f.csv") is None

    def test_row_errors_are_read_by_range_up_to_their_end(self, result_store: ResultStore) -> None:
        job_id = uuid4()
        store_results(result_store, job_id, errors=b"0123456789")
        for offset, length in ((0, 4), (3, 1), (8, 5), (10, 5), (11, 1), (0, 100)):
            assert result_store.read_errors(job_id, 3, offset, length) == b"0123456789"[offset : offset + length], (
                offset,
                length,
            )

    def test_empty_row_errors_are_read_as_empty_bytes(self, result_store: ResultStore) -> None:
        job_id = uuid4()
        store_results(result_store, job_id, errors=b"")
        assert result_store.read_errors(job_id, 3, 0, 10) == b""

    def test_row_errors_of_deleted_job_raise_results_gone(self, result_store: ResultStore) -> None:
        job_id = uuid4()
        store_results(result_store, job_id, errors=b"x")
        result_store.delete_all(job_id)
        with pytest.raises(ResultsGoneError):
            result_store.read_errors(job_id, 3, 0, 10)

    def test_result_file_is_read_by_range_until_its_job_is_deleted(self, result_store: ResultStore) -> None:
        job_id = uuid4()
        store_results(result_store, job_id, outcome=Outcome.SUCCESSFUL)
        pieces = [result_store.read_result(job_id, Outcome.SUCCESSFUL, offset, 5) for offset in (0, 1, 2)]
        assert pieces == [b"x", b"", b""]
        result_store.delete_all(job_id)
        with pytest.raises(ResultsGoneError):
            result_store.read_result(job_id, Outcome.SUCCESSFUL, 0, 5)

    def test_summary_is_kept_until_its_job_is_deleted(self, result_store: ResultStore) -> None:
        job_id, summary = uuid4(), {"rows": 1, "by_sector": [{"sector": "Žižkov"}]}
        assert result_store.get_summary(job_id) is None
        if isinstance(result_store, ResultsBucket):
            result_store.put_summary(job_id, summary)
        elif isinstance(result_store, FakeResultStore):
            result_store.summaries[job_id] = summary
        assert result_store.get_summary(job_id) == summary
        result_store.delete_all(job_id)
        assert result_store.get_summary(job_id) is None

    def test_delete_removes_results_of_its_job_only(self, result_store: ResultStore) -> None:
        job_id, other = uuid4(), uuid4()
        for one in (job_id, other):
            for outcome in Outcome:
                store_results(result_store, one, outcome=outcome, errors=b"x")
        for _ in range(2):
            result_store.delete_all(job_id)
        for outcome in Outcome:
            assert result_store.download_link(job_id, outcome, filename="f") is None
            assert result_store.download_link(other, outcome, filename="f") is not None
        assert result_store.read_errors(other, 3, 0, 1) == b"x"


@pytest.mark.usefixtures("buckets")
class TestUploadBucket:
    def test_bucket_reads_the_requested_version_after_an_overwrite(self) -> None:
        bucket, job_id = UploadBucket(client=clients.s3, bucket=UPLOADS), uuid4()
        bucket.put(job_id, b"0123456789")
        bucket.put(job_id, b"other")
        [(first, _), _] = versions_in_s3(upload_key(job_id))
        assert bucket.read_range(first, 2, 5) == b"234"
        with bucket.open(first) as stream:
            assert stream.read() == b"0123456789"

    def test_metadata_is_that_of_the_requested_version(self) -> None:
        bucket, key = UploadBucket(client=clients.s3, bucket=UPLOADS), "drop/acme/annual/a.csv"
        for sheet in ("First", "Second"):
            clients.s3().put_object(Bucket=UPLOADS, Key=key, Body=b"a", Metadata={"sheet": sheet})
        assert [bucket.metadata(version) for version, _ in versions_in_s3(key)] == [
            {"sheet": "First"},
            {"sheet": "Second"},
        ]

    def test_presigned_form_limits_size_and_key(self) -> None:
        bucket, job_id = UploadBucket(client=clients.s3, bucket=UPLOADS), uuid4()
        form = bucket.presign(job_id, max_bytes=12_345, expires_in_seconds=60, content_sha256=None)
        conditions = json.loads(base64.b64decode(form.fields["policy"]))["conditions"]
        assert ["content-length-range", 0, 12_345] in conditions
        assert {"key": upload_key(job_id)} in conditions
        assert {"bucket": UPLOADS} in conditions
        assert "x-amz-checksum-sha256" not in form.fields

    def test_presigned_form_requires_the_declared_checksum(self) -> None:
        bucket, job_id = UploadBucket(client=clients.s3, bucket=UPLOADS), uuid4()
        form = bucket.presign(job_id, max_bytes=9, expires_in_seconds=60, content_sha256=sha256(b"figures").hexdigest())
        checksum = base64.b64encode(sha256(b"figures").digest()).decode()
        assert form.fields["x-amz-checksum-sha256"] == checksum
        conditions = json.loads(base64.b64decode(form.fields["policy"]))["conditions"]
        assert {"x-amz-checksum-sha256": checksum} in conditions


@pytest.mark.usefixtures("buckets")
class TestResultsBucket:
    def test_delete_removes_more_objects_than_one_request_allows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(results_bucket, "_DELETE_BATCH", 3)
        bucket, job_id = ResultsBucket(client=clients.s3, bucket=RESULTS), uuid4()
        for chunk in range(8):
            bucket.put_part(job_id, chunk, Part.ALL, b"x")
        bucket.delete_all(job_id)
        assert clients.s3().list_objects_v2(Bucket=RESULTS).get("Contents", []) == []

    def test_plan_and_manifest_are_read_as_they_were_stored(self) -> None:
        bucket, job_id = ResultsBucket(client=clients.s3, bucket=RESULTS), uuid4()
        assert bucket.get_plan(job_id) is None
        with pytest.raises(FileNotFoundError):
            bucket.get_manifest(job_id)
        bucket.put_plan(job_id, {"delimiter": ";"})
        key = bucket.put_manifest(job_id, [{"index": 0}, {"index": 1}])
        assert bucket.get_plan(job_id) == {"delimiter": ";"}
        assert bucket.get_manifest(job_id) == [{"index": 0}, {"index": 1}]
        assert clients.s3().get_object(Bucket=RESULTS, Key=key)["Body"].read().startswith(b"[")

    def test_parts_of_one_outcome_are_listed_with_their_sizes(self) -> None:
        bucket, job_id = ResultsBucket(client=clients.s3, bucket=RESULTS), uuid4()
        for chunk in (0, 7, 1_000):
            bucket.put_part(job_id, chunk, Part.FAILED, b"x" * chunk)
        bucket.put_part(job_id, 2, Part.ALL, b"x")
        assert bucket.part_sizes(job_id, Part.FAILED) == {0: 0, 7: 7, 1_000: 1_000}
        bucket.delete_parts(job_id, 7)
        assert bucket.part_sizes(job_id, Part.FAILED) == {0: 0, 1_000: 1_000}

    def test_summaries_are_read_in_order_and_a_missing_one_raises(self) -> None:
        bucket, job_id = ResultsBucket(client=clients.s3, bucket=RESULTS), uuid4()
        for chunk in range(25):
            bucket.put_part(job_id, chunk, Part.SUMMARY, b"%d" % chunk)
        assert list(bucket.read_summaries(job_id, [*range(24, -1, -1)])) == [
            b"%d" % chunk for chunk in range(24, -1, -1)
        ]
        assert list(bucket.read_summaries(job_id, [])) == []
        with pytest.raises(FileNotFoundError):
            list(bucket.read_summaries(job_id, [3, 25]))

    def test_result_file_is_assembled_from_parts_within_real_s3_limits(self) -> None:
        bucket, job_id = ResultsBucket(client=clients.s3, bucket=RESULTS), uuid4()
        parts = [b"a" * (6 * MEBIBYTE), b"b" * (5 * MEBIBYTE), b"c" * 10]
        for chunk, body in enumerate(parts):
            bucket.put_part(job_id, chunk, Part.ALL, body)
        header = b"row,outcome\n"
        pieces = [bucket.part_piece(job_id, Part.ALL, chunk, len(body)) for chunk, body in enumerate(parts)]
        bucket.assemble(job_id, Outcome.ALL, [header, *pieces])
        response = clients.s3().get_object(Bucket=RESULTS, Key=f"results/{job_id}/all.csv")
        assert response["Body"].read() == header + b"".join(parts)
        assert response["ContentType"] == "text/csv; charset=utf-8"

    def test_whole_input_is_copied_as_unprocessed_in_its_scored_version(self) -> None:
        uploads, bucket, job_id = (
            UploadBucket(client=clients.s3, bucket=UPLOADS),
            ResultsBucket(client=clients.s3, bucket=RESULTS),
            uuid4(),
        )
        uploads.put(job_id, b"mine")
        uploads.put(job_id, b"later")
        [(mine, _), _] = versions_in_s3(upload_key(job_id))
        bucket.copy_input(job_id, bucket=UPLOADS, key=mine.key, version_id=mine.version_id)
        kept = clients.s3().get_object(Bucket=RESULTS, Key=f"results/{job_id}/unprocessed.csv")
        assert kept["Body"].read() == b"mine"
        assert uploads.has(mine)
        uploads.delete(mine)
        assert not uploads.has(mine)
        with pytest.raises(FileNotFoundError):
            bucket.copy_input(job_id, bucket=UPLOADS, key=mine.key, version_id=mine.version_id)

    @pytest.mark.parametrize(
        "filename", ['a".csv', "a\r\nSet-Cookie: x.csv", "Büro.csv", "a\\b.csv", "\x7f.csv", "日本"]
    )
    def test_filename_in_download_link_cannot_inject_headers(self, filename: str) -> None:
        bucket, job_id = ResultsBucket(client=clients.s3, bucket=RESULTS), uuid4()
        bucket.assemble(job_id, Outcome.ALL, [b"x"])
        link = bucket.download_link(job_id, Outcome.ALL, filename=filename)
        assert link is not None
        query = parse_qs(urlsplit(link).query)
        [disposition] = query["response-content-disposition"]
        assert disposition.isprintable()
        assert disposition.isascii()
        assert disposition.count('"') == 2
        assert query["X-Amz-Expires"] == ["300"]


@given(filename=st.text(max_size=40))
def test_content_disposition_of_any_filename_is_printable_ascii(filename: str) -> None:
    header = results_bucket._attachment(filename)
    assert header.isascii()
    assert header.isprintable()
