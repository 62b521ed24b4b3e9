"""Uploads: both forms, their options, and the files that are refused at once."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

import openpyxl
import pytest

from functions.api.upload_checks import GZIP_CHECKED_BYTES, WORKBOOK_MAX_UNPACKED_BYTES
from shared.api_types import UploadResponse
from shared.inputs.columns import profile_of
from shared.inputs.schema import template_csv
from shared.jobs.job import JobStatus, Source, UploadOptions
from shared.jobs.uploads import upload_key
from shared.vocabulary import JobType
from tests.fakes import FakeJobStore, FakeUploadStore, SettableClock
from tests.unit.api.conftest import API, MULTIPART_MAX_BYTES, Client, ClientOf, Token, annual_csv, only_job
from tests.unit.api.schema_checks import assert_matches
from tests.unit.workbook.workbook_builders import counted_unpacking, workbook_of_one_part, worksheet

URL = f"{API}/annual/bulk-upload-async"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
HEADER = annual_csv().splitlines(keepends=True)[0]


def archive(parts: Mapping[str, bytes]) -> bytes:
    """Returns a ZIP archive of these parts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, body in parts.items():
            # ZipInfo sets a fixed date. Test ids contain these bytes and must be the same in every worker process.
            zipped.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def gzipped(body: bytes) -> bytes:
    """Returns a gzip file, the same in every worker process."""
    return gzip.compress(body, mtime=0)


def workbook(rows: Sequence[Sequence[Any]]) -> bytes:
    """Returns an Excel workbook of these rows."""
    made = openpyxl.Workbook(write_only=True)
    sheet = made.create_sheet()
    for row in rows:
        sheet.append(row)
    saved = io.BytesIO()
    made.save(saved)
    return saved.getvalue()


def annual_rows() -> list[list[str]]:
    return list(csv.reader(io.StringIO(annual_csv().decode())))


def send(client: Client, body: bytes, name: str = "figures.csv", *, url: str = URL, **sent: Any) -> Any:
    return client.post(url, files={"file": (name, body)}, **sent)


