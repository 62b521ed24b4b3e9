"""Files that are announced as JSON and sent straight to storage."""

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
from tests.unit.api.bodies import assert_is_a
from tests.unit.api.conftest import API, Client, only_job

URL = f"{API}/annual/bulk-upload-async"


class TestAnnounced:
    """A file that is sent straight to storage."""

    def test_gets_a_form_to_send_it_with(self, client: Client, store: FakeJobStore, uploads: FakeUploadStore) -> None:
        sent = {
            "filename": "dir/figures.xlsx",
            "file_size": 5_000_000,
            "content_sha256": "a" * 64,
            "labels": {"a": "b"},
        }
        answer = client.post(URL, json=sent)
        assert answer.status_code == 202
        body = answer.json()
        assert_is_a(UploadResponse, body)
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
        assert answer.headers["Location"] == f"{API}/jobs/{job.id}"

    def test_needs_its_name_only(self, client: Client, uploads: FakeUploadStore) -> None:
        answer = client.post(URL, json={"filename": "a.csv"})
        assert answer.status_code == 202
        assert answer.json()["estimated_time_minutes"] is None
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
    def test_is_refused_for_what_it_says_of_itself(
        self, client: Client, store: FakeJobStore, sent: dict[str, Any], status: int, code: str
    ) -> None:
        answer = client.post(URL, json=sent)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert not store.unreconciled()

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
    def test_is_422_when_the_body_is_not_what_it_should_be(
        self, client: Client, store: FakeJobStore, content: bytes
    ) -> None:
        answer = client.post(URL, content=content, headers={"Content-Type": "application/json; charset=utf-8"})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
        assert answer.json()["errors"]
        assert len(answer.content) < 2_000
        assert not store.unreconciled()

    def test_with_a_huge_body_is_413(self, client: Client) -> None:
        answer = client.post(URL, content=b"[" * 100_000, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

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
    def test_of_any_json_never_fails_the_service(self, client: Client, sent: dict[str, Any]) -> None:
        answer = client.post(URL, content=json.dumps(sent).encode(), headers={"Content-Type": "application/json"})
        assert answer.status_code in {202, 400, 413, 415, 422}
