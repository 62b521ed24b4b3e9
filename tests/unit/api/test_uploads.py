"""Uploads: the two forms, their options, and what is refused at the door."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.api.bodies import UploadAccepted
from functions.api.door import WORKBOOK_MAX_UNPACKED_BYTES
from shared.jobs.model import Job, JobStatus, Source, UploadOptions
from shared.jobs.uploads import upload_key
from shared.scoring.columns import profile_of
from shared.scoring.documentation import template_csv
from tests.fakes import FakeJobStore, FakeUploadStore
from tests.unit.api.conftest import API, MULTIPART_MAX_BYTES, Client, annual_csv

URL = f"{API}/annual/bulk-upload-async"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
HEADER = annual_csv().splitlines(keepends=True)[0]


def archive(parts: Mapping[str, bytes]) -> bytes:
    """A ZIP archive of these parts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, body in parts.items():
            zipped.writestr(name, body)
    return packed.getvalue()


def workbook(rows: Sequence[Sequence[Any]]) -> bytes:
    """An Excel workbook of these rows."""
    made = openpyxl.Workbook(write_only=True)
    sheet = made.create_sheet()
    for row in rows:
        sheet.append(row)
    saved = io.BytesIO()
    made.save(saved)
    return saved.getvalue()


def annual_rows() -> list[list[str]]:
    return list(csv.reader(io.StringIO(annual_csv().decode())))


def only_job(store: FakeJobStore) -> Job:
    (job_id,) = store.unsettled()
    view = store.get(job_id)
    assert view is not None
    return view.job


def send(client: Client, body: bytes, name: str = "figures.csv", *, url: str = URL, **sent: Any) -> Any:
    return client.post(url, files={"file": (name, body)}, **sent)