class TestMultipart:
    """A small file through the API."""

    @pytest.mark.parametrize("job_type", ["annual", "quarterly"])
    def test_upload_makes_a_job_and_stores_the_file_unchanged(
        self, client: Client, store: FakeJobStore, uploads: FakeUploadStore, job_type: Any
    ) -> None:
        body = template_csv(job_type).encode()
        response = send(client, body, url=f"{API}/{job_type}/bulk-upload-async")
        assert response.status_code == 202
        assert_matches(UploadResponse, response.json())
        job = only_job(store)
        assert set(response.json()) == {
            "success", "message", "job_id", "task_id", "total_rows", "estimated_time_minutes", "status", "links",
        }  # fmt: skip
        assert (response.json()["job_id"], response.json()["total_rows"]) == (str(job.id), None)
        assert response.headers["Location"] == f"{API}/jobs/{job.id}"
        assert int(response.headers["Retry-After"]) > 0
        assert uploads.objects == {(upload_key(job.id), "v1"): body}
        assert (job.status, job.source, job.job_type, job.file_size) == (
            JobStatus.PENDING,
            Source.API,
            job_type,
            len(body),
        )
        assert (job.user_id, job.organization_id, job.created_by) == ("user-1", "acme", "jane.doe")
        assert client.get(response.json()["links"]["status"]).status_code == 200

    def test_upload_takes_options_from_the_form_and_from_the_query(self, client: Client, store: FakeJobStore) -> None:
        labels = json.dumps({"desk": "Zürich", "run": ""})
        response = send(
            client,
            annual_csv(),
            data={"labels": labels, "validate_only": "true", "encoding": "utf-8"},
            params={"max_failed_percent": "12.5", "validate_only": "false", "unknown": "ignored"},
        )
        assert response.status_code == 202
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
    def test_upload_stores_a_safe_display_name(
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
    def test_upload_accepts_common_variants_of_csv(self, client: Client, uploads: FakeUploadStore, body: bytes) -> None:
        assert send(client, body).status_code == 202
        assert list(uploads.objects.values()) == [body]

    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("a.tsv", annual_csv().replace(b",", b"\t")),
            ("A.TXT", annual_csv()),
            ("a.csv.gz", gzipped(annual_csv())),
            ("a.tsv.GZ", gzipped(annual_csv().replace(b",", b"\t"))),
            ("a.csv", gzipped(annual_csv())),
            ("a.csv.gz", annual_csv()),
            ("a.csv.gz", gzipped(annual_csv()[:99]) + gzipped(annual_csv()[99:])),
            ("a.csv.gz", gzipped(annual_csv().decode().encode("utf-16"))),
            # Of more than is checked before the job, and invalid behind that.
            ("a.csv.gz", gzipped(annual_csv() + b"A,B\n" * (GZIP_CHECKED_BYTES // 4) + b"\xff")),
        ],
    )
    def test_upload_accepts_every_ending_of_csv(
        self, client: Client, uploads: FakeUploadStore, name: str, body: bytes
    ) -> None:
        assert send(client, body, name).status_code == 202
        assert list(uploads.objects.values()) == [body]

    @pytest.mark.parametrize("name", ["a.xls", "a.ODS", "a.numbers", "a.xlsb"])
    def test_upload_of_another_spreadsheet_is_refused_with_what_to_save_it_as(self, client: Client, name: str) -> None:
        assert send(client, annual_csv(), name).json()["detail"] == (
            "The file's name has to end in .csv, .tsv, .txt, .csv.gz, .tsv.gz or .xlsx. Save the spreadsheet as an "
            "Excel workbook (.xlsx) or as CSV, and upload that."
        )

    def test_upload_accepts_a_declared_encoding(self, client: Client) -> None:
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
            (annual_csv(), "a.gz", 415, "unsupported_format"),
            (annual_csv(), "a.xlsx.gz", 415, "unsupported_format"),
            (annual_csv(), "csv", 415, "unsupported_format"),
            (annual_csv(), "a.csv.exe", 415, "unsupported_format"),
            (b"%PDF-1.7", "a.csv", 415, "unsupported_format"),
            (b"<!doctype html><html>", "a.csv", 415, "unsupported_format"),
            (archive({"a.txt": b"x"}), "a.csv", 415, "unsupported_format"),
            (bytes(range(256)) * 10, "a.csv", 415, "unsupported_format"),
            (b",".join(b"c%d" % n for n in range(201)) + b"\n", "a.csv", 413, "too_large"),
            (gzipped(b""), "a.csv.gz", 400, "empty_file"),
            (gzipped(HEADER), "a.csv.gz", 400, "empty_file"),
            (gzipped(annual_csv() + b"\xff"), "a.csv.gz", 400, "undecodable"),
            (gzipped(b"company_symbol,sector\n1,2\n"), "a.csv.gz", 400, "missing_columns"),
            (gzipped(gzipped(annual_csv())), "a.csv.gz", 415, "unsupported_format"),
            (gzipped(archive({"xl/workbook.xml": b"x"})), "a.csv.gz", 415, "unsupported_format"),
            (gzipped(annual_csv())[:-9], "a.csv.gz", 415, "unsupported_format"),
            (gzipped(annual_csv()) + b"more", "a.csv.gz", 415, "unsupported_format"),
        ],
    )
    def test_upload_of_a_file_that_cannot_be_scored_is_refused(
        self, client: Client, store: FakeJobStore, body: bytes, name: str, status: int, code: str
    ) -> None:
        response = send(client, body, name)
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert response.json()["detail"][0].isupper()
        assert not store.unsettled()

    def test_upload_names_every_missing_column_of_the_nearest_profile(self, client: Client) -> None:
        response = send(client, b"company_symbol,Market Cap,total-assets\nA,1,2\n")
        assert (response.status_code, response.json()["code"]) == (400, "missing_columns")
        profile, wanted = profile_of({"company_symbol", "market_cap", "total_assets"}, JobType.ANNUAL)
        assert (profile, len(wanted) > 5) == ("statements", True)
        assert all(name in response.json()["detail"] for name in wanted)
        assert "market_cap" not in response.json()["detail"]

    def test_upload_over_the_limit_is_413_and_suggests_a_presigned_upload(
        self, client: Client, store: FakeJobStore
    ) -> None:
        row = annual_csv().splitlines(keepends=True)[1]
        response = send(client, HEADER + row * (MULTIPART_MAX_BYTES // len(row) + 1))
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert "JSON" in response.json()["detail"]
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
    def test_upload_with_invalid_options_is_refused(
        self, client: Client, store: FakeJobStore, sent: dict[str, Any], field: str | None
    ) -> None:
        response = send(client, annual_csv(), **sent)
        assert (response.status_code, response.json()["code"]) == (422, "validation_error")
        assert field is None or field in {error["field"] for error in response.json()["errors"]}
        assert not store.unsettled()

    def test_errors_of_the_file_are_reported_before_errors_of_the_options(self, client: Client) -> None:
        response = send(client, b"", data={"max_failed_percent": "no number"})
        assert response.status_code == 400

    def test_upload_accepts_a_workbook_with_the_right_header(self, client: Client, uploads: FakeUploadStore) -> None:
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
    def test_upload_of_a_workbook_that_cannot_be_scored_is_refused(
        self, client: Client, store: FakeJobStore, body: Callable[[], bytes], status: int, code: str
    ) -> None:
        response = send(client, body(), "figures.xlsx")
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert not store.unsettled()

    @pytest.mark.hazard("A workbook that unpacks to much, has many entries or states false sizes")
    def test_workbook_of_many_sheets_is_refused_after_one_look_at_their_part(self, client: Client) -> None:
        body = workbook_of_one_part(worksheet("<row/>" * 200_000), names=300)
        assert len(body) < 40_000
        with counted_unpacking() as sizes:
            response = send(client, body, "figures.xlsx")
        assert (response.status_code, response.json()["code"]) == (400, "empty_file")
        assert sum(sizes) < 1_300_000

    def test_upload_leaves_a_workbook_that_unpacks_to_much_to_its_job(
        self, client: Client, store: FakeJobStore
    ) -> None:
        blank = b"<row/>" * (WORKBOOK_MAX_UNPACKED_BYTES // 6 // 8)
        body = archive({f"xl/worksheets/sheet{n}.xml": blank for n in range(9)} | {"xl/workbook.xml": b"no workbook"})
        assert len(body) < MULTIPART_MAX_BYTES
        assert send(client, body, "figures.xlsx").status_code == 202
        assert only_job(store).original_filename == "figures.xlsx"


class TestColumns:
    """The template and the schema."""

    @pytest.mark.parametrize("job_type", ["annual", "quarterly"])
    def test_template_can_be_uploaded(self, client: Client, job_type: str) -> None:
        template = client.get(f"{API}/{job_type}/template")
        assert template.headers["content-type"] == "text/csv; charset=utf-8"
        assert template.headers["content-disposition"] == f'attachment; filename="{job_type}_template.csv"'
        assert send(client, template.content, url=f"{API}/{job_type}/bulk-upload-async").status_code == 202

    def test_schema_names_the_columns_with_their_units(self, client: Client) -> None:
        body = client.get(f"{API}/annual/schema").json()
        assert (body["success"], body["job_type"]) == (True, "annual")
        columns = {column["name"]: column for column in body["columns"]}
        assert columns["market_cap"]["unit"] == "USD million"
        assert set(body["profiles"]["statements"]) <= set(columns)


class TestDuplicate:
    """A file that was uploaded before is accepted, and the response names the earlier job."""

    def upload(self, client: Client, url: str = URL, body: bytes = annual_csv()) -> dict[str, Any]:
        response = client.post(url, files={"file": ("a.csv", body)})
        assert response.status_code == 202
        accepted: dict[str, Any] = response.json()
        assert_matches(UploadResponse, accepted)
        return accepted

    def test_duplicate_names_the_first_job(self, client: Client, clock: SettableClock) -> None:
        first = self.upload(client)
        assert "duplicate_of" not in first
        clock.advance(timedelta(seconds=1))
        assert self.upload(client)["duplicate_of"] == first["job_id"]
        clock.advance(timedelta(seconds=1))
        assert self.upload(client)["duplicate_of"] == first["job_id"]

    def test_duplicate_is_found_for_a_presigned_upload(self, client: Client, clock: SettableClock) -> None:
        first = self.upload(client)
        clock.advance(timedelta(seconds=1))
        declared = sha256(annual_csv()).hexdigest().upper()
        response = client.post(URL, json={"filename": "b.csv", "content_sha256": declared})
        assert response.json()["duplicate_of"] == first["job_id"]

    def test_duplicate_in_another_organization_is_not_reported(
        self, client: Client, client_of: ClientOf, token: Token, clock: SettableClock
    ) -> None:
        self.upload(client)
        clock.advance(timedelta(seconds=1))
        assert "duplicate_of" not in self.upload(client_of(token(sub="user-4", organization_id="rival")))

    def test_duplicate_of_a_deleted_job_is_not_reported(self, client: Client, clock: SettableClock) -> None:
        first = self.upload(client)
        assert client.delete(f"{API}/jobs/{first['job_id']}").status_code == 200
        clock.advance(timedelta(seconds=1))
        assert "duplicate_of" not in self.upload(client)
