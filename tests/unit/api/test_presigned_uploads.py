"""Presigned uploads: announced as JSON and sent directly to S3."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.api_types import UploadResponse
from shared.jobs.job import Source
from shared.jobs.uploads import upload_key
from tests.fakes import FakeJobStore, FakeUploadStore
from tests.unit.api.conftest import API, Client, only_job
from tests.unit.api.schema_checks import assert_matches

URL = f"{API}/annual/bulk-upload-async"


class TestPresignedUpload:
    """A file that is sent directly to S3."""

    def test_presigned_upload_returns_a_form(
        self, client: Client, store: FakeJobStore, uploads: FakeUploadStore
    ) -> None:
        sent = {
            "filename": "dir/figures.xlsx",
            "file_size": 5_000_000,
            "content_sha256": "a" * 64,
            "labels": {"a": "b"},
        }
        response = client.post(URL, json=sent)
        assert response.status_code == 202
        body = response.json()
        assert_matches(UploadResponse, body)
        job = only_job(store)
        assert body["upload"] == {
            "url": "https://uploads.example/",
            "fields": {"key": upload_key(job.id), "policy": "signed"},
            "expires_at": "2026-03-02T13:00:00.000Z",
            "max_bytes": 100 * 1024**2,
        }
        assert uploads.presigned == [(job.id, 100 * 1024**2, 3600)]
        assert (job.source, job.file_size, job.original_filename) == (Source.PRESIGNED, 5_000_000, "figures.xlsx")
        assert job.options.labels == {"a": "b"}
        assert uploads.declared_sha256 == job.content_sha256 == "a" * 64
        assert (UUID(body["job_id"]), body["status"], body["total_rows"]) == (job.id, "pending", None)
        assert response.headers["Location"] == f"{API}/jobs/{job.id}"

    def test_presigned_upload_needs_only_a_filename(self, client: Client, uploads: FakeUploadStore) -> None:
        response = client.post(URL, json={"filename": "a.csv"})
        assert response.status_code == 202
        assert response.json()["estimated_time_minutes"] is None
        assert uploads.presigned[0][1] == 2 * 1024**3

    @pytest.mark.parametrize("name", ["a.tsv", "a.TXT", "a.csv.gz", "a.tsv.gz"])
    def test_presigned_upload_accepts_every_ending_of_csv(
        self, client: Client, uploads: FakeUploadStore, name: str
    ) -> None:
        assert client.post(URL, json={"filename": name}).status_code == 202
        assert uploads.presigned[0][1] == 2 * 1024**3

    @pytest.mark.parametrize(
        ("sent", "status", "code"),
        [
            ({"filename": "a.pdf"}, 415, "unsupported_format"),
            ({"filename": "a.csv", "file_size": 0}, 400, "empty_file"),
            ({"filename": 5, "file_size": 0, "max_failed_percent": 101}, 400, "empty_file"),
            ({"filename": "a.csv", "file_size": 3 * 1024**3}, 413, "too_large"),
            ({"filename": "a.xlsx", "file_size": 101 * 1024**2}, 413, "too_large"),
            ({"filename": "a.csv", "encoding": "rot13"}, 400, "undecodable"),
        ],
    )
    def test_presigned_upload_is_refused_for_its_declared_properties(
        self, client: Client, store: FakeJobStore, sent: dict[str, Any], status: int, code: str
    ) -> None:
        response = client.post(URL, json=sent)
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert not store.unsettled()

    @pytest.mark.hazard("Unknown and read-only fields of a request body")
    @pytest.mark.parametrize(
        "content",
        [
            b"", b"{", b"[]", b"null", b'"a.csv"', b"{}", b'{"filename": null}',
            b'{"filename": ""}', b'{"filename": 5}',
            b'{"filename": "a.csv", "file_size": NaN}', b'{"filename": "a.csv", "file_size": 1e400}',
            b'{"filename": "a.csv", "file_size": -1}', b'{"filename": "a.csv", "file_size": "5"}',
            b'{"filename": "a.csv", "file_size": 1.5}', b'{"filename": "a.csv", "file_size": true}',
            b'{"filename": "a.csv", "file_size": ' + b"9" * 4_000 + b"}",
            b'{"filename": "a.csv", "file_size": ' + b"9" * 9_000 + b"}",
            b'{"filename": "a.csv", "max_failed_percent": Infinity}',
            b'{"filename": "a.csv", "max_failed_percent": true}',
            b'{"filename": "a.csv", "content_sha256": "xyz"}',
            b'{"filename": "a.csv", "content_sha256": "' + b"a" * 65 + b'"}',
            b'{"filename": "\\ud800.csv"}',
            b'{"filename": "a.csv", "\\ud800": 1}', b'{"filename": "a.csv", "\\u0000": 1}',
            b'{"filename": "a.csv", "labels": {"\\ud800": "x"}}', b'{"filename": "a.csv", "labels": {"a": null}}',
            b'{"filename": "a.csv", "job_id": "x"}', b'{"filename": "a.csv", "created_by": "root"}', b"\xff\xfe{",
            b"[" * 60_000, b'{"filename": "' + b"a" * 2_000 + b'.csv"}',
        ],
    )  # fmt: skip
    def test_presigned_upload_with_an_invalid_body_is_422(
        self, client: Client, store: FakeJobStore, content: bytes
    ) -> None:
        response = client.post(URL, content=content, headers={"Content-Type": "application/json; charset=utf-8"})
        assert (response.status_code, response.json()["code"]) == (422, "validation_error")
        assert response.json()["errors"]
        assert len(response.content) < 2_000
        assert not store.unsettled()

    def test_presigned_upload_with_a_huge_body_is_413(self, client: Client) -> None:
        response = client.post(URL, content=b"[" * 100_000, headers={"Content-Type": "application/json"})
        assert (response.status_code, response.json()["code"]) == (413, "too_large")

    @pytest.mark.hazard("JSON and numbers that parsers reject, huge limits, malformed or truncated forms, base64")
    @settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        sent=st.dictionaries(
            st.sampled_from(
                ["filename", "file_size", "labels", "encoding", "validate_only", "max_failed_percent", "x"]
            ),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just("a.csv"),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
                max_leaves=5,
            ),
        )
    )
    def test_presigned_upload_with_any_json_is_never_a_server_error(self, client: Client, sent: dict[str, Any]) -> None:
        response = client.post(URL, content=json.dumps(sent).encode(), headers={"Content-Type": "application/json"})
        assert response.status_code in {202, 400, 413, 415, 422}
