"""Putting stored objects together into one, by server-side copy where S3 allows it.

S3 takes a stored range as a part of a multipart upload without the bytes passing here, but every part except the last
must have 5 MiB. What is smaller is read and joined with its neighbours first, so memory stays at about one part.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

MIN_PART = 5 * 1024 * 1024
# Larger copies are split, as S3 asks (5 GiB) and so that one request stays short.
MAX_COPY = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A byte range of a stored object in the same bucket: `size` bytes from `start`."""

    key: str
    size: int
    start: int = 0


def compose(client: "S3Client", *, bucket: str, key: str, content_type: str, pieces: Sequence[Piece | bytes]) -> None:
    """Write `key` as the pieces in order. Nothing is visible under `key` before it is whole.

    Raises botocore's `ClientError` when a piece is not there; the unfinished upload is aborted then.
    """
    if sum(_size(piece) for piece in pieces) < MIN_PART:
        body = b"".join(_read(client, bucket, piece) for piece in pieces)
        client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
        return
    upload = client.create_multipart_upload(Bucket=bucket, Key=key, ContentType=content_type)["UploadId"]
    try:
        parts: list[CompletedPartTypeDef] = []
        for number, part in enumerate(_parts(client, bucket, pieces), start=1):
            if isinstance(part, bytes):
                etag = client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part)["ETag"]
            else:
                etag = client.upload_part_copy(
                    Bucket=bucket,
                    Key=key,
                    UploadId=upload,
                    PartNumber=number,
                    CopySource={"Bucket": bucket, "Key": part.key},
                    CopySourceRange=f"bytes={part.start}-{part.start + part.size - 1}",
                )["CopyPartResult"]["ETag"]
            parts.append({"ETag": etag, "PartNumber": number})
        client.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
    except BaseException:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        raise


def _parts(client: "S3Client", bucket: str, pieces: Sequence[Piece | bytes]) -> Iterator[Piece | bytes]:
    """The pieces cut and joined into parts of at least `MIN_PART`, the last excepted."""
    joined = b""
    for piece in pieces:
        rest = piece
        if isinstance(rest, Piece) and joined and _size(rest) >= MIN_PART:
            # Fill up what is joined so far, so that the rest can be copied where it lies.
            wanted = max(0, MIN_PART - len(joined))
            joined += _read(client, bucket, Piece(key=rest.key, start=rest.start, size=wanted)) if wanted else b""
            rest = Piece(key=rest.key, start=rest.start + wanted, size=rest.size - wanted)
        if isinstance(rest, Piece) and rest.size >= MIN_PART:
            if joined:
                yield joined
                joined = b""
            yield from _copies(rest)
        else:
            joined += _read(client, bucket, rest)
            if len(joined) >= MIN_PART:
                yield joined
                joined = b""
    if joined:
        yield joined


def _copies(piece: Piece) -> Iterator[Piece]:
    """A piece cut into copies, none of them below `MIN_PART`."""
    start, left = piece.start, piece.size
    while left:
        size = left if left < MAX_COPY + MIN_PART else MAX_COPY
        yield Piece(key=piece.key, start=start, size=size)
        start += size
        left -= size


def _size(piece: Piece | bytes) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.size


def _read(client: "S3Client", bucket: str, piece: Piece | bytes) -> bytes:
    if isinstance(piece, bytes):
        return piece
    if piece.size == 0:
        return b""
    answer = client.get_object(
        Bucket=bucket, Key=piece.key, Range=f"bytes={piece.start}-{piece.start + piece.size - 1}"
    )
    return answer["Body"].read()