class TestMultipart:
    """A small file through the API."""

    @pytest.mark.parametrize("job_type", ["annual", "quarterly"])
    def test_makes_a_job_and_stores_the_file_as_it_came(
        self, client: Client, store: FakeJobStore, uploads: FakeUploadStore, job_type: Any
    ) -> None:
        body = template_csv(job_type).encode()
        answer = send(client, body, url=f"{API}/{job_type}/bulk-upload-async")
        assert answer.status_code == 202
        UploadAccepted.model_validate(answer.json())
        job = only_job(store)
        assert set(answer.json()) == {
            "success", "message", "job_id", "task_id", "total_rows", "estimated_time_minutes", "status", "links",
        }  # fmt: skip
        assert (answer.json()["job_id"], answer.json()["total_rows"]) == (str(job.id), None)
        assert answer.headers["Location"] == f"{API}/jobs/{job.id}"
        assert int(answer.headers["Retry-After"]) > 0
        assert uploads.objects == {(upload_key(job.id), "v1"): body}
        assert (job.status, job.source, job.job_type, job.file_size) == (
            JobStatus.PENDING,
            Source.API,
            job_type,
            len(body),
        )
        assert (job.user_id, job.organization_id, job.created_by) == ("user-1", "acme", "jane.doe")
        assert client.get(answer.json()["links"]["status"]).status_code == 200

    def test_takes_options_from_the_form_and_from_the_query(self, client: Client, store: FakeJobStore) -> None:
        labels = json.dumps({"desk": "Zürich", "run": ""})
        answer = send(
            client,
            annual_csv(),
            data={"labels": labels, "validate_only": "true", "encoding": "utf-8"},
            params={"max_failed_percent": "12.5", "validate_only": "false", "unknown": "ignored"},
        )
        assert answer.status_code == 202
        assert only_job(store).options == UploadOptions(
            validate_only=True, max_failed_percent=12.5, encoding="utf-8", labels={"desk": "Zürich", "run": ""}
        )

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("../../etc/passwd.csv", "passwd.csv"),
            ("C:\\data\\figures.CSV", "figures.CSV"),
            ("%2e%2e%2ffigures.csv", "%2e%2e%2ffigures.csv"),
            ("a\u202excod.csv", "axcod.csv"),
            ("é" * 400 + ".csv", "é" * 251 + ".csv"),
        ],
    )
    def test_keeps_of_the_name_what_can_be_shown(
        self, client: Client, store: FakeJobStore, name: str, shown: str
    ) -> None:
        assert send(client, annual_csv(), name).status_code == 202
        assert only_job(store).original_filename == shown

    @pytest.mark.parametrize(
        "body",
        [
            annual_csv().replace(b",", b";"),
            annual_csv().replace(b"\n", b"\r\n"),
            annual_csv().replace(b"\n", b"\r"),
            b"\xef\xbb\xbf" + annual_csv(),
            annual_csv().decode().encode("utf-16"),
            b"sep=,\n" + annual_csv(),
            annual_csv().replace(b"Northwind", b"N\xc3\xb6rthwind"),
            annual_csv().upper(),
            b"\n\n" + annual_csv().rstrip(),
        ],
    )
    def test_takes_csv_as_people_write_it(self, client: Client, uploads: FakeUploadStore, body: bytes) -> None:
        assert send(client, body).status_code == 202
        assert list(uploads.objects.values()) == [body]

    def test_takes_a_declared_encoding(self, client: Client) -> None:
        body = annual_csv().replace(b"Northwind", "Nörthwind".encode("cp1252"))
        refused = send(client, body)
        assert (refused.status_code, refused.json()["code"]) == (400, "undecodable")
        assert f"byte {body.index(0xF6):,}" in refused.json()["detail"]
        assert send(client, body, params={"encoding": "windows-1252"}).status_code == 202

    @pytest.mark.parametrize(
        ("body", "name", "status", "code"),
        [
            (b"", "a.csv", 400, "empty_file"),
            (b" \n\n", "a.csv", 400, "empty_file"),
            (HEADER, "a.csv", 400, "empty_file"),
            (HEADER.rstrip(), "a.csv", 400, "empty_file"),
            (HEADER + b"\n  \r\n", "a.csv", 400, "empty_file"),
            (HEADER.decode().encode("utf-16"), "a.csv", 400, "empty_file"),
            (b"\xff" + annual_csv(), "a.csv", 400, "undecodable"),
            (annual_csv() + b"\xff", "a.csv", 400, "undecodable"),
            (annual_csv().decode().encode("utf-16-le"), "a.csv", 400, "undecodable"),
            (b'"company_symbol,sector\n1,2\n', "a.csv", 400, "unbalanced_quote"),
            (HEADER.rstrip() + b",Market Cap\n1\n", "a.csv", 400, "duplicate_columns"),
            (annual_csv(), "a.txt", 415, "unsupported_format"),
            (annual_csv(), "csv", 415, "unsupported_format"),
            (annual_csv(), "a.csv.exe", 415, "unsupported_format"),
            (b"%PDF-1.7", "a.csv", 415, "unsupported_format"),
            (b"<!doctype html><html>", "a.csv", 415, "unsupported_format"),
            (archive({"a.txt": b"x"}), "a.csv", 415, "unsupported_format"),
            (bytes(range(256)) * 10, "a.csv", 415, "unsupported_format"),
            (b",".join(b"c%d" % n for n in range(201)) + b"\n", "a.csv", 413, "too_large"),
        ],
    )
    def test_refuses_what_no_job_could_score(  # noqa: PLR0917 - fixtures, passed by name
        self, client: Client, store: FakeJobStore, body: bytes, name: str, status: int, code: str
    ) -> None:
        answer = send(client, body, name)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["detail"][0].isupper()
        assert not store.unsettled()

    def test_names_every_missing_column_of_the_nearest_profile(self, client: Client) -> None:
        answer = send(client, b"company_symbol,Market Cap,total-assets\nA,1,2\n")
        assert (answer.status_code, answer.json()["code"]) == (400, "missing_columns")
        profile, wanted = profile_of({"company_symbol", "market_cap", "total_assets"}, "annual")
        assert (profile, len(wanted) > 5) == ("ratios", True)
        assert all(name in answer.json()["detail"] for name in wanted)
        assert "market_cap" not in answer.json()["detail"]

    def test_over_the_limit_is_413_and_names_the_other_way(self, client: Client, store: FakeJobStore) -> None:
        row = annual_csv().splitlines(keepends=True)[1]
        answer = send(client, HEADER + row * (MULTIPART_MAX_BYTES // len(row) + 1))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert "JSON" in answer.json()["detail"]
        assert not store.unsettled()

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            ({"params": {"validate_only": "perhaps"}}, "body.validate_only"),
            ({"data": {"max_failed_percent": "101"}}, "body.max_failed_percent"),
            ({"data": {"max_failed_percent": "nan"}}, "body.max_failed_percent"),
            ({"data": {"max_failed_percent": "1e400"}}, "body.max_failed_percent"),
            ({"data": {"max_failed_percent": "-0.1"}}, "body.max_failed_percent"),
            ({"data": {"labels": "{"}}, "body.labels"),
            ({"data": {"labels": "[1]"}}, "body.labels"),
            ({"data": {"labels": "[" * 30_000}}, "body.labels"),
            ({"data": {"labels": '{"a": 1}'}}, "body.labels.a"),
            ({"data": {"labels": '{"a": "\\ud800"}'}}, "body.labels.a"),
            ({"data": {"labels": '{"a": "\\u0000"}'}}, "body.labels.a"),
            ({"data": {"labels": json.dumps({"k": "v" * 257})}}, "body.labels.k"),
            ({"data": {"labels": json.dumps({"k" * 65: "v"})}}, None),
            ({"data": {"labels": json.dumps({str(n): "v" for n in range(11)})}}, "body.labels"),
            ({"data": {"status": "completed"}}, "body.status"),
            ({"data": {"organization_id": "rival"}}, "body.organization_id"),
        ],
    )
    def test_refuses_options_it_cannot_use(
        self, client: Client, store: FakeJobStore, sent: dict[str, Any], field: str | None
    ) -> None:
        answer = send(client, annual_csv(), **sent)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
        assert field is None or field in {fault["field"] for fault in answer.json()["errors"]}
        assert not store.unsettled()

    def test_faults_of_the_file_come_before_faults_of_the_options(self, client: Client) -> None:
        answer = send(client, b"", data={"max_failed_percent": "no number"})
        assert answer.status_code == 400

    def test_takes_a_workbook_with_the_right_header(self, client: Client, uploads: FakeUploadStore) -> None:
        body = workbook(annual_rows())
        assert send(client, body, "figures.xlsx").status_code == 202
        assert list(uploads.objects.values()) == [body]

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (lambda: workbook([["company_symbol", "market_cap"], ["A", 1]]), 400, "missing_columns"),
            (lambda: workbook(annual_rows()[:1]), 400, "empty_file"),
            (lambda: workbook([]), 400, "empty_file"),
            (lambda: workbook(annual_rows())[:3_000], 415, "unsupported_format"),
            (lambda: archive({"xl/workbook.xml": b"<x/>"}), 415, "unsupported_format"),
            (
                lambda: archive({"xl/workbook.xml": b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"}),
                415,
                "unsupported_format",
            ),
        ],
    )
    def test_refuses_a_workbook_no_job_could_score(
        self, client: Client, store: FakeJobStore, body: Callable[[], bytes], status: int, code: str
    ) -> None:
        answer = send(client, body(), "figures.xlsx")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert not store.unsettled()

    def test_leaves_a_workbook_that_unpacks_to_much_to_its_job(self, client: Client, store: FakeJobStore) -> None:
        blank = b"<row/>" * (WORKBOOK_MAX_UNPACKED_BYTES // 6 // 8)
        body = archive({f"xl/worksheets/sheet{n}.xml": blank for n in range(9)} | {"xl/workbook.xml": b"no workbook"})
        assert len(body) < MULTIPART_MAX_BYTES
        assert send(client, body, "figures.xlsx").status_code == 202
        assert only_job(store).original_filename == "figures.xlsx"


COMPLETE_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + annual_csv() + b"\r\n--b--\r\n"
)


