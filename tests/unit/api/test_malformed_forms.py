"""Multipart bodies that are malformed, truncated or damaged."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.formparsers import MultiPartParser

from functions.api.app import create_app
from functions.api.dependencies import Services
from tests.fakes import FakeJobStore, FakeUploadStore
from tests.unit.api.conftest import API, COMPLETE_FORM, Client, Token, annual_csv, only_job

OPTION = b'--b\r\nContent-Disposition: form-data; name="encoding"\r\n\r\nutf-8\r\n'
FILE = COMPLETE_FORM.removesuffix(b"--b--\r\n")
URL = f"{API}/annual/bulk-upload-async"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


class TestMalformedForms:
    """Malformed multipart bodies."""

    def test_complete_form_is_accepted(self, client: Client) -> None:
        assert client.post(URL, content=COMPLETE_FORM, headers=MULTIPART).status_code == 202

    def test_text_after_the_closing_boundary_is_ignored(self, client: Client) -> None:
        # RFC 2046, 5.1.1: an epilogue.
        assert client.post(URL, content=COMPLETE_FORM + b"epilogue\r\n", headers=MULTIPART).status_code == 202

    @pytest.mark.hazard("JSON and numbers that parsers reject, huge limits, malformed or truncated forms, base64")
    @pytest.mark.parametrize("end", [0, 1, 3, 10, 40, 75, 80, 200, len(COMPLETE_FORM) - 8, len(COMPLETE_FORM) - 5])
    def test_form_truncated_in_the_middle_is_422_and_makes_no_job(
        self, client: Client, store: FakeJobStore, end: int
    ) -> None:
        response = client.post(URL, content=COMPLETE_FORM[:end], headers=MULTIPART)
        assert (response.status_code, response.json()["code"]) == (422, "validation_error")
        assert not store.unsettled()

    def test_form_truncated_after_the_file_is_422_and_makes_no_job(self, client: Client, store: FakeJobStore) -> None:
        option = b'--b\r\nContent-Disposition: form-data; name="validate_only"\r\n\r\ntrue\r\n--b--\r\n'
        whole = COMPLETE_FORM.removesuffix(b"--b--\r\n") + option
        for cut in (len(option) - 5, len(option) - 60, 4):
            assert client.post(URL, content=whole[:-cut], headers=MULTIPART).status_code == 422
        assert not store.unsettled()
        assert client.post(URL, content=whole, headers=MULTIPART).status_code == 202
        assert only_job(store).options.validate_only

    def test_form_field_that_is_not_utf_8_is_422_and_says_so(self, client: Client, store: FakeJobStore) -> None:
        labels = b'--b\r\nContent-Disposition: form-data; name="labels"\r\n\r\n{"team": "caf\xe9"}\r\n'
        response = client.post(URL, content=labels + COMPLETE_FORM, headers=MULTIPART)
        assert response.status_code == 422
        assert [error["message"] for error in response.json()["errors"]] == ["has a field that is not UTF-8 text"]
        assert not store.unsettled()
        accepted = client.post(URL, content=labels.replace(b"\xe9", "é".encode()) + COMPLETE_FORM, headers=MULTIPART)
        assert accepted.status_code == 202
        assert only_job(store).options.labels == {"team": "café"}

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
            (COMPLETE_FORM, {"Content-Type": "multipart/form-data; boundary=b; charset=undefined"}),
            (OPTION * 21 + COMPLETE_FORM, MULTIPART),
            (FILE + COMPLETE_FORM, MULTIPART),
            (FILE * 30 + COMPLETE_FORM, MULTIPART),
        ],
    )
    def test_malformed_form_is_422(
        self, client: Client, store: FakeJobStore, content: bytes, headers: dict[str, str]
    ) -> None:
        response = client.post(URL, content=content, headers=headers)
        assert (response.status_code, response.json()["code"]) == (422, "validation_error")
        assert not store.unsettled()

    @pytest.mark.parametrize(
        "content_type", ["", "text/csv", "application/x-www-form-urlencoded", "x", "multipart/mixed"]
    )
    def test_body_of_another_media_type_is_415(self, client: Client, content_type: str) -> None:
        response = client.post(URL, content=annual_csv(), headers={"Content-Type": content_type})
        assert (response.status_code, response.json()["code"]) == (415, "unsupported_format")

    @pytest.mark.hazard("JSON and numbers that parsers reject, huge limits, malformed or truncated forms, base64")
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_form_with_changed_bytes_is_never_a_server_error(self, client: Client, data: st.DataObject) -> None:
        body = bytearray(COMPLETE_FORM)
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
        assert client.post(URL, content=bytes(body), headers=MULTIPART).status_code in {202, 400, 415, 422}


def test_file_spooled_to_disk_is_stored_whole_and_once(
    services: Services, uploads: FakeUploadStore, token: Token
) -> None:
    header, row = annual_csv().splitlines(keepends=True)[:2]
    file = header + row * (MultiPartParser.spool_max_size // len(row) + 1)
    limits = replace(services.limits, multipart_max_bytes=2 * len(file))
    with asyncio.Runner() as runner:
        client = Client(create_app(replace(services, limits=limits)), runner, token())
        sent = [client.post(URL, files={"file": ("a.csv", file)}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [response.status_code for response in sent] == [202, 202]
    assert sent[1].headers["Idempotency-Replayed"] == "true"
    assert list(uploads.objects.values()) == [file]
