"""Composed S3 objects equal the concatenation of their pieces for all sizes within the limits of S3."""

from collections.abc import Iterator
from threading import Barrier, get_ident
from typing import Any

import moto.s3.models
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from shared.aws import clients, multipart
from shared.aws.multipart import Piece, compose
from tests.aws_resources import RESULTS, create_buckets

SMALL_PART = 64
SMALL_COPY = 300


@pytest.fixture(scope="module")
def small_parts() -> Iterator[None]:
    """Lowers the size limits of S3 in the adapter and in moto, which refuses smaller parts."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setattr(multipart, "MIN_PART", SMALL_PART)
        patch.setattr(multipart, "MAX_COPY", SMALL_COPY)
        patch.setattr(moto.s3.models, "S3_UPLOAD_PART_MIN_SIZE", SMALL_PART)
        create_buckets()
        yield


def body_of(key: str) -> bytes:
    return clients.s3().get_object(Bucket=RESULTS, Key=key)["Body"].read()


def composed(pieces: list[Piece | bytes], key: str = "out") -> bytes:
    compose(clients.s3(), bucket=RESULTS, key=key, content_type="text/csv", pieces=pieces)
    return body_of(key)


def unfinished_uploads() -> list[Any]:
    return clients.s3().list_multipart_uploads(Bucket=RESULTS).get("Uploads", [])


# Near the limits a part may become too small or a byte may get lost.
sizes = st.one_of(
    st.integers(0, 3 * SMALL_PART),
    st.sampled_from(
        [
            0,
            1,
            SMALL_PART - 1,
            SMALL_PART,
            SMALL_PART + 1,
            SMALL_COPY,
            SMALL_COPY + SMALL_PART - 1,
            SMALL_COPY + SMALL_PART,
            2 * SMALL_COPY + 1,
            4 * SMALL_COPY,
        ]
    ),
)
pieces_of = st.lists(st.tuples(sizes, st.booleans(), st.integers(0, 3)), max_size=10)


@settings(max_examples=40)
@given(plan=pieces_of)
@pytest.mark.usefixtures("small_parts")
def test_composed_object_is_the_concatenation_of_its_pieces(plan: list[tuple[int, bool, int]]) -> None:
    s3 = clients.s3()
    expected, pieces = b"", list[Piece | bytes]()
    for number, (size, is_stored, start) in enumerate(plan):
        # Each byte depends on its piece and offset, so that swapped or shifted bytes are found.
        body = bytes((number * 37 + offset) % 251 for offset in range(size))
        expected += body
        if is_stored:
            s3.put_object(Bucket=RESULTS, Key=f"in/{number}", Body=b"#" * start + body + b"!")
            pieces.append(Piece(key=f"in/{number}", start=start, size=size))
        else:
            pieces.append(body)
    assert composed(pieces) == expected
    assert unfinished_uploads() == []


@pytest.mark.usefixtures("small_parts")
def test_moto_refuses_parts_below_the_minimum_size() -> None:
    s3 = clients.s3()
    upload = s3.create_multipart_upload(Bucket=RESULTS, Key="k")["UploadId"]
    parts = [
        s3.upload_part(Bucket=RESULTS, Key="k", UploadId=upload, PartNumber=number, Body=b"x" * (SMALL_PART - 1))
        for number in (1, 2)
    ]
    with pytest.raises(ClientError, match="EntityTooSmall"):
        s3.complete_multipart_upload(
            Bucket=RESULTS,
            Key="k",
            UploadId=upload,
            MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": n} for n, part in enumerate(parts, 1)]},
        )
    s3.abort_multipart_upload(Bucket=RESULTS, Key="k", UploadId=upload)


@pytest.mark.usefixtures("small_parts")
def test_large_pieces_are_copied_without_a_download() -> None:
    s3 = clients.s3()
    for number in range(3):
        s3.put_object(Bucket=RESULTS, Key=f"large/{number}", Body=bytes([number]) * (SMALL_PART * 2))
    read: list[str] = []
    s3.meta.events.register("before-call.s3.GetObject", lambda **call: read.append(call["params"]["url_path"]), "spy")
    try:
        compose(
            s3,
            bucket=RESULTS,
            key="copied",
            content_type="text/csv",
            pieces=[Piece(key=f"large/{n}", size=SMALL_PART * 2) for n in range(3)],
        )
    finally:
        s3.meta.events.unregister("before-call.s3.GetObject", unique_id="spy")
    assert read == []
    assert body_of("copied") == b"\0" * 128 + b"\1" * 128 + b"\2" * 128


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("size", [1, SMALL_PART * 3])
def test_missing_piece_aborts_the_upload(size: int) -> None:
    with pytest.raises(ClientError):
        composed([b"x" * SMALL_PART * 2, Piece(key="absent", size=size)], key="never")
    assert unfinished_uploads() == []
    with pytest.raises(ClientError, match="NoSuchKey"):
        body_of("never")


@pytest.mark.usefixtures("small_parts")
def test_failed_compose_keeps_the_old_object() -> None:
    assert composed([b"old"], key="kept") == b"old"
    with pytest.raises(ClientError):
        composed([b"x" * SMALL_PART * 2, Piece(key="absent", size=SMALL_PART)], key="kept")
    assert body_of("kept") == b"old"


@pytest.mark.usefixtures("small_parts")
def test_parts_are_sent_with_the_allowed_concurrency() -> None:
    s3 = clients.s3()
    s3.put_object(Bucket=RESULTS, Key="one", Body=b"1" * SMALL_PART)
    # Each call waits for as many others as may run at once; one more or one less breaks the barrier.
    barrier = Barrier(multipart.AT_ONCE, timeout=20)
    under_way, most = set[int](), 0

    def sent(**_: Any) -> None:
        nonlocal most
        under_way.add(get_ident())
        most = max(most, len(under_way))
        barrier.wait()
        under_way.discard(get_ident())

    s3.meta.events.register("before-call.s3.UploadPartCopy", sent, "spy")
    try:
        composed([Piece(key="one", size=SMALL_PART)] * (2 * multipart.AT_ONCE), key="together")
    finally:
        s3.meta.events.unregister("before-call.s3.UploadPartCopy", unique_id="spy")
    assert most == multipart.AT_ONCE
    assert body_of("together") == b"1" * SMALL_PART * 2 * multipart.AT_ONCE