class TestMalformedForms:
    """Multipart bodies that are none."""

    def test_the_whole_form_is_a_good_one(self, client: Client) -> None:
        assert client.post(URL, content=COMPLETE_FORM, headers=MULTIPART).status_code == 202

    @pytest.mark.parametrize("end", [0, 1, 3, 10, 40, 75, 80, 200, len(COMPLETE_FORM) - 8, len(COMPLETE_FORM) - 5])
    def test_cut_in_the_middle_is_422_and_makes_no_job(self, client: Client, store: FakeJobStore, end: int) -> None:
        answer = client.post(URL, content=COMPLETE_FORM[:end], headers=MULTIPART)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
        assert not store.unsettled()

    @pytest.mark.parametrize(
        ("content", "headers"),
        [
            (COMPLETE_FORM, {"Content-Type": "multipart/form-data"}),
            (COMPLETE_FORM, {"Content-Type": "multipart/form-data; boundary=other"}),
            (COMPLETE_FORM, {"Content-Type": "multipart/form-data; boundary="}),
            (COMPLETE_FORM, {"Content-Type": f"multipart/form-data; boundary={'x' * 300}"}),
            (COMPLETE_FORM.replace(b'name="file"', b'name="other"'), MULTIPART),
            (COMPLETE_FORM.replace(b'; filename="a.csv"', b""), MULTIPART),
            (COMPLETE_FORM.replace(b'filename="a.csv"', b'filename=""'), MULTIPART),
            (COMPLETE_FORM.replace(b"Content-Disposition", b"Content-Whatever"), MULTIPART),
            (COMPLETE_FORM.replace(b"Content-Disposition: ", b"\xff\xfe\0: "), MULTIPART),
            (COMPLETE_FORM[:-8] + b"\r\n" + COMPLETE_FORM, MULTIPART),
            (b"\0" * 100, MULTIPART),
        ],
    )
    def test_are_422(self, client: Client, store: FakeJobStore, content: bytes, headers: dict[str, str]) -> None:
        answer = client.post(URL, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
        assert not store.unsettled()

    @pytest.mark.parametrize(
        "content_type", ["", "text/csv", "application/x-www-form-urlencoded", "x", "multipart/mixed"]
    )
    def test_of_another_type_are_415(self, client: Client, content_type: str) -> None:
        answer = client.post(URL, content=annual_csv(), headers={"Content-Type": content_type})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_format")

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_with_bytes_changed_anywhere_never_fail_the_service(self, client: Client, data: st.DataObject) -> None:
        body = bytearray(COMPLETE_FORM)
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
        assert client.post(URL, content=bytes(body), headers=MULTIPART).status_code in {202, 400, 415, 422}


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
        UploadAccepted.model_validate(body)
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
        assert not store.unsettled()

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
        assert not store.unsettled()

    def test_with_a_huge_body_is_413(self, client: Client) -> None:
        answer = client.post(URL, content=b"[" * 100_000, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

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


class TestColumns:
    """What callers are told of the files."""

    @pytest.mark.parametrize("job_type", ["annual", "quarterly"])
    def test_the_template_uploads_clean(self, client: Client, job_type: str) -> None:
        template = client.get(f"{API}/{job_type}/template")
        assert template.headers["content-type"] == "text/csv; charset=utf-8"
        assert template.headers["content-disposition"] == f'attachment; filename="{job_type}_template.csv"'
        assert send(client, template.content, url=f"{API}/{job_type}/bulk-upload-async").status_code == 202

    def test_the_schema_names_the_columns_with_their_units(self, client: Client) -> None:
        body = client.get(f"{API}/annual/schema").json()
        assert (body["success"], body["job_type"]) == (True, "annual")
        columns = {column["name"]: column for column in body["columns"]}
        assert columns["market_cap"]["unit"] == "USD million"
        assert set(body["profiles"]["statements"]) <= set(columns)
